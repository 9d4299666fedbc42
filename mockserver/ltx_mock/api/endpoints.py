"""The endpoints as plain ASGI callables, in front of the engine.

They check access, method, request limit and body, in this order; the engine does the rest.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from functools import partial
from typing import ClassVar
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from ltx_mock.api.faults import deliver_with_effect
from ltx_mock.asgi.content_encoding import EncodingError, TooLargeError, decoded
from ltx_mock.asgi.messages import ClientGoneError, header, read_body, root_url
from ltx_mock.core.journal_entry import ApiOperation, RequestEntry
from ltx_mock.core.keys import bearer_key
from ltx_mock.core.origins import foreign_page
from ltx_mock.engine import responses
from ltx_mock.engine.engine import Engine
from ltx_mock.engine.responses import ApiResponse
from ltx_mock.engine.scenario_effects import run_with_scenarios
from ltx_mock.engine.submissions import Submission
from ltx_mock.errors import SettingsError
from ltx_mock.scenarios.matching import ActiveScenario, RequestFacts, for_operation
from ltx_mock.scenarios.per_request import DIRECTIVE, may_request_scenarios, requested_scenarios
from ltx_mock.store.interface import Tenant
from ltx_mock_contracts.api import BASE_PATH

MAX_BODY_BYTES = 1024 * 1024

NO_KEY = 'Authorization header is missing; send "Authorization: Bearer <your API key>"'
NOT_BEARER = 'Authorization header must be "Bearer <your API key>", with one key after it'
UNKNOWN_KEY = "API key is not accepted; use a key that is given with --api-key"

NOTHING = Submission(b"", (), RequestFacts(), None)
"""The submission of a request without a body."""
JSON = (b"content-type", b"application/json")
_JSON_BODY = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;|$)", re.IGNORECASE)


class Endpoint(ABC):
    """The base of the endpoints: access, method, request limit, journal. Adds nothing to the scope."""

    operation: ClassVar[ApiOperation]
    methods: ClassVar[tuple[str, ...]]

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request, and record it in the journal of its key."""
        tenant, response = access(self._engine, scope)
        now = tenant.clock.now()
        response = response or self._refuse(tenant, scope["method"], now)
        body, submitted = b"", NOTHING
        if response is None and "POST" in self.methods:
            try:
                body, refusal = await self._body(scope, receive)
            except ClientGoneError:
                return
            if refusal is None:
                submitted = await self._engine.worker.read(Submission.of, body)
            # While the body came and was read, time may have moved on, and a reset may have put a new world in the
            # place of this.
            tenant, response = access(self._engine, scope)
            now, response = tenant.clock.now(), response or refusal
        response = response or await self._handle(tenant, scope, submitted, now)
        await reply(self._engine, tenant, self.operation, scope, body, response, receive, send, now)

    async def _body(self, scope: Scope, receive: Receive) -> tuple[bytes, ApiResponse | None]:
        """Return the decoded body; or the raw or an empty body, and the error response."""
        body = await read_body(receive, MAX_BODY_BYTES)
        if body is None:
            return b"", responses.too_large(MAX_BODY_BYTES)
        try:
            return decoded(scope["headers"], body, MAX_BODY_BYTES), None
        except TooLargeError:
            return body, responses.too_large(MAX_BODY_BYTES)
        except EncodingError as problem:
            return body, responses.wrong_encoding(problem)

    def _refuse(self, tenant: Tenant, method: str, now: int) -> ApiResponse | None:
        if method not in self.methods:
            return responses.method_not_allowed(method, ", ".join(self.methods))
        wait = tenant.take_request(now)
        return responses.too_many_requests(tenant.settings, wait) if wait else None

    @abstractmethod
    async def _handle(self, tenant: Tenant, scope: Scope, submitted: Submission, now: int) -> ApiResponse: ...


class GenerateTask(Endpoint):
    """`POST generateTask/{model}`."""

    operation = "generateTask"
    methods = ("POST",)

    async def _handle(self, tenant: Tenant, scope: Scope, submitted: Submission, now: int) -> ApiResponse:
        subject = submitted.subject
        if not tenant.scenarios and DIRECTIVE not in subject.prompt and not may_request_scenarios(scope["headers"]):
            return await self._work(tenant, scope, submitted, now)
        try:
            requested = requested_scenarios(scope["headers"], subject.prompt)
        except SettingsError as problem:
            return responses.no_scenario(str(problem), problem.field)
        work = partial(self._work, tenant, scope, submitted, now, requested)
        return await run_with_scenarios(tenant, "generateTask", requested, subject, work)

    async def _work(
        self, tenant: Tenant, scope: Scope, submitted: Submission, now: int, requested: tuple[ActiveScenario, ...] = ()
    ) -> ApiResponse:
        content_type = header(scope, b"content-type")
        if content_type is not None and content_type != "application/json" and not _JSON_BODY.match(content_type):
            return responses.wrong_content_type(content_type)
        page = foreign_page(scope["headers"], tenant.settings.allow_origin)
        return await self._engine.generate(tenant, submitted, root_url(scope), now, requested, page)


