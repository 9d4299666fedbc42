"""Schedule and deliver callbacks, with retries (rules CB-1 to CB-3).

Times are virtual. With a running clock, a timer fires when the next delivery is due. With a stopped clock, whoever
advances it makes the deliveries.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ltx_mock.core.cause import Cause
from ltx_mock.core.clock import SECOND
from ltx_mock.core.hosts import host_of, in_container, is_this_machine
from ltx_mock.core.journal_entry import CallbackEntry, Entry
from ltx_mock.core.origins import refusal
from ltx_mock.core.records import Attempt, Delivery, DeliveryState, Task, delivery_id
from ltx_mock.core.settings import Settings
from ltx_mock.engine import responses
from ltx_mock.engine.observers import Observer
from ltx_mock.engine.outbound import Sender, Unanswered
from ltx_mock.engine.scenario_effects import PlannedTask, apply_to_callback
from ltx_mock.errors import ConflictError
from ltx_mock.scenarios.model import MAX_COPIES
from ltx_mock.store.interface import Store, Tenant

ANSWER_WITHIN_MS = 30 * SECOND
BY_HAND = Cause("manual", "redelivered by hand")
CONTAINER_HOST = "host.docker.internal"
RETRY_AFTER_MS = (30 * SECOND, 60 * SECOND, 120 * SECOND)

_END_OF_HOST = re.compile(r"[/?#]")


def route(url: str, settings: Settings, page: str | None = None) -> tuple[str | None, str | None]:
    """Return the URL to call for a `callback_url`, or None and the reason why it is not called.

    Args:
        url: the `callback_url`.
        settings: those of the tenant.
        page: the origin of the foreign page that submitted the task, if any.
    """
    target, reason = _target(url, settings)
    return (None, refusal(page)) if target is not None and page is not None else (target, reason)


def _target(url: str, settings: Settings) -> tuple[str | None, str | None]:
    origin = _origin(url)
    plain = origin.lower() + url[len(origin) :]
    for source, to in sorted(settings.callback_rewrite.items(), key=_longest_first):
        if plain == source or plain.startswith((f"{source}/", f"{source}?", f"{source}#")):
            return to + url[len(source) :], None
    host = host_of(url) or "its host"
    if is_this_machine(host) or host in settings.allow_callback_host:
        return url, None
    reason = (
        f"{host} is not this machine: allow it with --allow-callback-host {host} "
        f"or redirect it with --callback-rewrite {origin}=http://localhost:3000"
    )
    return None, reason


def _longest_first(rewrite: tuple[str, str]) -> int:
    return -len(rewrite[0])


@dataclass(slots=True)
class Span:
    """The end of an advance in Unix milliseconds; later if the clock is advanced again during a wait."""

    until: int


class Callbacks:
    """Schedules and makes the deliveries of all tenants."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        record: Callable[[Tenant, Entry], None],
        ready: Callable[[Tenant], Awaitable[None]],
        observer: Observer,
    ) -> None:
        """`record` writes the journal; `ready(tenant)` waits for the inspections of the tenant's tasks."""
        self._store = store
        self._sender = sender
        self._record = record
        self._ready = ready
        self._observer = observer
        self._alarms: dict[str, asyncio.TimerHandle] = {}
        self._running: dict[asyncio.Task[None], str] = {}
        self._awaited: Counter[str] = Counter()

    def plan(self, tenant: Tenant, planned: PlannedTask, url: str) -> None:
        """Schedule the callbacks of a new task, or note why there is none."""
        task, callback = planned.task, planned.callback
        target, reason = route(url, tenant.settings, task.page)
        if callback.lost:
            target, reason = None, planned.scenario and planned.scenario.cause
        state: DeliveryState = "scheduled" if target else "withheld"
        for copy in range(callback.copies if target else 1):
            delivery = Delivery(delivery_id(task.id, copy), tenant.key, task.id, url, target, state, reason=reason)
            kind = callback.content_type or delivery.content_type
            due = _due(task, planned.wait) if target else None
            self._put(tenant, delivery._replace(due=due, wait=planned.wait, content_type=kind))
        self.set_alarm(tenant)

    def reschedule(self, tenant: Tenant, task: Task) -> None:
        """Move deliveries without attempts to the task's new end."""
        for copy in range(MAX_COPIES):
            delivery = tenant.delivery(delivery_id(task.id, copy))
            if delivery is not None and delivery.state == "scheduled" and not delivery.attempts:
                self._put(tenant, delivery._replace(due=_due(task, delivery.wait)))
        self.set_alarm(tenant)

    def redeliver(self, tenant: Tenant, task: Task, delivery: Delivery) -> None:
        """Schedule one more attempt of a callback that was made, given up or withheld: now, or at the end of its task.

        Raises:
            ConflictError: its URL may not be called.
        """
        target, reason = route(delivery.url, tenant.settings, task.page)
        if target is None:
            raise ConflictError(f"{delivery.id} may go nowhere: {reason}")
        due: int | None = tenant.clock.now()
        if delivery.state == "withheld":
            due = None if task.timeline.endless else max(due or 0, task.timeline.ended)
        self._put(tenant, delivery._replace(state="scheduled", target=target, due=due, reason=None, manual=True))
        self.set_alarm(tenant)

    def set_alarm(self, tenant: Tenant) -> None:
        """Set the tenant's timer for its next delivery. Call it after each change of deliveries or clock."""
        if alarm := self._alarms.pop(tenant.key, None):
            alarm.cancel()
        self._observer.tenant_changed(tenant)
        due = tenant.next_due()
        if due is None or tenant.clock.mode == "manual":
            return
        delay = tenant.clock.real_seconds_until(due) or 0.0
        loop = asyncio.get_running_loop()
        self._alarms[tenant.key] = loop.call_later(delay, self._on_alarm, tenant)

    def awaits_receiver(self, tenant: Tenant) -> bool:
        """Tell whether an attempt is waiting for its receiver, which may be the sender of the current request."""
        return self._awaited[tenant.key] > 0

    def deliver_due(self, tenant: Tenant) -> None:
        """Make due deliveries in the background."""
        if tenant.clock.mode == "manual":
            self._spawn(tenant, self._run_due(tenant))
        else:
            self.set_alarm(tenant)

    async def advance(self, tenant: Tenant, span: Span) -> None:
        """Advance the tenant's clock to the end of a span, and make each delivery at its due time.

        A retry is due at least 30 s after its attempt. So all deliveries due within 30 s are made concurrently: in
        order for one receiver, without waiting for another receiver that is dead.
        """
        while (due := tenant.next_due()) is not None and due <= span.until:
            horizon = min(span.until, due + min(RETRY_AFTER_MS) - 1)
            await asyncio.gather(*(self._in_order(tenant, group) for group in _by_receiver(tenant.claim_due(horizon))))
        tenant.move_clock(span.until)
        self.set_alarm(tenant)

    async def forget(self, tenant: Tenant) -> None:
        """Cancel the deliveries of a tenant."""
        if alarm := self._alarms.pop(tenant.key, None):
            alarm.cancel()
        await _cancel(task for task, key in self._running.items() if key == tenant.key)

    async def close(self) -> None:
        """Cancel all deliveries."""
        for alarm in self._alarms.values():
            alarm.cancel()
        self._alarms.clear()
        await _cancel(self._running)

    def _put(self, tenant: Tenant, delivery: Delivery) -> None:
        tenant.put_delivery(delivery)
        self._observer.delivery_changed(tenant, delivery)

    def _is_current(self, tenant: Tenant) -> bool:
        """Tell whether the tenant still exists and was not reset."""
        return self._store.find(tenant.key) == tenant

    def _on_alarm(self, tenant: Tenant) -> None:
        self._alarms.pop(tenant.key, None)
        if self._is_current(tenant):
            self._spawn(tenant, self._run_due(tenant))

    async def _run_due(self, tenant: Tenant) -> None:
        if tenant.clock.mode == "auto":
            await self._ready(tenant)
            tenant.move_clock(tenant.next_due() or 0)
        for delivery in tenant.claim_due(tenant.clock.now()):
            self._spawn(tenant, self._deliver(tenant, delivery))
        self.set_alarm(tenant)

    def _spawn(self, tenant: Tenant, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._running[task] = tenant.key
        task.add_done_callback(self._running.pop)

    async def _in_order(self, tenant: Tenant, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            tenant.move_clock(delivery.due or 0)
            await self._deliver(tenant, delivery)

    async def _deliver(self, tenant: Tenant, delivery: Delivery) -> None:
        await self._ready(tenant)
        task = tenant.task(delivery.task_id)
        if task is None or delivery.target is None or delivery.due is None or not self._is_current(tenant):
            return
        at = max(delivery.due, tenant.clock.now()) if tenant.clock.flows else delivery.due
        self._observer.delivery_changed(tenant, delivery._replace(state="sending"))
        number = len(delivery.attempts) + 1
        body, cause = responses.status(task, max(at, task.timeline.ended)).body, None
        if tenant.scenarios or task.scenarios:
            body, cause = apply_to_callback(tenant, task, body)
        attempt = await self._attempt(tenant, delivery, number, at, body)
        if not self._is_current(tenant):
            return
        self._put(tenant, _after(delivery, attempt))
        self._record(tenant, _entry(self._store.next_entry(), delivery, attempt, body, cause))
        self.set_alarm(tenant)

    async def _attempt(self, tenant: Tenant, delivery: Delivery, number: int, at: int, body: bytes) -> Attempt:
        clock, timeout = tenant.clock, tenant.settings.callback_timeout
        if clock.flows:
            timeout = max(timeout, ANSWER_WITHIN_MS / SECOND / clock.speed)
        self._awaited[tenant.key] += 1
        try:
            status = await self._sender.post(delivery.target or "", body, timeout, delivery.content_type)
        except Unanswered as reason:
            waited = ANSWER_WITHIN_MS if reason.kind == "silent" else 0
            ended = max(clock.now() if clock.flows else at, at + waited)
            return Attempt(number, at, ended, None, f"{reason}{_hint(delivery, reason)}")
        finally:
            self._awaited[tenant.key] -= 1
        return Attempt(number, at, max(at, clock.now() if clock.flows else at), status, None)


def _due(task: Task, wait: int) -> int | None:
    """Return when the first attempt is due; None for a task without end."""
    return None if task.timeline.endless else task.timeline.ended + wait


def _after(delivery: Delivery, attempt: Attempt) -> Delivery:
    """Return the delivery after an attempt (CB-2)."""
    attempts = (*delivery.attempts, attempt)
    delivery = delivery._replace(reason=None, manual=False)
    if attempt.status == 200:
        return delivery._replace(state="delivered", due=None, attempts=attempts)
    if attempt.number > len(RETRY_AFTER_MS):
        reason = f"given up after {attempt.number} attempts"
        return delivery._replace(state="failed", due=None, attempts=attempts, reason=reason)
    due = attempt.ended + RETRY_AFTER_MS[attempt.number - 1]
    return delivery._replace(state="scheduled", due=due, attempts=attempts)


def _hint(delivery: Delivery, reason: Unanswered) -> str:
    """Return a hint for a receiver on this machine that cannot be reached."""
    target = delivery.target or ""
    if reason.kind != "refused" or not is_this_machine(host_of(target)):
        return ""
    if not in_container():
        return "; is the receiver running on this port?"
    parts = urlsplit(target)
    outside = f"{parts.scheme}://{CONTAINER_HOST}" + (f":{parts.port}" if parts.port else "")
    rewrite = f"--callback-rewrite {_origin(delivery.url)}={outside}"
    return f"; in a container this host is the container itself: to call a receiver on its host use {rewrite}"


def _entry(number: int, delivery: Delivery, attempt: Attempt, body: bytes, scenario: Cause | None) -> CallbackEntry:
    cause = Cause("attempt", attempt.error or f"attempt {attempt.number}")
    if scenario or delivery.manual:
        cause = cause.and_then(scenario or BY_HAND)
    return CallbackEntry(
        number=number,
        at=attempt.at,
        ended=attempt.ended,
        task_id=delivery.task_id,
        target=delivery.target or "",
        status=attempt.status,
        request=body,
        content_type=delivery.content_type,
        cause=cause,
    )


def _by_receiver(deliveries: Iterable[Delivery]) -> Iterable[list[Delivery]]:
    groups: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        groups.setdefault(_origin(delivery.target or ""), []).append(delivery)
    return groups.values()


def _origin(url: str) -> str:
    """Return scheme and host of a URL, even of one that `urlsplit` refuses."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{_END_OF_HOST.split(rest, maxsplit=1)[0]}"


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    doomed = list(tasks)
    for task in doomed:
        task.cancel()
    await asyncio.gather(*doomed, return_exceptions=True)
