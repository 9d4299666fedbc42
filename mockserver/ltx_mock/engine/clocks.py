"""Set and advance the clocks of all tenants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from operator import itemgetter

from ltx_mock.core.cause import Cause
from ltx_mock.core.clock import LATEST, SECOND, Clock
from ltx_mock.core.journal_entry import ClockEntry, Entry
from ltx_mock.engine.callbacks import Callbacks, Span
from ltx_mock.engine.inspections import Inspections
from ltx_mock.engine.observers import Observer
from ltx_mock.errors import SettingsError
from ltx_mock.store.interface import Store, Tenant

Event = dict[str, object]


class Clocks:
    """Sets and advances the clocks of all tenants.

    An advance delivers due callbacks and waits for their receivers. A receiver may itself advance the clock before it
    responds, and its request does not show that. So while one advance waits for a receiver, a second one does not wait:
    it moves the clock at once and leaves due callbacks to the first, whose span it extends. The seconds always add up.

    Args:
        store: the tenants, and the clock of future tenants.
        callbacks: delivers the callbacks.
        inspections: the current inspections.
        record: writes into the journal.
        observer: is notified of clock changes.
    """

    def __init__(
        self,
        store: Store,
        callbacks: Callbacks,
        inspections: Inspections,
        record: Callable[[Tenant, Entry], None],
        observer: Observer,
    ) -> None:
        self._store = store
        self._callbacks = callbacks
        self._inspections = inspections
        self._record = record
        self._observer = observer
        self._locks: dict[str, asyncio.Lock] = {}
        self._spans: dict[str, Span] = {}

    def forget(self, tenant: Tenant) -> None:
        """Make a new tenant of the same key independent of advances of the old one."""
        self._locks.pop(tenant.key, None)
        self._spans.pop(tenant.key, None)

    def set(self, tenant: Tenant | None, mode: str | None, speed: float | None) -> None:
        """Change the clock of one tenant, or of all and of future ones.

        Raises:
            SettingsError: the mode is unknown or the speed is not allowed.
        """
        if tenant is None:
            self._store.set_clock(mode, speed)
        for each in [tenant] if tenant else self._store.tenants():
            each.set_clock(mode, speed)
            self._note(each, f"set to {each.clock.mode}, speed {each.clock.speed:g}", each.clock.now())
            self._callbacks.set_alarm(each)
        self._observer.tenant_changed(tenant)

    async def advance(self, tenant: Tenant | None, milliseconds: int) -> list[Event]:
        """Advance the clock of one tenant, or of all, and return the events, in order.

        Each event has `at` (Unix milliseconds), `event` (`state` or `callback`) and `taskId`. While an earlier advance
        waits for a receiver, callbacks are left to it.

        Raises:
            SettingsError: the span is negative, or goes beyond `LATEST`.
        """
        if milliseconds < 0:
            raise SettingsError(f"the clock only moves forward, not by {milliseconds / SECOND:g} s")
        if tenant is not None:
            return await self._advance(tenant, milliseconds)
        clock = self._store.clock
        check_end_of_time(milliseconds, clock, *(each.clock for each in self._store.tenants()))
        self._store.move_clock(clock.now() + milliseconds)
        self._observer.tenant_changed(None)
        moved = await asyncio.gather(*(self._advance(each, milliseconds) for each in self._store.tenants()))
        return sorted((event for events in moved for event in events), key=itemgetter("at"))

    async def _advance(self, tenant: Tenant, milliseconds: int) -> list[Event]:
        if self._callbacks.awaits_receiver(tenant):
            return self._advance_at_once(tenant, milliseconds)
        async with self._locks.setdefault(tenant.key, asyncio.Lock()):
            await self._inspections.wait_for_inspections(tenant)
            after = tenant.clock.now()
            check_end_of_time(milliseconds, tenant.clock)  # it may have been advanced during the wait
            self._note_advance(tenant, milliseconds)
            watched = {task.id: task for task in tenant.unfinished(after)}
            made_before = tenant.account(after).made
            attempts_before = _attempts(tenant)
            until = await self._move(tenant, after + milliseconds)
            await self._inspections.wait_for_inspections(tenant)
            if tenant.account(until).made > made_before:
                watched |= {task.id: task for task in list(tenant.tasks())[made_before:]}
            return _events(tenant, [*watched], attempts_before, after, until)

    async def make_due(self, tenant: Tenant) -> None:
        """Make the deliveries that are due now."""
        now = tenant.clock.now()
        if self._callbacks.awaits_receiver(tenant):
            await self._callbacks.advance(tenant, Span(now))
            return
        async with self._locks.setdefault(tenant.key, asyncio.Lock()):
            await self._move(tenant, now)

    async def _move(self, tenant: Tenant, until: int) -> int:
        """Advance to a moment and return the reached one, which is later if receivers advanced the clock too."""
        span = self._spans[tenant.key] = Span(until)
        try:
            await self._callbacks.advance(tenant, span)
        finally:
            if self._spans.get(tenant.key) is span:
                del self._spans[tenant.key]
        return span.until

    def _advance_at_once(self, tenant: Tenant, milliseconds: int) -> list[Event]:
        after = tenant.clock.now()
        until = after + milliseconds
        check_end_of_time(milliseconds, tenant.clock)
        self._note_advance(tenant, milliseconds)
        decided = [task.id for task in tenant.unfinished(after) if task.id not in self._inspections]
        attempts_before = _attempts(tenant)
        tenant.move_clock(until)
        if span := self._spans.get(tenant.key):
            span.until = min(LATEST, span.until + milliseconds)
        else:
            self._callbacks.deliver_due(tenant)
        return _events(tenant, decided, attempts_before, after, until)

    def _note(self, tenant: Tenant, cause: str, until: int) -> None:
        if tenant.key:
            entry = ClockEntry(self._store.next_entry(), tenant.clock.now(), until, Cause("clock", cause))
            self._record(tenant, entry)

    def _note_advance(self, tenant: Tenant, milliseconds: int) -> None:
        if milliseconds:
            self._note(tenant, f"advanced by {milliseconds / SECOND:g} s", tenant.clock.now() + milliseconds)


def check_end_of_time(milliseconds: int, *clocks: Clock) -> None:
    """Raise `SettingsError` if an advance would go beyond `LATEST`."""
    if max(clock.now() for clock in clocks) + milliseconds > LATEST:
        raise SettingsError(f"the clock ends with the year 9998; it cannot advance by {milliseconds / SECOND:g} s")


def _attempts(tenant: Tenant) -> dict[str, int]:
    return {delivery.id: len(delivery.attempts) for delivery in tenant.deliveries()}


def _events(
    tenant: Tenant, task_ids: list[str], attempts_before: dict[str, int], after: int, until: int
) -> list[Event]:
    """Return the state changes and callback attempts in a span of time; at equal times state changes come first."""
    events: list[tuple[int, int, int, dict[str, object]]] = []
    for task_id in task_ids:
        task = tenant.task(task_id)
        for at, state in task.timeline.transitions(after, until) if task else ():
            event = {"at": at, "event": "state", "taskId": task_id, "state": state}
            events.append((at, 0, task.number if task else 0, event))
    for order, delivery in enumerate(tenant.deliveries()):
        for attempt in delivery.attempts[attempts_before.get(delivery.id, 0) :]:
            event = {"event": "callback", "taskId": delivery.task_id, "deliveryId": delivery.id, **attempt._asdict()}
            events.append((attempt.at, 1, order, event))
    return [event for *_, event in sorted(events, key=lambda item: item[:3])]
