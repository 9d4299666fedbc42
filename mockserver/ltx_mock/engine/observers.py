"""Observers hear of every change: the console, the event feed, a long poll. Whoever makes a change tells them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from ltx_mock.core.journal_entry import Entry
from ltx_mock.core.records import Delivery, Task
from ltx_mock.store.interface import Tenant


class Observer:
    """Hears nothing; override what you want to hear. A method must be quick, and must not raise."""

    def entry_recorded(self, tenant: Tenant, entry: Entry) -> None:
        """An entry was written into the journal."""

    def task_changed(self, tenant: Tenant, task: Task, change: Literal["made", "changed"]) -> None:
        """A task was made, or got another end. Its state changes by itself, as its timeline says: nobody tells that."""

    def delivery_changed(self, tenant: Tenant, delivery: Delivery) -> None:
        """A callback was planned, is being sent, or an attempt has ended."""

    def tenant_changed(self, tenant: Tenant | None) -> None:
        """The clock or the scenarios of one tenant changed, or of all and those to come."""

    def tenants_removed(self, tenants: Sequence[Tenant], change: Literal["closed", "reset"]) -> None:
        """Tenants were closed, or reset and will begin anew."""

    def server_reset(self) -> None:
        """Everything was forgotten."""

    def journal_cleared(self, tenant: Tenant | None) -> None:
        """The journal of one tenant, or of all, was emptied."""

    def stopping(self) -> None:
        """The server stops: nobody should wait any longer."""


class Observers(Observer):
    """Tells each of any number of observers."""

    def __init__(self) -> None:
        self._each: tuple[Observer, ...] = ()

    def __iter__(self) -> Iterator[Observer]:
        return iter(self._each)

    def add(self, observer: Observer) -> None:
        """Let an observer hear of what happens from now on."""
        self._each = (*self._each, observer)

    def remove(self, observer: Observer) -> None:
        """Let an observer hear nothing more."""
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
