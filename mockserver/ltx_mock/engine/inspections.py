"""Looks at the assets of tasks that are under way, and how to wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import NamedTuple

from ltx_mock.store.interface import Tenant


class Inspection(NamedTuple):
    """A look at the assets of a task that is under way; from `earliest` on it may have failed for them."""

    tenant: Tenant
    earliest: int
    work: asyncio.Task[None]


class Inspections:
    """All that are under way, by the ids of their tasks."""

    def __init__(self) -> None:
        self._by_task: dict[str, Inspection] = {}

    def __contains__(self, task_id: object) -> bool:
        """Tell whether it is still being found out how a task ends."""
        return task_id in self._by_task

    def __len__(self) -> int:
        return len(self._by_task)

    def begin(
        self, tenant: Tenant, task_id: str, earliest: int, work: Coroutine[None, None, None], done: Callable[[], None]
    ) -> None:
        """Set one going; `earliest` is in Unix milliseconds, and `done` is called when it is over."""
        inspection = Inspection(tenant, earliest, asyncio.create_task(work))
        self._by_task[task_id] = inspection

        def over(_: object) -> None:
            self._by_task.pop(task_id, None)
            done()

        inspection.work.add_done_callback(over)

    async def wait_for_inspections(self, tenant: Tenant, by: int | None = None) -> None:
        """Wait until it is known how each of the tenant's tasks ends: no fetch of an asset is under way.

        With `by`, only for those that may have failed by that moment: who serves an image and waits for the answer
        to another request, in one thread, must not wait for himself.
        """
        pending = [
            each.work
            for each in self._by_task.values()
            if each.tenant == tenant and (by is None or each.earliest <= by)
        ]
        if pending:
            await asyncio.wait(pending)

    def cancel(self, tenants: Iterable[Tenant] | None = None) -> list[asyncio.Task[None]]:
        """Stop those of some tenants, or all, and return what is being stopped."""
        theirs = None if tenants is None else list(tenants)
        doomed = [each.work for each in self._by_task.values() if theirs is None or each.tenant in theirs]
        for work in doomed:
            work.cancel()
        return doomed
