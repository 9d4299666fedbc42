"""The running checks of tasks' assets."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Set
from typing import NamedTuple

from ltx_mock.store.tenant import Tenant


class Inspection(NamedTuple):
    """A running check of a task's assets. The task may have failed from `earliest` on."""

    tenant: Tenant
    earliest: int
    work: asyncio.Task[None]


class Inspections:
    """All running inspections, by tenant and task id: after a reset the same ids are given again."""

    def __init__(self) -> None:
        self._by_task: dict[tuple[Tenant, str], Inspection] = {}

    def has(self, tenant: Tenant, task_id: str) -> bool:
        """Tell whether the assets of a task are still being checked."""
        return (tenant, task_id) in self._by_task

    def __len__(self) -> int:
        return len(self._by_task)

    def begin(self, tenant: Tenant, task_id: str, earliest: int, work: Coroutine[None, None, None]) -> None:
        """Start an inspection; `earliest` is in Unix milliseconds."""
        inspection = Inspection(tenant, earliest, asyncio.create_task(work))
        self._by_task[tenant, task_id] = inspection
        inspection.work.add_done_callback(lambda _: self._by_task.pop((tenant, task_id), None))

    async def wait_for_inspections(self, tenant: Tenant, by: int | None = None) -> None:
        """Wait for the inspections of the tenant's tasks.

        With `by`, wait only for tasks that may have failed by then: an app may serve an image in a thread that waits
        for the response of another request.
        """
        pending = [
            each.work
            for each in self._by_task.values()
            if each.tenant == tenant and (by is None or each.earliest <= by)
        ]
        if pending:
            await asyncio.wait(pending)

    def cancel(self, removed: Set[Tenant] | None = None) -> list[asyncio.Task[None]]:
        """Cancel the inspections of removed tenants, or all, and return their tasks."""
        doomed = [each.work for each in self._by_task.values() if removed is None or each.tenant in removed]
        for work in doomed:
            work.cancel()
        return doomed
