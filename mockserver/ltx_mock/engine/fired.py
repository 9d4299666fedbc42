"""The events of an advance: changes of tasks' states, and attempts to deliver callbacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from operator import itemgetter
from typing import NamedTuple

from ltx_mock.asgi.turns import AT_ONCE, drained, in_turns, serve_others
from ltx_mock.core.records import Attempt, Delivery, Task
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.api import State

Event = dict[str, object]

RUN = 1000
"""The number of events that are sorted at once."""

_ORDER = itemgetter(0, 1)


class Placed(NamedTuple):
    """An event of one tenant: its time in Unix milliseconds, its place among those of the same time, and its facts."""

    at: int
    place: tuple[int, int, int]
    task_id: str
    state: State | None = None
    delivery_id: str | None = None
    attempt: Attempt | None = None

    def as_dict(self) -> Event:
        """Return it as JSON of the control plane."""
        if self.attempt is None:
            return {"at": self.at, "event": "state", "taskId": self.task_id, "state": self.state}
        about: Event = {"event": "callback", "taskId": self.task_id, "deliveryId": self.delivery_id}
        return about | self.attempt._asdict()


class Fired:
    """Events in order. They can be read once, since each is freed then: to free very many at once takes long.

    Attributes:
        runs: Lists of them, each in order; few, since very many take long to merge.
    """

    def __init__(self) -> None:
        self.runs: list[list[Placed]] = []

    def __iter__(self) -> Iterator[Event]:
        return map(Placed.as_dict, merge(*map(drained, self.runs), key=_ORDER))

    async def add(self, several: Iterable[list[Placed]]) -> None:
        """Add lists of events; other requests are served before each. Equal places are in the order of the lists."""
        for events in several:
            await serve_others()
            if not self.runs or len(self.runs[-1]) + len(events) > RUN:
                self.runs.append([])
            self.runs[-1] += events
        for run in self.runs:
            run.sort(key=_ORDER)
            await serve_others()


class Before(NamedTuple):
    """A tenant before an advance: the moment, the callbacks with attempts, and the tasks `without` a final outcome.

    It is taken in one step, which is short even with very many tasks; `attempts` and `After.events` have their turns.
    """

    moment: int
    attempted: list[Delivery]
    without: frozenset[str] = frozenset()

    @classmethod
    def of(cls, tenant: Tenant, without: Iterable[str] = ()) -> Before:
        """Return the present state. A unit of work."""
        attempted = [delivery for delivery in tenant.deliveries() if delivery.attempts]
        return cls(tenant.clock.now(), attempted, frozenset(without))

    async def attempts(self) -> dict[str, int]:
        """Return the numbers of attempts, by the ids of the callbacks; `attempted` is emptied."""
        return {each.id: len(each.attempts) async for each in in_turns(drained(self.attempted))}


class After(NamedTuple):
    """The tenant after it: its tasks, in the order of their creation, and its callbacks."""

    tasks: Sequence[Task]
    deliveries: Sequence[Delivery]

    @classmethod
    def of(cls, tenant: Tenant) -> After:
        """Return the present state. A unit of work."""
        return cls(list(tenant.tasks()), list(tenant.deliveries()))

    def events(self, before: Before, attempts: Mapping[str, int], until: int) -> Iterator[list[Placed]]:
        """Yield what happened meanwhile, to some at once; at equal times state changes come first."""
        for first in range(0, len(self.tasks), AT_ONCE):
            yield [
                Placed(at, (0, task.number, 0), task.id, state)
                for task in self.tasks[first : first + AT_ONCE]
                if task.timeline.ended > before.moment and task.id not in before.without
                for at, state in task.timeline.transitions(before.moment, until)
            ]
        for first in range(0, len(self.deliveries), AT_ONCE):
            yield [
                Placed(attempt.at, (1, order, attempt.number), each.task_id, None, each.id, attempt)
                for order, each in enumerate(self.deliveries[first : first + AT_ONCE], first)
                for attempt in each.attempts[attempts.get(each.id, 0) :]
            ]
