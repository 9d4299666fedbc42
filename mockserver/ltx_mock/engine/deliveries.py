"""The deliveries of callbacks as units of work: where they go, when the next attempt is due, who makes it (CB-1, CB-2).

Times are virtual, in Unix milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ltx_mock.core.cause import Cause
from ltx_mock.core.clock import SECOND
from ltx_mock.core.hosts import host_of, is_this_machine
from ltx_mock.core.journal_entry import CallbackEntry
from ltx_mock.core.origins import refusal
from ltx_mock.core.records import Attempt, Delivery, DeliveryState, Task, delivery_id
from ltx_mock.core.setting_readers import ANY_PORT
from ltx_mock.core.settings import Settings
from ltx_mock.core.signatures import FLAW_TEXTS, Message, signed_headers
from ltx_mock.engine import responses
from ltx_mock.engine.replays import PlannedCallback, callback_body, planned_callbacks
from ltx_mock.engine.scenario_effects import PlannedTask
from ltx_mock.errors import ConflictError
from ltx_mock.scenarios.model import MAX_COPIES
from ltx_mock.store.tenant import Tenant

RETRY_AFTER_MS = (30 * SECOND, 60 * SECOND, 120 * SECOND)
BY_HAND = Cause("manual", "redelivered by hand")
INTERRUPTED = "the fake was ended during this attempt"

_END_OF_HOST = re.compile(r"[/?#]")
_PORT = re.compile(r":\d*$")


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
    origin = origin_of(url)
    for source, to in sorted(settings.callback_rewrite.items(), key=_longest_first):
        rewritten = _rewritten(url, origin, source, to)
        if rewritten is not None:
            return rewritten, None
    host = host_of(url) or "its host"
    if is_this_machine(host) or host in settings.allow_callback_host:
        return url, None
    reason = (
        f"{host} is not this machine: allow it with --allow-callback-host {host} "
        f"or redirect it with --callback-rewrite {origin}=http://localhost:3000"
    )
    return None, reason


def _rewritten(url: str, origin: str, source: str, to: str) -> str | None:
    """Return a URL with its prefix replaced, or None if it has another prefix."""
    if source.endswith(ANY_PORT):
        host = _PORT.sub("", origin)
        if f"{host.lower()}{ANY_PORT}" != source:
            return None
        port = origin[len(host) :] if to.endswith(ANY_PORT) else ""
        return to.removesuffix(ANY_PORT) + port + url[len(origin) :]
    plain = origin.lower() + url[len(origin) :]
    same = plain == source or plain.startswith((f"{source}/", f"{source}?", f"{source}#"))
    return to + url[len(source) :] if same else None


def _longest_first(rewrite: tuple[str, str]) -> int:
    return -len(rewrite[0])


def plan(tenant: Tenant, planned: PlannedTask, url: str) -> None:
    """Schedule the callbacks of a new task, or note why there is none."""
    task, callback = planned.task, planned.callback
    target, reason = route(url, tenant.settings, task.page)
    if callback.lost:
        target, reason = None, planned.scenario and planned.scenario.cause
    state: DeliveryState = "scheduled" if target else "withheld"
    for copy, (wait, kind) in enumerate(_copies(planned) if target else [PlannedCallback(planned.wait)]):
        delivery = Delivery(delivery_id(task.id, copy), tenant.key, task.id, url, target, state, reason=reason)
        due = _due(task, wait) if target else None
        delivery = delivery._replace(due=due, wait=wait, signature=callback.signature)
        tenant.put_delivery(delivery._replace(content_type=callback.content_type or kind))


def _copies(planned: PlannedTask) -> Iterator[PlannedCallback]:
    """Yield the callbacks of a new task: those of its recording, or the documented one, and more by a scenario."""
    recorded = planned_callbacks(planned.task) if planned.task.recording else [PlannedCallback()]
    more = max(0, planned.callback.copies - len(recorded))
    for each in recorded + recorded[-1:] * more:
        yield each._replace(wait=each.wait + planned.wait)


def reschedule(tenant: Tenant, task: Task) -> None:
    """Move deliveries without attempts to the task's new end."""
    for copy in range(MAX_COPIES):
        delivery = tenant.delivery(delivery_id(task.id, copy))
        if delivery is not None and delivery.state == "scheduled" and not delivery.attempts:
            tenant.put_delivery(delivery._replace(due=_due(task, delivery.wait)))


