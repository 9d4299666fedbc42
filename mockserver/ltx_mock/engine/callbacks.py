"""Deliver callbacks when they are due, with retries (rules CB-1 to CB-3).

Times are virtual. With a running clock, a timer fires when the next delivery is due. With a stopped clock, whoever
advances it makes the deliveries.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence, Set
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from ltx_mock.asgi.turns import in_turns
from ltx_mock.core.clock import SECOND
from ltx_mock.core.hosts import CONTAINER_HOST, in_container, url_host
from ltx_mock.core.records import Attempt, Delivery
from ltx_mock.engine.deliveries import (
    RETRY_AFTER_MS,
    Claim,
    Sent,
    after_attempt,
    body_of,
    entry_of,
    give_back,
    origin_of,
    with_headers,
)
from ltx_mock.engine.outbound import Line, Sender, Unanswered
from ltx_mock.engine.receivers import Receiver, Receivers
from ltx_mock.engine.scenario_effects import apply_to_callback
from ltx_mock.errors import UnavailableError
from ltx_mock.store.interface import Store
from ltx_mock.store.observers import Observer
from ltx_mock.store.tenant import Tenant

ANSWER_WITHIN_MS = 30 * SECOND
STAND_IN_SECONDS = 1.0
"""How long a process waits for another to make a delivery before it does."""
MAX_CONNECTIONS = 32
"""With a running clock: the maximum callbacks of one key and moment that are sent to a receiver at the same time."""


class Span:
    """The end of an advance in Unix milliseconds; later if the clock is advanced again during a wait."""

    def __init__(self, until: int) -> None:
        self.until = until


class Callbacks(Observer):
    """Schedules and makes the deliveries of all tenants.

    It observes the store: each change of a delivery or of a clock sets the timer of its tenant.
    """

    def __init__(
        self,
        store: Store,
        sender: Sender,
        ready: Callable[[Tenant], Awaitable[None]],
    ) -> None:
        """`ready(tenant)` waits for the inspections of the tenant's tasks."""
        self._store = store
        self._sender = sender
        self._ready = ready
        self._alarms: dict[Tenant, asyncio.TimerHandle] = {}
        self._running: dict[asyncio.Task[None], Tenant] = {}
        self._awaited: Counter[Tenant] = Counter()
        self._claims = count()

    def delivery_changed(self, tenant: Tenant, delivery: Delivery) -> None:  # noqa: ARG002 - the next one is due
        """See `Observer`."""
        self._set_alarm(tenant)

    def tenant_changed(self, tenant: Tenant | None) -> None:
        """See `Observer`."""
        if tenant is not None:
            self._set_alarm(tenant)

    def tenants_removed(self, tenants: Sequence[Tenant], change: str) -> None:  # noqa: ARG002
        """See `Observer`; another process may have removed them."""
        self._drop_alarms(tenants)

    def server_reset(self) -> None:
        """See `Observer`."""
        self._drop_alarms([tenant for tenant in self._alarms if not self._is_current(tenant)])

    def workers_ended(self) -> None:
        """See `Observer`: go on with what another process has begun."""
        for tenant in self._store.tenants():
            if any(each.state == "sending" and not self._lives(each.sender) for each in tenant.deliveries()):
                self._spawn(
                    tenant, self._store.run_in_background(tenant, lambda tenant: give_back(tenant, self._lives))
                )
            self._set_alarm(tenant)

    def awaits_receiver(self, tenant: Tenant) -> bool:
        """Tell whether an attempt is waiting for its receiver, which may be the sender of the current request."""
        return self._awaited[tenant] > 0

    def deliver_due(self, tenant: Tenant) -> None:
        """Make due deliveries in the background."""
        if tenant.clock.mode == "manual":
            self._spawn(tenant, self._run_due(tenant))
        else:
            self._set_alarm(tenant)

    async def advance(self, tenant: Tenant, span: Span, receivers: Receivers) -> None:
        """Advance the tenant's clock to the end of a span, and make each delivery at its due time.

        A retry is due at least 30 s after its attempt. So all deliveries due within 30 s are made concurrently: in
        order for one receiver, without waiting for another receiver that is dead.
        """

        def claim(current: Tenant, sender: str) -> list[Delivery]:
            if current != tenant:  # it was reset meanwhile
                return []
            due = current.next_due()
            if due is not None and due <= span.until:
                return current.claim_due(min(span.until, due + min(RETRY_AFTER_MS) - 1), sender)
            current.move_clock(span.until)
            return []

        while claimed := await self._claimed(tenant, claim):
            groups = _by_receiver(claimed).items()
            await asyncio.gather(*(self._in_order(tenant, receivers.of(origin), group) for origin, group in groups))

    async def _claimed(self, tenant: Tenant, claim: Callable[[Tenant, str], list[Delivery]]) -> list[Delivery]:
        """Return claimed deliveries; if the store is away, which leaves open whether they are, let them go again."""
        wanted = Claim(self._new_sender(), claim)
        try:
            return await self._store.run(tenant, wanted)
        except UnavailableError:
            self._spawn(tenant, self._let_go(tenant, wanted))
            raise

    async def _let_go(self, tenant: Tenant, claim: Claim) -> None:
        await self._store.run_in_background(tenant, claim.release)
        self.deliver_due(tenant)

    def _new_sender(self) -> str:
        """Return a name for one claim of this process, which claims a callback again for its next attempt."""
        return f"{self._store.worker}/{next(self._claims)}"

    def _lives(self, sender: str) -> bool:
        return self._store.is_alive(sender.partition("/")[0])

    async def forget(self, removed: Set[Tenant]) -> None:
        """Cancel the deliveries of removed tenants that are under way."""
        await _cancel(task for task, tenant in self._running.items() if tenant in removed)

    async def close(self) -> None:
        """Cancel all deliveries."""
        for alarm in self._alarms.values():
            alarm.cancel()
        self._alarms.clear()
        await _cancel(self._running)

    def _set_alarm(self, tenant: Tenant) -> None:
        """Set the tenant's timer for its next delivery."""
        self._drop_alarms([tenant])
        if tenant.clock.mode == "manual" or (due := tenant.next_due()) is None:
            return
        delay = tenant.clock.real_seconds_until(due) or 0.0
        if tenant.read_late:
            delay += STAND_IN_SECONDS
        loop = asyncio.get_running_loop()
        self._alarms[tenant] = loop.call_later(delay, self._on_alarm, tenant)

    def _drop_alarms(self, tenants: Iterable[Tenant]) -> None:
        for tenant in tenants:
            if alarm := self._alarms.pop(tenant, None):
                alarm.cancel()

    def _is_current(self, tenant: Tenant) -> bool:
        """Tell whether the tenant still exists and was not reset."""
        return self._store.find(tenant.key) == tenant

    def _on_alarm(self, tenant: Tenant) -> None:
        self._alarms.pop(tenant, None)
        if self._is_current(tenant):
            self._spawn(tenant, self._run_due(tenant))

    async def _run_due(self, tenant: Tenant) -> None:
        if tenant.clock.mode == "auto":
            await self._ready(tenant)

        def claim(tenant: Tenant, sender: str) -> list[Delivery]:
            if tenant.clock.mode == "auto":
                tenant.move_clock(tenant.next_due() or 0)
            return tenant.claim_due(tenant.clock.now(), sender)

        claimed = await self._store.run_in_background(tenant, Claim(self._new_sender(), claim))
        for group in _by_receiver(claimed).values():
            receiver, rest = Receiver(), iter(group)
            for _ in group[:MAX_CONNECTIONS]:
                self._spawn(tenant, self._each(tenant, receiver, rest))
        self._set_alarm(tenant)

    def _spawn(self, tenant: Tenant, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._running[task] = tenant
        task.add_done_callback(self._running.pop)

    async def _each(self, tenant: Tenant, receiver: Receiver, rest: Iterator[Delivery]) -> None:
        """Make deliveries of a running clock; `rest` are those that no other connection to the receiver takes."""
        for delivery in rest:
            await self._deliver(tenant, delivery, receiver)

    async def _in_order(self, tenant: Tenant, receiver: Receiver, deliveries: Sequence[Delivery]) -> None:
        line = Line() if len(deliveries) > 1 else None
        try:
            async for delivery in in_turns(deliveries):
                await self._deliver(tenant, delivery, receiver, line, last=delivery is deliveries[-1], moves=True)
        finally:
            if line is not None:
                line.close()

    async def _deliver(
        self,
        tenant: Tenant,
        delivery: Delivery,
        receiver: Receiver,
        line: Line | None = None,
        *,
        last: bool = True,
        moves: bool = False,
    ) -> None:
        """Make a delivery; see `Sender.post`. If it `moves` the clock, it first advances it to the due time."""
        if tenant.inspecting:
            if line is not None:
                line.close()  # the receiver may serve the images, and only one connection at a time
            await self._ready(tenant)

        def prepare(tenant: Tenant) -> Sent | None:
            if moves:
                tenant.move_clock(delivery.due or 0)
            task = tenant.task(delivery.task_id)
            if task is None or delivery.target is None or delivery.due is None or not self._is_current(tenant):
                return None
            tenant.put_delivery(delivery._replace(state="sending", sender=self._store.worker))
            at = max(delivery.due, tenant.clock.now()) if tenant.clock.flows else delivery.due
            body = body_of(task, delivery, at)
            return with_headers(tenant.settings, task, delivery, Sent(at, *apply_to_callback(tenant, task, body)))

        sent = await self._store.run_in_background(tenant, prepare)
        if sent is None:
            return
        post = partial(self._sender.post, body=sent.body, headers=sent.headers, line=line, last=last)
        attempt = await self._attempt(tenant, delivery, sent.at, receiver, post)

        def finish(tenant: Tenant) -> None:
            known = current.attempts if (current := tenant.delivery(delivery.id)) else ()
            if attempt in known or len(known) > attempt.number:
                return  # it is written, though the store did not say so; or another process took this one for ended
            tenant.put_delivery(after_attempt(delivery, attempt))
            tenant.record(lambda number: entry_of(number, delivery, attempt, sent))

        if self._is_current(tenant):
            await self._store.run_in_background(tenant, finish)

    async def _attempt(
        self, tenant: Tenant, delivery: Delivery, at: int, receiver: Receiver, post: Callable[..., Awaitable[int]]
    ) -> Attempt:
        number, clock, timeout = len(delivery.attempts) + 1, tenant.clock, tenant.settings.callback_timeout
        if clock.flows:
            timeout = max(timeout, ANSWER_WITHIN_MS / SECOND / clock.speed)
        send = partial(post, delivery.target or "", timeout_s=timeout, content_type=delivery.content_type)
        self._awaited[tenant] += 1
        try:
            status = await receiver.attempt(send)
        except Unanswered as reason:
            waited = ANSWER_WITHIN_MS if reason.kind == "silent" else 0
            ended = max(clock.now() if clock.flows else at, at + waited)
            return Attempt(number, at, ended, None, f"{reason}{_hint(delivery, reason)}")
        finally:
            self._awaited[tenant] -= 1
            if not self._awaited[tenant]:
                del self._awaited[tenant]
        return Attempt(number, at, max(at, clock.now() if clock.flows else at), status, None)


def _hint(delivery: Delivery, reason: Unanswered) -> str:
    """Return a hint for a receiver on this machine that cannot be reached."""
    target = delivery.target or ""
    if reason.kind != "refused" or not url_host(target).is_here:
        return ""
    if not in_container():
        return "; is the receiver running on this port?"
    parts = urlsplit(target)
    outside = f"{parts.scheme}://{CONTAINER_HOST}" + (f":{parts.port}" if parts.port else "")
    rewrite = f"--callback-rewrite {origin_of(delivery.url)}={outside}"
    return f"; in a container this host is the container itself: to call a receiver on its host use {rewrite}"


def _by_receiver(deliveries: Iterable[Delivery]) -> dict[str, list[Delivery]]:
    groups: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        groups.setdefault(origin_of(delivery.target or ""), []).append(delivery)
    return groups


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    doomed = list(tasks)
    for task in doomed:
        task.cancel()
    await asyncio.gather(*doomed, return_exceptions=True)
