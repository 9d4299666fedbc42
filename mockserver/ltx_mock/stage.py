"""What scenarios do to one request: which of them happen to it, and what that does to its answer on the way out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.types import Message, Receive, Scope, Send

from ltx_mock import answers
from ltx_mock.answers import Answer, Effect
from ltx_mock.records import Task
from ltx_mock.scenarios.claims import Armed, Call, Subject, claim
from ltx_mock.scenarios.draws import milliseconds, noise
from ltx_mock.scenarios.drift import drifted
from ltx_mock.scenarios.model import NO_ANSWER, Operation
from ltx_mock.store import Tenant
from ltx_mock.wire import CUT, hung_up, wire_of

PIECES_A_SECOND = 20
NO_WIRE = "this server does not let a connection be broken; use ltx-mock serve or MockServer"


def claimed(tenant: Tenant, wishes: tuple[Armed, ...], call: Call, task_id: str | None = None) -> Armed | None:
    """Return the scenario that happens now: one that the request asks for, else the task's, else the key's."""
    _, wish = claim(wishes, call, tenant.dice)
    return wish or tenant.claim_scenario(call, task_id)


async def played(
    tenant: Tenant,
    operation: Operation,
    wishes: tuple[Armed, ...],
    subject: Subject,
    work: Callable[[], Awaitable[Answer]],
    task_id: str | None = None,
) -> Answer:
    """Answer a request to which scenarios may happen.

    Args:
        tenant: who asks.
        operation: what is asked.
        wishes: the scenarios that the request asks for itself.
        subject: what the request, or the task that it is about, was made with.
        work: does what is asked, where no scenario answers in its place.
        task_id: the task that the request is about.
    """
    call = Call(operation, "request", subject)
    first = claimed(tenant, wishes, call, task_id)
    if first is not None and first.scenario.outcome.replaces_work:
        return laid(tenant, first, answers.forced(first.scenario.outcome))
    answer = await work()
    if first is not None:
        answer = laid(tenant, first, answer)
    if answer.status == 200:
        last = claimed(tenant, wishes, call._replace(moment="answer", state=answer.state), task_id)
        if last is not None:
            answer = laid(tenant, last, answer)
    return answer


def staged_download(tenant: Tenant, wishes: tuple[Armed, ...], task: Task) -> Answer | None:
    """Return what a scenario makes of the download of a task's video: an error, or 200 with an effect; else None."""
    happening = claimed(tenant, wishes, Call("download", "request", Subject.of(task.body)), task.id)
    if happening is None:
        return None
    outcome = happening.scenario.outcome
    answer = answers.forced(outcome) if outcome.replaces_work else Answer(200, b"")
    return laid(tenant, happening, answer._replace(task_id=task.id))


def staged_callback(tenant: Tenant, task: Task, body: bytes) -> tuple[bytes, str | None]:
    """Return the body of a callback as a scenario has it, and the cause; or as it is."""
    happening = claimed(tenant, (), Call("callback", "answer", Subject.of(task.body)), task.id)
    if happening is None or happening.scenario.outcome.drift is None:
        return body, None
    return drifted(body, happening.scenario.outcome.drift), happening.cause


def laid(tenant: Tenant, happening: Armed, answer: Answer) -> Answer:
    """Return an answer as a scenario has it, and why."""
    outcome, before = happening.scenario.outcome, answer.effect or Effect()
    told = []
    wait = before.wait_ms
    if outcome.delay is not None:
        late = milliseconds(outcome.delay, tenant.dice())
        wait += late
        told.append(f"{late} ms late" if tenant.clock.flows else f"{late} ms late (not waited for: the clock stands)")
    if outcome.fault is not None:
        told.append(f"{outcome.fault}, the work was done" if outcome.after_commit else outcome.fault)
        answer = answer._replace(body=b"")
    elif outcome.drift is not None:
        answer = answer._replace(body=drifted(answer.body, outcome.drift))
    if outcome.cut is not None:
        told.append(f"cut after {outcome.cut:.0%}")
    if outcome.bytes_per_second is not None:
        told.append(f"{outcome.bytes_per_second} bytes a second")
    cause = ": ".join(filter(None, [happening.cause, ", ".join(told)]))
    effect = Effect(
        wait,
        outcome.fault or before.fault,
        noise(tenant.dice()) if outcome.fault else before.noise,
        outcome.cut,
        outcome.bytes_per_second,
    )
    return answer._replace(cause="; ".join(filter(None, [answer.cause, cause])), effect=effect)


async def performed(effect: Effect, tenant: Tenant, scope: Scope, receive: Receive, send: Send) -> Send | None:
    """Wait, break the connection, and return the way on which an answer is still to be sent, if it is.

    Waiting is real time; the clock's speed makes it shorter. Where the clock stands nothing is waited for.
    """
    clock, wire = tenant.clock, wire_of(scope)
    if effect.wait_ms and clock.flows:
        seconds = clock.real_seconds_until(clock.now() + effect.wait_ms)
        if await hung_up(receive, seconds):
            return None
    if effect.fault == NO_ANSWER:
        await hung_up(receive)
        return None
    if wire is None and (effect.fault or effect.cut is not None):
        problem = answers.error(500, f"{effect.fault or CUT}: {NO_WIRE}")
        await send({"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": problem.body})
        return None
    if wire is not None and effect.fault is not None:
        await wire.break_off(effect.fault, effect.noise, receive)
        return None
    return send if effect.cut is None and effect.pace is None else _Narrow(effect, tenant, scope, receive, send)


class _Narrow:
    """A `send` through which a body goes slowly, or only in part."""

    def __init__(self, effect: Effect, tenant: Tenant, scope: Scope, receive: Receive, send: Send) -> None:
        self._effect, self._clock, self._wire = effect, tenant.clock, wire_of(scope)
        self._receive, self._send = receive, send
        self._left: int | None = None
        self._over = False

    async def __call__(self, message: Message) -> None:
        """See ASGI."""
        if self._over:
            return
        body = message.get("body", b"")
        if message["type"] == "http.response.start" and self._effect.cut is not None:
            length = dict(message["headers"]).get(b"content-length", b"0")
            self._left = int(int(length) * self._effect.cut)
        if not body:
            await self._send(message)
            return
        step = max(1, self._effect.pace // PIECES_A_SECOND) if self._effect.pace else len(body)
        for start in range(0, len(body), step):
            await self._piece(body[start : start + step])

    async def _piece(self, body: bytes) -> None:
        if self._over:
            return
        if self._left is not None:
            body = body[: self._left]
            self._left -= len(body)
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        if self._left == 0 and self._wire is not None:
            await self._wire.break_off(CUT, b"", self._receive)
            self._over = True
        elif self._effect.pace and self._clock.flows:
            self._over = await hung_up(self._receive, len(body) / self._effect.pace / self._clock.speed)
