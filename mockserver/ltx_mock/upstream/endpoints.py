"""The endpoints of the proxy: each request goes to the upstream, and the exchange into the journal of its key."""

from __future__ import annotations

from collections.abc import Iterable

import httpx
from starlette.types import Receive, Scope, Send

from ltx_mock.asgi.connection import CUT, connection_of
from ltx_mock.asgi.messages import NO_PAGE, ClientGoneError, header
from ltx_mock.core.cause import Cause
from ltx_mock.core.journal_entry import ApiOperation, RequestEntry
from ltx_mock.core.keys import bearer_key
from ltx_mock.engine import responses
from ltx_mock.engine.engine import Engine
from ltx_mock.engine.responses import ApiResponse
from ltx_mock.engine.submissions import Submission
from ltx_mock.scenarios.model import CONNECTION_RESET_BY_PEER, EMPTY_RESPONSE, MALFORMED_RESPONSE_CHUNK
from ltx_mock.store.tenant import Tenant
from ltx_mock.upstream.callbacks import CallbackRelay, unreachable
from ltx_mock.upstream.client import UnreachableError, Upstream, UpstreamError, headers_of
from ltx_mock.upstream.judge import findings_of
from ltx_mock.upstream.messages import KEPT_BYTES, Content, Received, Sent, asked_task_id, may_cost, plain_body
from ltx_mock.upstream.purse import Purse
from ltx_mock.upstream.recorder import Recorder, UpstreamExchange
from ltx_mock.upstream.tasks import note_state, note_task
from ltx_mock_contracts.api import STATES
from ltx_mock_contracts.trace.exchange import SIGNIFICANT_HEADERS

KEPT_HEADERS = frozenset(name.encode() for name in SIGNIFICANT_HEADERS)
JSON = (b"content-type", b"application/json")
_UNREAD = f"is longer than {KEPT_BYTES} bytes, or has a Content-Encoding that ltx-mock cannot read"
ANY_ORIGIN = (b"access-control-allow-origin", b"*")
"""Lets pages read the responses of the proxy itself. Who may read those of the upstream is its affair."""


