"""The events of an advance: changes of tasks' states, and attempts to deliver callbacks."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

from ltx_mock.asgi.turns import in_turns
from ltx_mock.core.records import Attempt, Delivery, Task
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.api import State

Event = dict[str, object]

RUN = 1000
"""So many events are sorted at once."""


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
    """Events in order, which are sorted while they are read."""

    def __init__(self) -> None:
        self._runs: list[list[Placed]] = []

    def __iter__(self) -> Iterator[Event]:
        return map(Placed.as_dict, merge(*self._runs, key=itemgetter(0, 1)))

    async def add(self, events: Iterable[Placed]) -> None:
        """Add events of one tenant, in turns with other requests."""
        run: list[Placed] = []
        async for event in in_turns(events):
            run.append(event)
            if len(run) == RUN:
                self._runs.append(sorted(run))
                run = []
        if run:
            self._runs.append(sorted(run))

    def extend(self, others: Iterable[Fired]) -> None:
        """Add those of other tenants; at equal times they come later."""
        for other in others:
            self._runs += other._runs  # noqa: SLF001 - the same class


class Before(NamedTuple):
    """A tenant before an advance: the moment, its unfinished tasks, how many it had made, the attempts of callbacks."""

    moment: int
    unfinished: list[str]
    made: int
    attempts: dict[str, int]

    @classmethod
    def of(cls, tenant: Tenant, without: Container[str] = ()) -> Before:
        """Return the present state; tasks `without` a final outcome are left out."""
        now = tenant.clock.now()
        unfinished = [task.id for task in tenant.unfinished(now) if task.id not in without]
        attempts = {delivery.id: len(delivery.attempts) for delivery in tenant.deliveries() if delivery.attempts}
        return cls(now, unfinished, tenant.account(now).made, attempts)


class After(NamedTuple):
    """The tenant after it: the tasks that were unfinished or made meanwhile, and its callbacks. A unit of work."""

    tasks: list[Task]
    deliveries: Sequence[Delivery]

    @classmethod
    def of(cls, tenant: Tenant, before: Before, until: int, *, with_new: bool = True) -> After:
        """Return the present state."""
        made = tenant.account(until).made - before.made if with_new else 0
        new = [task.id for task in islice(reversed(tenant.tasks()), made)]
        ids = dict.fromkeys([*before.unfinished, *reversed(new)])
        return cls([task for task_id in ids if (task := tenant.task(task_id))], list(tenant.deliveries()))

    def events(self, before: Before, until: int) -> Iterator[Placed]:
        """Yield what happened meanwhile; at equal times state changes come first."""
        for task in self.tasks:
            for at, state in task.timeline.transitions(before.moment, until):
                yield Placed(at, (0, task.number, 0), task.id, state)
        for order, delivery in enumerate(self.deliveries):
            for attempt in delivery.attempts[before.attempts.get(delivery.id, 0) :]:
                place = 1, order, attempt.number
                yield Placed(attempt.at, place, delivery.task_id, None, delivery.id, attempt)
