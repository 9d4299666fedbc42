"""Observers are notified of every change by its maker: the console, the event feed, long polls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from ltx_mock.core.journal_entry import Entry
from ltx_mock.core.records import Delivery, Task
from ltx_mock.store.interface import Tenant


class Observer:
    """The base class, which ignores everything. Methods must be quick and must not raise."""

    def entry_recorded(self, tenant: Tenant, entry: Entry) -> None:
        """An entry was written into the journal."""

    def task_changed(self, tenant: Tenant, task: Task, change: Literal["made", "changed"]) -> None:
        """A task was created, its timeline changed, or its end became final. Time alone causes no notification."""

    def delivery_changed(self, tenant: Tenant, delivery: Delivery) -> None:
        """A callback was scheduled, is being sent, or an attempt has ended."""

    def tenant_changed(self, tenant: Tenant | None) -> None:
        """The clock or the scenarios of one tenant changed, or of all and of future ones."""

    def tenants_removed(self, tenants: Sequence[Tenant], change: Literal["closed", "reset"]) -> None:
        """Tenants were closed, or reset."""

    def server_reset(self) -> None:
        """The server was reset."""

    def journal_cleared(self, tenant: Tenant | None) -> None:
        """The journal of one tenant, or of all, was cleared."""

    def stopping(self) -> None:
        """The server is stopping; long polls should end."""


class Observers(Observer):
    """Notifies any number of observers."""

    def __init__(self) -> None:
        self._each: tuple[Observer, ...] = ()

    def __iter__(self) -> Iterator[Observer]:
        return iter(self._each)

    def add(self, observer: Observer) -> None:
        """Add an observer."""
        self._each = (*self._each, observer)

    def remove(self, observer: Observer) -> None:
        """Remove an observer."""
        self._each = tuple(each for each in self._each if each is not observer)

    def entry_recorded(self, tenant: Tenant, entry: Entry) -> None:
        """See `Observer`."""
        for each in self._each:
            each.entry_recorded(tenant, entry)

    def task_changed(self, tenant: Tenant, task: Task, change: Literal["made", "changed"]) -> None:
        """See `Observer`."""
        for each in self._each:
            each.task_changed(tenant, task, change)

    def delivery_changed(self, tenant: Tenant, delivery: Delivery) -> None:
        """See `Observer`."""
        for each in self._each:
            each.delivery_changed(tenant, delivery)

    def tenant_changed(self, tenant: Tenant | None) -> None:
        """See `Observer`."""
        for each in self._each:
            each.tenant_changed(tenant)

    def tenants_removed(self, tenants: Sequence[Tenant], change: Literal["closed", "reset"]) -> None:
        """See `Observer`."""
        for each in self._each:
            each.tenants_removed(tenants, change)

    def server_reset(self) -> None:
        """See `Observer`."""
        for each in self._each:
            each.server_reset()

    def journal_cleared(self, tenant: Tenant | None) -> None:
        """See `Observer`."""
        for each in self._each:
            each.journal_cleared(tenant)

    def stopping(self) -> None:
        """See `Observer`."""
        for each in self._each:
            each.stopping()