class Forwarded:
    """An endpoint that passes requests on to the upstream.

    Args:
        engine: Keeps the journal and the tasks.
        upstream: The API.
        operation: The operation of the endpoint.
        purse: Counts tasks and credits.
        relay: Gives the upstream other URLs for callbacks; None leaves those of the app.
        recorder: Keeps recordings; None keeps none.
    """

    def __init__(
        self,
        engine: Engine,
        upstream: Upstream,
        operation: ApiOperation,
        purse: Purse,
        relay: CallbackRelay | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._engine, self._upstream, self._operation = engine, upstream, operation
        self._purse, self._relay, self._recorder = purse, relay, recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, and its response back."""
        tenant = await self._tenant(scope)
        try:
            content = await Content.read(receive)
            sent = await self._read(tenant, scope, content)
            if self._upstream.has_sent(scope):
                await self._refuse(tenant, sent, responses.leads_back(self._upstream.host), send)
            elif self._operation == "other" and may_cost(scope):
                await self._refuse(tenant, sent, responses.not_forwarded(scope["method"], scope["path"]), send)
            elif sent.submitted and (reason := self._purse.refusal(sent.price)):
                await self._refuse(tenant, sent, responses.purse_is_empty(reason), send)
            else:
                await self._forward(tenant, sent, content, receive, send)
        except ClientGoneError:
            return  # before the upstream had the whole request

    async def _tenant(self, scope: Scope) -> Tenant:
        """Return the tenant of a request's key, or that of requests without one."""
        key = bearer_key(header(scope, b"authorization") or "")
        return (key and await self._engine.tenants.of_key(key)) or await self._engine.tenants.anonymous()

    async def _read(self, tenant: Tenant, scope: Scope, content: Content) -> Sent:
        read = plain_body(scope["headers"], content.start) if content.whole else None
        body = read or b""
        sent = Sent(scope, body, tenant.clock.now(), None, 0, read is not None)
        if self._operation != "generateTask" or not may_cost(scope):
            return sent
        submitted = await self._engine.worker.read(Submission.of, body)
        return sent._replace(submitted=submitted, price=self._purse.price_of(submitted.request))

    async def _forward(self, tenant: Tenant, sent: Sent, content: Content, receive: Receive, send: Send) -> None:
        other = self._relay.rewritten(tenant, sent.body) if sent.submitted and self._relay else None
        body = other or content.all()
        with self._purse.under_way(sent.price if sent.submitted else None) as settle:
            try:
                async with self._upstream.forwarded(sent.scope, body, changed=bool(other)) as response:
                    received = await self._pass_back(response, sent.scope, receive, send)
                    settle(created=not received.refuses)  # before anything else: the client goes on now
            except UnreachableError as problem:
                settle(created=False)
                await self._refuse(tenant, sent, responses.no_upstream(self._upstream.host, str(problem)), send)
                return
            except UpstreamError as problem:
                fault = CONNECTION_RESET_BY_PEER if problem.was_reset else EMPTY_RESPONSE
                await _break(fault, sent.scope, receive)
                reason = f"no response: {problem}"
                received = Received(None, b"", (), self._cause(reason), fault, reason)
            await self._engine.store.run(tenant, lambda tenant: self._note(tenant, sent, received))
            await self._record(tenant, sent, received)

    async def _record(self, tenant: Tenant, sent: Sent, received: Received) -> None:
        asked = (self._operation, sent.scope["method"])
        if self._recorder is None or asked not in {("generateTask", "POST"), ("statusTask", "GET")}:
            return
        generates = sent.submitted is not None
        if generates and (reason := _why_not_recorded(sent, received)):
            self._recorder.leave_out(f"a generateTask is not recorded: {reason}")
            return
        if not (sent.kept and received.kept):
            return
        exchange = UpstreamExchange(
            key=bearer_key(header(sent.scope, b"authorization") or ""),
            request_headers=_text(sent.scope["headers"]),
            request=sent.body,
            began=sent.began,
            ended=tenant.clock.now(),
            status=received.status,
            headers=_text(received.headers),
            body=b"" if received.problem else received.body,
            task_id=(received.task_id if generates else asked_task_id(sent.scope)) or None,
            problem=received.problem,
        )
        await (self._recorder.generated(exchange) if generates else self._recorder.answered(exchange))

    async def _refuse(self, tenant: Tenant, sent: Sent, refusal: ApiResponse, send: Send) -> None:
        """Respond in place of the upstream."""
        status, body, headers, *_ = refusal
        received = Received(status, body, headers, refusal.cause or Cause("upstream", ""))

        def note(tenant: Tenant) -> None:
            tenant.record(lambda number: self._entry(number, sent, received, sent.began)._replace(gaps=("answer",)))

        await self._engine.store.run(tenant, note)
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": status, "headers": [JSON, length, ANY_ORIGIN]})
        await send({"type": "http.response.body", "body": b"" if sent.scope["method"] == "HEAD" else body})

    async def _pass_back(self, response: httpx.Response, scope: Scope, receive: Receive, send: Send) -> Received:
        """Stream a response to the client, and return it."""
        headers = headers_of(response)
        if self._operation == "other":
            headers += [(name.encode(), value.encode()) for name, value in NO_PAGE.items()]
        kept, size, problem, fault = list[bytes](), 0, None, None
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        try:
            async for chunk in response.aiter_raw():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                size += len(chunk)
                if size <= KEPT_BYTES:
                    kept.append(chunk)
        except httpx.HTTPError as error:
            problem = f"the response is broken: {type(error).__name__}: {error}"
            fault = CONNECTION_RESET_BY_PEER if isinstance(error, httpx.NetworkError) else MALFORMED_RESPONSE_CHUNK
            await _break(fault, scope, receive)
        else:
            await send({"type": "http.response.body"})
        body = plain_body(headers, b"".join(kept)) if size <= KEPT_BYTES else None
        status = None if fault else response.status_code
        return Received(status, body or b"", tuple(headers), self._cause(problem), fault, problem, body is not None)

    def _cause(self, problem: str | None = None) -> Cause:
        return Cause("upstream", f"from {self._upstream.host}" + (f": {problem}" if problem else ""))

    def _note(self, tenant: Tenant, sent: Sent, received: Received) -> None:
        """Write an exchange into the journal, and keep what it tells about a task. A unit of work."""
        tenant.record(lambda number: self._judged(tenant, self._entry(number, sent, received, tenant.clock.now())))
        if received.task_id is None:
            return
        if sent.submitted is not None:
            note_task(tenant, sent.submitted, received.task_id, self._upstream.root, sent.price)
        elif self._operation == "statusTask":
            note_state(tenant, received.task_id, received.data, self._upstream.host)

    def _judged(self, tenant: Tenant, entry: RequestEntry) -> RequestEntry:
        earlier = tenant.journal.of_task(entry.task_id) if entry.task_id else ()
        before = [each for each in earlier if isinstance(each, RequestEntry)]
        local = (
            () if self._relay or entry.operation != "generateTask" else unreachable(entry.request, self._upstream.host)
        )
        return entry._replace(findings=(*local, *findings_of(entry, before)))

    def _entry(self, number: int, sent: Sent, received: Received, ended: int) -> RequestEntry:
        scope, state = sent.scope, received.data.get("state")
        is_status = self._operation == "statusTask"
        return RequestEntry(
            number=number,
            at=sent.began,
            operation=self._operation,
            method=scope["method"],
            target=sent.target,
            status=received.status,
            request=sent.body,
            response=received.body,
            request_headers=tuple(scope["headers"]),
            response_headers=tuple((name, value) for name, value in received.headers if name in KEPT_HEADERS),
            task_id=(asked_task_id(scope) if is_status else received.task_id) or None,
            state=state if state in STATES else None,
            cause=received.cause,
            fault=received.fault,
            ended=ended,
            gaps=tuple(name for name, kept in (("request", sent.kept), ("answer", received.kept)) if not kept),
        )


async def _break(fault: str, scope: Scope, receive: Receive) -> None:
    """Break the connection of a client, as that to the upstream broke."""
    if (connection := connection_of(scope)) is not None:
        await connection.abort(fault if fault == CONNECTION_RESET_BY_PEER else CUT, b"", receive)


def _why_not_recorded(sent: Sent, received: Received) -> str | None:
    """Return why a generateTask would be a wrong recording; None if it can be recorded."""
    if not sent.kept:
        return f"its body {_UNREAD}"
    if not received.kept:
        return f"the response {_UNREAD}"
    if received.status is None or received.task_id is not None or received.refuses or received.is_broken_json:
        return None
    return f"the response with status {received.status} tells neither a task nor an error that can be read"


def _text(headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
