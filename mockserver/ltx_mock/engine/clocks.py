"""Set and advance the clocks of all tenants."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from ltx_mock.asgi.turns import AT_ONCE, Turns, in_turns
from ltx_mock.core.cause import Cause
from ltx_mock.core.clock import LATEST, SECOND, Clock
from ltx_mock.core.journal_entry import ClockEntry
from ltx_mock.engine.callbacks import Callbacks, Span
from ltx_mock.engine.fired import After, Before, Fired
from ltx_mock.engine.receivers import Receivers
from ltx_mock.errors import SettingsError
from ltx_mock.store.interface import Store
from ltx_mock.store.tenant import Tenant

T = TypeVar("T")

TENANTS_AT_ONCE = 20
"""The number of tenants without tasks that are advanced before other requests are served."""
MAX_TENANTS = 100
"""The number of tenants that an advance of all moves at the same time, each perhaps waiting for a receiver."""


class Clocks:
    """Sets and advances the clocks of all tenants.

    An advance delivers due callbacks and waits for their receivers. A receiver may itself advance the clock before it
    responds, and its request does not show that. So while one advance waits for a receiver, a second one does not wait:
    it moves the clock at once and leaves due callbacks to the first, whose span it extends. The seconds always add up.

    Args:
        store: the tenants, and the clock of future tenants.
        callbacks: delivers the callbacks.
        ready: waits for the checks of the assets of a tenant's tasks.
    """

    def __init__(self, store: Store, callbacks: Callbacks, ready: Callable[[Tenant], Awaitable[None]]) -> None:
        self._store = store
        self._callbacks = callbacks
        self._ready = ready
        self._locks: dict[Tenant, asyncio.Lock] = {}
        self._users: Counter[Tenant] = Counter()
        """How many hold the lock of a tenant, or wait for it."""
        self._spans: dict[Tenant, Span] = {}

    async def set(self, tenant: Tenant | None, mode: str | None, speed: float | None) -> None:
        """Change the clock of one tenant, or of all and of future ones.

        Raises:
            SettingsError: the mode is unknown or the speed is not allowed.
        """

        def change(tenant: Tenant) -> None:
            tenant.set_clock(mode, speed)
            _note(tenant, f"set to {tenant.clock.mode}, speed {tenant.clock.speed:g}", tenant.clock.now())

        if tenant is None:
            await self._store.set_clock(mode, speed)
        async for each in in_turns([tenant] if tenant else self._store.tenants()):
            await self._store.run(each, change)

    async def advance(self, tenant: Tenant | None, milliseconds: int) -> Fired:
        """Advance the clock of one tenant, or of all, and return the events, in order.

        Each event has `at` (Unix milliseconds), `event` (`state` or `callback`) and `taskId`. While an earlier advance
        waits for a receiver, callbacks are left to it.

        Raises:
            SettingsError: the span is negative, or goes beyond `LATEST`.
        """
        if milliseconds < 0:
            raise SettingsError(f"the clock only moves forward, not by {milliseconds / SECOND:g} s")
        receivers, turns = Receivers(), Turns()
        if tenant is not None:
            return await self._advance(tenant, milliseconds, receivers, turns)
        async for each in in_turns(self._store.tenants()):
            check_end_of_time(milliseconds, each.clock)
        clock, tenants = self._store.clock, self._store.tenants()
        check_end_of_time(milliseconds, clock)
        await self._store.move_clock(clock.now() + milliseconds)
        rest, moved = iter(tenants), dict[Tenant, Fired]()

        async def advance_each() -> None:
            for each in rest:
                await turns.take(_weight(each))
                moved[each] = await self._advance(each, milliseconds, receivers, turns)

        await asyncio.gather(*(advance_each() for _ in range(MAX_TENANTS)))
        fired = Fired()
        await fired.add(run for each in tenants for run in moved[each].runs)
        return fired

    async def _advance(self, tenant: Tenant, milliseconds: int, receivers: Receivers, turns: Turns) -> Fired:
        if self._callbacks.awaits_receiver(tenant):
            return await self._advance_at_once(tenant, milliseconds)
        async with self._alone(tenant):
            await _settled(tenant, tenant.clock.now(), turns)
            await self._ready(tenant)

            span = Span(0)

            def begin(current: Tenant) -> Before:
                check_end_of_time(milliseconds, current.clock)  # it may have been advanced during the wait
                _note_advance(current, milliseconds)
                before, span.until = Before.of(current), current.begin_advance(milliseconds)
                self._spans[tenant] = span  # now: a second advance may come next
                return before

            with self._ending(tenant, span):
                before = await self._run(tenant, begin, Before(0, []))
                await self._callbacks.advance(tenant, span, receivers)
            until = span.until
            await _settled(tenant, until, turns)
            await turns.take(_weight(tenant))
            await self._ready(tenant)
            after = await self._run(tenant, After.of, After((), ()))
        return await _fired(before, after, until)

    async def make_due(self, tenant: Tenant) -> None:
        """Make the deliveries that are due now."""
        now = tenant.clock.now()
        if self._callbacks.awaits_receiver(tenant):
            await self._callbacks.advance(tenant, Span(now), Receivers())
            return
        async with self._alone(tenant):
            span = self._spans[tenant] = Span(now)
            with self._ending(tenant, span):
                await self._callbacks.advance(tenant, span, Receivers())

    async def _run(self, tenant: Tenant, work: Callable[[Tenant], T], nothing: T) -> T:
        """Run a unit of work; return `nothing` if the tenant was made anew meanwhile: the new one is left alone."""
        return await self._store.run(tenant, lambda current: work(current) if current == tenant else nothing)

    @asynccontextmanager
    async def _alone(self, tenant: Tenant) -> AsyncIterator[None]:
        """Let one advance of a tenant follow another. Without any, nothing is kept of it."""
        self._users[tenant] += 1
        try:
            async with self._locks.setdefault(tenant, asyncio.Lock()):
                yield
        finally:
            self._users[tenant] -= 1
            if not self._users[tenant]:
                del self._users[tenant], self._locks[tenant]

    @contextmanager
    def _ending(self, tenant: Tenant, span: Span) -> Iterator[None]:
        """Let later advances extend a span no more after what is done here."""
        try:
            yield
        finally:
            if self._spans.get(tenant) is span:
                del self._spans[tenant]

    async def _advance_at_once(self, tenant: Tenant, milliseconds: int) -> Fired:
        def advance(current: Tenant) -> tuple[Before, After, int, bool]:
            check_end_of_time(milliseconds, current.clock)
            _note_advance(current, milliseconds)
            before = Before.of(current, without=current.inspecting)
            end, until = current.begin_advance(milliseconds), before.moment + milliseconds
            current.move_clock(until)
            if (span := self._spans.get(tenant)) is not None:
                span.until = min(LATEST, max(end, span.until))  # now: the first advance may go on next
            return before, After.of(current), until, span is not None

        nothing = Before(0, []), After((), ()), 0, True
        before, after, until, extends = await self._run(tenant, advance, nothing)
        if not extends:
            self._callbacks.deliver_due(tenant)
        return await _fired(before, after, until)


def check_end_of_time(milliseconds: int, clock: Clock) -> None:
    """Raise `SettingsError` if an advance would go beyond `LATEST`."""
    if clock.now() + milliseconds > LATEST:
        raise SettingsError(f"the clock ends with the year 9998; it cannot advance by {milliseconds / SECOND:g} s")


async def _fired(before: Before, after: After, until: int) -> Fired:
    fired = Fired()
    await fired.add(after.events(before, await before.attempts(), until))
    return fired


def _weight(tenant: Tenant) -> int:
    """Return how many items a step of its advance processes at once."""
    return AT_ONCE // TENANTS_AT_ONCE + tenant.account(0).made


async def _settled(tenant: Tenant, moment: int, turns: Turns) -> None:
    """Settle the tasks that end by a moment."""
    while not tenant.settle(moment):
        await turns.take()


def _note(tenant: Tenant, cause: str, until: int) -> None:
    if tenant.key:
        now = tenant.clock.now()
        tenant.record(lambda number: ClockEntry(number, now, until, Cause("clock", cause)))


def _note_advance(tenant: Tenant, milliseconds: int) -> None:
    if milliseconds:
        _note(tenant, f"advanced by {milliseconds / SECOND:g} s", tenant.clock.now() + milliseconds)