class StatusTask(Endpoint):
    """`GET statusTask/{model}?taskId=…`."""

    operation = "statusTask"
    methods = ("GET", "HEAD")

    async def _handle(self, tenant: Tenant, scope: Scope, submitted: Submission, now: int) -> ApiResponse:  # noqa: ARG002 - a GET has no body
        task_id = task_id_of(scope["query_string"])
        task = tenant.task(task_id)
        if not tenant.scenarios and not (task and task.scenarios) and not may_request_scenarios(scope["headers"]):
            return await self._work(tenant, task_id, now)
        try:
            requested = requested_scenarios(scope["headers"])
        except SettingsError as problem:
            return responses.no_scenario(str(problem), problem.field)
        subject = RequestFacts.of(task.request) if task else RequestFacts()
        return await run_with_scenarios(
            tenant, "statusTask", requested, subject, partial(self._work, tenant, task_id, now), task_id
        )

    async def _work(self, tenant: Tenant, task_id: str, now: int) -> ApiResponse:
        return await self._engine.status(tenant, task_id, now) if task_id else responses.missing_task_id()


class Balance(Endpoint):
    """`GET apikeys/current-balance`.

    Only scenarios for this operation, or from the request's own headers, apply, so that a client's connection test does
    not use up scenarios for the two endpoints.
    """

    operation = "balance"
    methods = ("GET", "HEAD")

    async def _handle(self, tenant: Tenant, scope: Scope, submitted: Submission, now: int) -> ApiResponse:  # noqa: ARG002 - a GET has no body
        async def work() -> ApiResponse:
            return responses.balance(tenant.account(now).credits)

        try:
            requested = requested_scenarios(scope["headers"])
        except SettingsError as problem:
            return responses.no_scenario(str(problem), problem.field)
        return await run_with_scenarios(tenant, "balance", for_operation(requested, "balance"), RequestFacts(), work)


class NotAnEndpoint:
    """All other paths: the 404 of ENV-5 in the envelope; below the API's path a 401 comes first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond, and record the request in the journal of the key, where typos can be found."""
        tenant, refusal = access(self._engine, scope)
        if refusal is None or not f"{scope['path']}/".startswith(f"{BASE_PATH}/"):
            refusal = responses.not_found(scope["path"])
        await reply(self._engine, tenant, "other", scope, b"", refusal, receive, send, tenant.clock.now())


def access(engine: Engine, scope: Scope) -> tuple[Tenant, ApiResponse | None]:
    """Return the tenant of the request's key; or the anonymous tenant and the 401 (AUTH-1 to AUTH-3)."""
    given = header(scope, b"authorization")
    if given is None:
        return engine.tenants.anonymous, responses.unauthorized(NO_KEY)
    key = bearer_key(given)
    if key is None:
        return engine.tenants.anonymous, responses.unauthorized(NOT_BEARER)
    tenant = engine.tenants.of_key(key)
    return (tenant, None) if tenant else (engine.tenants.anonymous, responses.unauthorized(UNKNOWN_KEY))


async def reply(
    engine: Engine,
    tenant: Tenant,
    operation: ApiOperation,
    scope: Scope,
    body: bytes,
    response: ApiResponse,
    receive: Receive,
    send: Send,
    now: int,
) -> None:
    """Record the exchange, then send the response with its effect."""
    record(engine, tenant, operation, scope, body, response, now)
    await deliver(tenant, scope, response, receive, send)


async def deliver(tenant: Tenant, scope: Scope, response: ApiResponse, receive: Receive, send: Send) -> None:
    """Send a response with its effect."""
    way = (
        send
        if response.effect is None
        else await deliver_with_effect(response.effect, tenant.clock, scope, receive, send)
    )
    if way is None:
        return
    content = response.body
    length = (b"content-length", b"%d" % len(content))
    await way({"type": "http.response.start", "status": response.status, "headers": [JSON, length, *response.headers]})
    await way({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})


def record(
    engine: Engine, tenant: Tenant, operation: ApiOperation, scope: Scope, body: bytes, response: ApiResponse, now: int
) -> None:
    """Record an exchange in the journal."""
    query, effect = scope["query_string"], response.effect
    late = effect.wait_ms if effect and tenant.clock.flows else 0
    entry = RequestEntry(
        number=engine.store.next_entry(),
        at=now,
        operation=operation,
        method=scope["method"],
        target=f"{scope['path']}?{query.decode('latin-1')}" if query else scope["path"],
        status=None if effect and effect.fault else response.status,
        request=body,
        response=response.body,
        request_headers=tuple(scope["headers"]),
        response_headers=response.headers,
        task_id=response.task_id,
        state=response.state,
        findings=tuple(response.findings),
        cause=response.cause,
        fault=effect.fault if effect else None,
        ended=now + late if late else None,
    )
    engine.record(tenant, entry)


def task_id_of(query: bytes) -> str:
    """Return the `taskId` of a query string; empty if there is none."""
    if query.startswith(b"taskId=") and query[7:].isascii() and not any(mark in query for mark in b"&%+;"):
        return query[7:].decode()
    return parse_qs(query.decode("latin-1")).get("taskId", [""])[0]
