"""The fake as a target of the task machine: two fresh worlds, their time in step, and a real receiver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

from ltx_mock import MockServer
from ltx_mock.errors import ConflictError
from ltx_mock.testing.tenant import World
from ltx_mock_contracts.stateful import Target
from mutants.servers import BrokenServer
from support.receivers import Receiver

SLOTS = 2


class Inbox:
    """The callbacks that come to one path of a receiver, which many runs may share."""

    def __init__(self, receiver: Receiver, path: str) -> None:
        self.url = f"{receiver.root}{path}"
        self._receiver = receiver
        self._path = path
        self._bodies: list[bytes] = []

    def bodies(self) -> list[bytes]:
        self._bodies += [received.body for received in self._receiver.take_all() if received.path == self._path]
        return self._bodies


class Both:
    """Two worlds whose time moves as one. Nobody else moves it, so it need not be asked for each time."""

    def __init__(self, first: World, second: World) -> None:
        self.first, self.second = first, second
        self.now = first.clock.now

    def advance(self, seconds: float) -> None:
        for world in (self.first, self.second):
            world.clock.advance(seconds)
        self.now += round(seconds * 1000)

    def finish(self, task_id: str, state: str) -> None:
        owner = self.first if any(task.id == task_id for task in self.first.tasks) else self.second
        with suppress(ConflictError):  # a broken server has said that it is not finished
            owner.finish(task_id, state)


class Fake:
    """Makes targets of one server: each has two new worlds, and all that the machine can use.

    Args:
        server: the server, with a clock that stands.
        receiver: where callbacks go.
        socket: whether the clients use a socket or call the application directly.
    """

    def __init__(self, server: MockServer | BrokenServer, receiver: Receiver, *, socket: bool) -> None:
        self.server, self.receiver, self.socket = server, receiver, socket
        self._paths = map("/run/{}".format, count(1))

    @contextmanager
    def __call__(self) -> Iterator[Target]:
        options: dict[str, Any] = {} if self.socket else {"transport": self.server.transport}
        with self.worlds(max_concurrent=SLOTS) as worlds, target_of(worlds, self.inbox(), **options) as target:
            yield target

    def inbox(self) -> Inbox:
        """Return an inbox that nobody has used yet."""
        return Inbox(self.receiver, next(self._paths))

    @contextmanager
    def worlds(self, **settings: Any) -> Iterator[Both]:
        """Lend two worlds that begin anew. Their keys are the same each time, and so is all that hangs on them."""
        yield Both(self.server.tenant("first", **settings), self.server.tenant("second", **settings))


def target_of(worlds: Both, inbox: Inbox, slots: int = SLOTS, **options: Any) -> Target:
    """Return the target of two worlds with so many slots; options go to the clients."""
    return Target(
        client=worlds.first.client(**options),
        other_client=worlds.second.client(**options),
        clock=worlds,
        finish=worlds.finish,
        callbacks=inbox,
        max_concurrent=slots,
        violating_prompt="[[content-violation]]",
        choices=True,
    )