def body_of(task: Task, delivery: Delivery, at: int) -> bytes:
    """Return the body of an attempt at a moment."""
    at = max(at, task.timeline.ended)
    return callback_body(task, delivery, at) if task.recording else responses.status(task, at).body


def redeliver(tenant: Tenant, task: Task, delivery: Delivery) -> None:
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
    tenant.put_delivery(delivery._replace(state="scheduled", target=target, due=due, reason=None, manual=True))


def give_back(tenant: Tenant, is_alive: Callable[[str], bool]) -> None:
    """Schedule the retries of attempts that a process did not live to see the end of. A unit of work.

    The receiver may have got the callback, so such an attempt counts (CB-2).
    """
    for delivery in list(tenant.deliveries()):
        if delivery.state == "sending" and not is_alive(delivery.sender):
            now = tenant.clock.now()
            number, at = len(delivery.attempts) + 1, delivery.due or now
            tenant.put_delivery(after_attempt(delivery, Attempt(number, at, max(at, now), None, INTERRUPTED)))


class Claim:
    """A unit of work that claims deliveries. If it is run again after it was written, it returns what it has claimed.

    Args:
        sender: a name that no other claim has.
        claim: claims the deliveries of a tenant for a sender.
    """

    def __init__(self, sender: str, claim: Callable[[Tenant, str], list[Delivery]]) -> None:
        self._sender, self._claim = sender, claim
        self._claimed: list[Delivery] = []

    def __call__(self, tenant: Tenant) -> list[Delivery]:
        """Claim them."""
        if written := self._written(tenant):
            return written
        self._claimed = self._claim(tenant, self._sender)
        return self._claimed

    def release(self, tenant: Tenant) -> None:
        """Schedule again what was claimed. A unit of work."""
        for delivery in self._written(tenant):
            tenant.put_delivery(delivery)

    def _written(self, tenant: Tenant) -> list[Delivery]:
        return [each for each in self._claimed if _sender_of(tenant, each.id) == self._sender]


def _sender_of(tenant: Tenant, delivery_id: str) -> str | None:
    """Return who has claimed a delivery and not yet begun to send it; None if nobody has."""
    current = tenant.delivery(delivery_id)
    return current.sender if current is not None and current.state == "sending" else None


def _due(task: Task, wait: int) -> int | None:
    """Return when the first attempt is due; None for a task without end, unless it has a recorded callback."""
    if task.timeline.endless:
        return task.timeline.created + wait if task.recording else None
    return task.timeline.ended + wait


def after_attempt(delivery: Delivery, attempt: Attempt) -> Delivery:
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


class Sent(NamedTuple):
    """What an attempt sends at a time, with headers of its own; `cause` says what a scenario changed in it."""

    at: int
    body: bytes
    cause: Cause | None = None
    headers: tuple[tuple[str, str], ...] = ()


def with_headers(settings: Settings, task: Task, delivery: Delivery, sent: Sent) -> Sent:
    """Return it with the trace of the task's request, if there is one, and a signature, if callbacks are signed."""
    if task.trace is not None:
        sent = sent._replace(headers=task.trace.headers(settings.seed, delivery.id, len(delivery.attempts)))
    secret, flaw = settings.callback_secret, delivery.signature
    if flaw is not None:
        why = Cause("scenario", FLAW_TEXTS[flaw] if secret else "there is no signature: callback_secret is not set")
        sent = sent._replace(cause=sent.cause.and_then(why) if sent.cause else why)
    if secret is None:
        return sent
    signature = signed_headers(secret, Message(delivery.message_id, sent.at, sent.body), flaw)
    return sent._replace(headers=(*sent.headers, *signature))


def entry_of(number: int, delivery: Delivery, attempt: Attempt, sent: Sent) -> CallbackEntry:
    """Return the journal entry of an attempt."""
    cause = Cause("attempt", attempt.error or f"attempt {attempt.number}")
    if sent.cause or delivery.manual:
        cause = cause.and_then(sent.cause or BY_HAND)
    return CallbackEntry(
        number=number,
        at=attempt.at,
        ended=attempt.ended,
        task_id=delivery.task_id,
        target=delivery.target or "",
        status=attempt.status,
        request=sent.body,
        content_type=delivery.content_type,
        cause=cause,
        request_headers=tuple((name.encode(), value.encode()) for name, value in sent.headers),
    )


def origin_of(url: str) -> str:
    """Return scheme and host of a URL, even of one that `urlsplit` refuses."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{_END_OF_HOST.split(rest, maxsplit=1)[0]}"
