"""The newest tasks and callbacks of several tenants, without those that are made while a list is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from ltx_mock.control.newest import newest
from ltx_mock.core.records import Delivery, Task
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.api import State


async def newest_tasks(
    tenants: Sequence[Tenant], state: State | None, limit: int
) -> tuple[list[tuple[Tenant, Task]], bool]:
    """Return the newest tasks, of one state if given, as `newest` does."""
    last = _LastTasks()

    def items(tenant: Tenant) -> Iterable[Task]:
        if state is None:
            enough = limit + 1 + last.made_since(tenant)
            tasks: Iterable[Task] = [*islice(reversed(tenant.tasks()), enough)]
        else:
            tasks = tenant.in_state(state, tenant.clock.now())
        return (task for task in tasks if last.include(tenant, task))

    def highest(tenant: Tenant) -> int | None:
        task = last.note(tenant)
        has_some = state is None or tenant.states(tenant.clock.now())[state]
        return task.timeline.created if task and has_some else None

    return await newest(tenants, items, lambda _, task: task.timeline.created, highest, limit)


async def newest_deliveries(tenants: Sequence[Tenant], limit: int) -> tuple[list[tuple[Tenant, Delivery]], bool]:
    """Return the callbacks of the newest tasks, as `newest` does."""
    last = _LastTasks()

    def items(tenant: Tenant) -> Iterable[Delivery]:
        deliveries = [*reversed(tenant.deliveries())]
        return (each for each in deliveries if last.include(tenant, tenant.task(each.task_id)))

    def planned(tenant: Tenant, delivery: Delivery) -> int:
        """Return the time at which a callback was scheduled: the creation of its task."""
        task = tenant.task(delivery.task_id)
        return task.timeline.created if task else 0

    def highest(tenant: Tenant) -> int | None:
        last.note(tenant)
        return next((planned(tenant, each) for each in reversed(tenant.deliveries())), None)

    return await newest(tenants, items, planned, highest, limit)


class _LastTasks:
    """The number of the last task of each tenant when a list began."""

    def __init__(self) -> None:
        self._numbers: dict[Tenant, int] = {}

    def note(self, tenant: Tenant) -> Task | None:
        """Note the last task of a tenant, and return it."""
        task = _last_task(tenant)
        self._numbers[tenant] = task.number if task else 0
        return task

    def made_since(self, tenant: Tenant) -> int:
        """Return how many tasks were made since."""
        task = _last_task(tenant)
        return max(0, task.number - self._numbers[tenant]) if task else 0

    def include(self, tenant: Tenant, task: Task | None) -> bool:
        """Tell whether a task was there; one that has been removed was."""
        return task is None or task.number <= self._numbers[tenant]


def _last_task(tenant: Tenant) -> Task | None:
    return next(iter(reversed(tenant.tasks())), None)
