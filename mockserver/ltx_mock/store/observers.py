"""Observers are notified of every change by its maker: the console, the event feed, long polls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal

from ltx_mock.core.journal_entry import Entry
from ltx_mock.core.records import Delivery, Task
from ltx_mock.store.tenant import Tenant


class Observer:
    """The base class, which ignores everything. Methods must be quick and must not raise.

    Attributes:
        only_here: Whether it wants the journal entries of this process only, when several share a store.
    """

    only_here = False

    @property
    def listens(self) -> bool:
        """Whether somebody waits for changes, also those by other processes."""
        return False

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

    def workers_ended(self) -> None:
        """Something may have been left undone: another process has ended, this one begins, or the store was away."""

    def stopping(self) -> None:
        """The server is stopping; long polls should end."""


class Observers(Observer):
    """Notifies any number of observers: of entries and of tasks those whose class has the method."""

    def __init__(self) -> None:
        self._observe(())

    def _observe(self, each: tuple[Observer, ...]) -> None:
        self._each = each
        # Nearly each request has an entry, and most observers ignore them.
        self._of_entries = [one for one in each if type(one).entry_recorded is not Observer.entry_recorded]
        self._of_tasks = [one for one in each if type(one).task_changed is not Observer.task_changed]

    def __iter__(self) -> Iterator[Observer]:
        return iter(self._each)

    def add(self, observer: Observer) -> None:
        """Add an observer."""
        self._observe((*self._each, observer))

    def remove(self, observer: Observer) -> None:
        """Remove an observer."""
        self._observe(tuple(each for each in self._each if each is not observer))

    def entry_recorded(self, tenant: Tenant, entry: Entry) -> None:
        """See `Observer`."""
        for each in self._of_entries:
            each.entry_recorded(tenant, entry)

    def entry_recorded_elsewhere(self, tenant: Tenant, entry: Entry) -> None:
        """Notify of a journal entry of another process."""
        for each in self._of_entries:
            if not each.only_here:
                each.entry_recorded(tenant, entry)

    @property
    def listens(self) -> bool:
        """See `Observer`."""
        return any(each.listens for each in self._each)

    def task_changed(self, tenant: Tenant, task: Task, change: Literal["made", "changed"]) -> None:
        """See `Observer`."""
        for each in self._of_tasks:
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

    def workers_ended(self) -> None:
        """See `Observer`."""
        for each in self._each:
            each.workers_ended()

    def stopping(self) -> None:
        """See `Observer`."""
        for each in self._each:
            each.stopping()


Notification = Callable[[Iterator[Entry]], None]
"""What makes a notification that was held back, given the new journal entries with their numbers."""


class Outbox(Observers):
    """Holds notifications back until the changes are safe, or drops them.

    Args:
        observers: are notified.
    """

    def __init__(self, observers: Observers) -> None:
        super().__init__()
        self._observers = observers
        self._held: list[Notification] | None = None

    def hold(self) -> None:
        """Hold back notifications from now on."""
        self._held = []

    def release(self) -> list[Notification]:
        """Hold back no more; return the notifications that were held back, in order."""
        held, self._held = self._held or [], None
        return held

    def _notify(self, notification: Callable[[], None]) -> None:
        if self._held is None:
            notification()
        else:
            self._held.append(lambda _: notification())

    def entry_recorded(self, tenant: Tenant, entry: Entry) -> None:
        """See `Observer`; an entry that is held back has no number yet."""
        if self._held is None:
            self._observers.entry_recorded(tenant, entry)
        else:
            self._held.append(lambda entries: self._observers.entry_recorded(tenant, next(entries)))

    def task_changed(self, tenant: Tenant, task: Task, change: Literal["made", "changed"]) -> None:
        """See `Observer`."""
        self._notify(partial(self._observers.task_changed, tenant, task, change))

    def delivery_changed(self, tenant: Tenant, delivery: Delivery) -> None:
        """See `Observer`."""
        self._notify(partial(self._observers.delivery_changed, tenant, delivery))

    def tenant_changed(self, tenant: Tenant | None) -> None:
        """See `Observer`."""
        self._notify(partial(self._observers.tenant_changed, tenant))

    def journal_cleared(self, tenant: Tenant | None) -> None:
        """See `Observer`."""
        self._notify(partial(self._observers.journal_cleared, tenant))
