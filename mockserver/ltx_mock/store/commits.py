"""Run units of work on copies of tenants, and commit all that wait together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from ltx_mock.asgi.turns import serve_others
from ltx_mock.errors import UnavailableError
from ltx_mock.store.backend import Backend, BackendError, Change, Committed, Missed, Outcome
from ltx_mock.store.copies import Copies
from ltx_mock.store.observers import Notification
from ltx_mock.store.reach import Reach
from ltx_mock.store.replica import ReplicaTenant

T = TypeVar("T")


class ForgottenError(Exception):
    """There is no copy of the tenant in this process any more; perhaps the tenant was removed."""


class _Unit(NamedTuple):
    """A unit of work that waits, and the future of its result."""

    work: Callable[[Any], Any]
    done: asyncio.Future[Any]


class _Attempt(NamedTuple):
    """What was done to one copy, and not yet written: the results of its units, and the notifications to come."""

    copy: ReplicaTenant
    units: list[_Unit]
    results: list[tuple[object, Exception | None]]
    notifications: list[Notification]
    change: Change


class Commits:
    """The units of work that wait, and their commits.

    Args:
        backend: where the state lies.
        copies: the copies of tenants.
        reach: is told when the backend cannot be reached.

    Attributes:
        lock: Held while something is committed.
    """

    def __init__(self, backend: Backend, copies: Copies, reach: Reach) -> None:
        self.lock = asyncio.Lock()
        self._backend, self._copies, self._reach = backend, copies, reach
        self._waiting: dict[str, list[_Unit]] = {}
        self._work_came = asyncio.Event()

    def waits_for(self, space: str) -> bool:
        """Tell whether a unit of work waits for the copy of a space."""
        return space in self._waiting

    def add(self, space: str, work: Callable[[Any], T]) -> asyncio.Future[T]:
        """Let a unit of work wait for the next commit, and return the future of its result.

        The future raises what the work raises, `ForgottenError`, or `UnavailableError`.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(space, []).append(_Unit(work, done))
        self._work_came.set()
        return done

    def give_up(self) -> None:
        """Let all units of work that wait fail, for the server stops."""
        waiting, self._waiting = self._waiting, {}
        for units in waiting.values():
            _fail(units, stopping())

    async def run_forever(self) -> None:
        """Run and commit what waits, until this is cancelled."""
        while True:
            await self._work_came.wait()
            async with self.lock:
                # A commit costs as much as the work of several requests. So there is a turn to write the responses for
                # the last one, a turn to read what these bring, and one for its work, to be committed with what waits.
                for _ in range(3):
                    await serve_others()
                self._work_came.clear()
                waiting, self._waiting = self._waiting, {}
                try:
                    await self._commit([self._attempt(space, units) for space, units in waiting.items()])
                except BaseException as error:
                    defect = error if isinstance(error, Exception) else stopping()
                    for space, units in waiting.items():
                        _fail(units, defect)
                        if (copy := self._copies.get(space)) is not None:
                            self._copies.forget(copy)  # nobody knows what state it has
                    if defect is not error:
                        raise

    def _attempt(self, space: str, units: list[_Unit]) -> _Attempt | None:
        """Run units of work on a copy; None if there is none."""
        copy, outbox = self._copies.get(space), self._copies.outbox
        if copy is None:
            _fail(units, ForgottenError())
            return None
        units = [unit for unit in units if not unit.done.done()]
        results, notifications = [], list[Notification]()
        for unit in units:
            outbox.hold()
            outcome = copy.attempt(unit.work)
            results.append(outcome)
            held = outbox.release()
            if outcome[1] is None:
                notifications += held
        copy.trim()
        change = Change(space, copy.version, copy.changed_records(), copy.new_lines())
        return _Attempt(copy, units, results, notifications, change)

    async def _commit(self, attempts: Iterable[_Attempt | None]) -> None:
        present = [attempt for attempt in attempts if attempt is not None]
        try:
            outcomes = await self._outcomes([attempt.change for attempt in present])
        except BackendError as error:
            unavailable = self._reach.lost(error)
            for attempt in present:
                self._take_back(attempt.copy)
                _fail(attempt.units, unavailable)
            return
        for attempt, outcome in zip(present, outcomes, strict=True):
            await self._finish(attempt, outcome)

    async def _outcomes(self, changes: list[Change]) -> list[Outcome]:
        """Write changes, and return their outcomes. One that changes nothing need only be about the newest version."""
        writing = [change for change in changes if change.records or change.lines]
        written = iter(await self._backend.commit(writing) if writing else ())
        return [next(written) if change.records or change.lines else await self._compared(change) for change in changes]

    async def _compared(self, change: Change) -> Outcome:
        found = await self._backend.read(change.space, change.version)
        return Committed(change.version) if found == Missed(change.version, {}) else found

    async def _finish(self, attempt: _Attempt, outcome: Outcome) -> None:
        copy = attempt.copy
        if isinstance(outcome, Committed):
            useless_to = copy.useless_to
            entries = iter(copy.committed(outcome.version, outcome.first_line - copy.lines))
            for notify in attempt.notifications:
                notify(entries)
            for unit, (result, error) in zip(attempt.units, attempt.results, strict=True):
                if unit.done.done():
                    continue
                if error is None:
                    unit.done.set_result(result)
                else:
                    unit.done.set_exception(error)
            if useless_to:
                with contextlib.suppress(BackendError):
                    await self._backend.forget_lines(copy.space, useless_to + copy.lines)
            return
        self._take_back(copy)
        if isinstance(outcome, Missed):
            copy.apply(outcome.version, outcome.records)
            self._waiting[copy.space] = [*attempt.units, *self._waiting.get(copy.space, ())]
            self._work_came.set()
        else:
            self._copies.forget(copy)
            _fail(attempt.units, ForgottenError())

    def _take_back(self, copy: ReplicaTenant) -> None:
        outbox = self._copies.outbox
        outbox.hold()
        copy.take_back()
        outbox.release()
        if copy.own_settings is None:
            copy.settings = self._copies.settings


def stopping() -> UnavailableError:
    """Return the error for work that comes while the server stops."""
    return UnavailableError("the server is stopping")


def _fail(units: Iterable[_Unit], error: Exception) -> None:
    for unit in units:
        if not unit.done.done():
            unit.done.set_exception(error)
