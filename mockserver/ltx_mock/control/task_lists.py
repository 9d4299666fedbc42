"""The newest tasks and callbacks of several tenants."""

from __future__ import annotations

from collections.abc import Iterable, Reversible, Sequence
from itertools import islice
from typing import TypeVar

from ltx_mock.control.newest import newest
from ltx_mock.core.records import Delivery, Task
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.api import State

T = TypeVar("T")


async def newest_tasks(
    tenants: Sequence[Tenant], state: State | None, limit: int
) -> tuple[list[tuple[Tenant, Task]], bool]:
    """Return the newest tasks, of one state if given, as `newest` does."""
    if state is None:
        return await newest(tenants, lambda each: _last(each.tasks(), limit), _created, _last_created, limit)

    def in_state(tenant: Tenant) -> Iterable[Task]:
        return tenant.in_state(state, tenant.clock.now())

    def highest(tenant: Tenant) -> int | None:
        return _last_created(tenant) if tenant.states(tenant.clock.now())[state] else None

    return await newest(tenants, in_state, _created, highest, limit)


async def newest_deliveries(tenants: Sequence[Tenant], limit: int) -> tuple[list[tuple[Tenant, Delivery]], bool]:
    """Return the callbacks of the newest tasks, as `newest` does."""
    return await newest(tenants, lambda each: _last(each.deliveries(), limit), _planned, _last_planned, limit)


def _last(items: Reversible[T], limit: int) -> list[T]:
    """Return the newest items, newest first, and one beyond the limit."""
    return list(islice(reversed(items), limit + 1))


def _created(_: Tenant, task: Task) -> int:
    return task.timeline.created


def _last_created(tenant: Tenant) -> int | None:
    return next((_created(tenant, each) for each in reversed(tenant.tasks())), None)


def _planned(tenant: Tenant, delivery: Delivery) -> int:
    """Return the time at which a callback was scheduled: the creation of its task."""
    task = tenant.task(delivery.task_id)
    return task.timeline.created if task else 0


def _last_planned(tenant: Tenant) -> int | None:
    return next((_planned(tenant, each) for each in reversed(tenant.deliveries())), None)
