"""The copies of tenants that a worker keeps, within the limits on memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext

from ltx_mock.collector import paused_collector
from ltx_mock.core.settings import MEBIBYTE, Settings
from ltx_mock.store.backend import Missed
from ltx_mock.store.memory_budget import MAX_TASK_BYTES, Budget, shorten_journals, tenants_to_forget
from ltx_mock.store.memory_tenant import Shared
from ltx_mock.store.observers import Outbox
from ltx_mock.store.replica import ReplicaTenant

MANY_RECORDS = 10_000


class Copies:
    """Copies of tenants by their spaces.

    Args:
        settings: the settings of the server, which tenants without own settings have; also the limits on memory.
        outbox: is notified of changes.
        is_busy: tells whether units of work wait for the copy of a space, so that it is not forgotten now.

    Attributes:
        outbox: Is notified of changes of all copies.
        settings: The settings of tenants without own settings.
        shared: What the copies share.
    """

    def __init__(self, settings: Settings, outbox: Outbox, is_busy: Callable[[str], bool]) -> None:
        self.outbox, self.settings = outbox, settings
        self.is_busy = is_busy
        self._by_space: dict[str, ReplicaTenant] = {}
        self.shared = Shared(
            outbox,
            Budget(settings.journal_memory * MEBIBYTE, self._shorten_journals),
            Budget(MAX_TASK_BYTES, self._forget_some),
        )

    def __contains__(self, space: object) -> bool:
        return space in self._by_space

    def __iter__(self) -> Iterator[ReplicaTenant]:
        return iter(list(self._by_space.values()))

    def get(self, space: str) -> ReplicaTenant | None:
        """Return the copy of a space, or None."""
        return self._by_space.get(space)

    def add(self, copy: ReplicaTenant, found: Missed) -> None:
        """Keep a new copy, and fill it with all that its space holds."""
        self._by_space[copy.space] = copy  # already, so that observers find the tenant
        try:
            with paused_collector() if len(found.records) >= MANY_RECORDS else nullcontext():
                copy.apply(found.version, found.records)
        except BaseException:
            self.forget(copy)
            raise

    def forget(self, copy: ReplicaTenant) -> None:
        """Remove a copy; the tenant stays, unless it was removed. A commit that is under way still needs its items."""
        if self._by_space.pop(copy.space, None) is None:
            return
        copy.release()
        for task in copy.tasks():
            if self.shared.owners.get(task.id) is copy:
                del self.shared.owners[task.id]

    def configure(self, settings: Settings) -> None:
        """Change the settings of tenants without own settings."""
        self.settings = settings
        for copy in self:
            if copy.own_settings is None:
                copy.settings = settings

    def forget_all(self) -> None:
        """Remove all copies."""
        for copy in self:
            self.forget(copy)

    def _shorten_journals(self, size: int) -> None:
        shorten_journals(self._by_space.values(), size)

    def _forget_some(self, size: int) -> None:
        for copy in tenants_to_forget(self._by_space.values()):
            if not self.is_busy(copy.space) and copy.next_due() is None:
                size -= copy.task_bytes
                self.forget(copy)
            if size <= 0:
                return
