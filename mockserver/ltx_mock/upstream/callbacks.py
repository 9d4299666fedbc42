"""Callbacks through the proxy: the upstream calls a public URL that leads here, and the app gets what it sent."""

from __future__ import annotations

import json
import secrets
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, NamedTuple

from starlette.types import Receive, Scope, Send

from ltx_mock.asgi.messages import ClientGoneError, header, read_body
from ltx_mock.core.cause import Cause
from ltx_mock.core.hosts import address_of, host_of, is_this_machine
from ltx_mock.core.journal_entry import CallbackEntry
from ltx_mock.engine.deliveries import route
from ltx_mock.engine.engine import Engine
from ltx_mock.engine.outbound import MARK, Sender, Unanswered
from ltx_mock.store.tenant import Tenant
from ltx_mock.upstream.client import FINAL_STATUSES, end_to_end
from ltx_mock.upstream.recorder import Callback, Recorder
from ltx_mock_contracts.api import data_of
from ltx_mock_contracts.trace.exchange import decode_body
from ltx_mock_contracts.validation.findings import Finding

PATH: Final = "/callbacks/{token}"
LONGEST: Final = 16 * 1024 * 1024
ANSWER_SECONDS: Final = 30.0
"""How long the app may take, in real seconds (CB-2)."""
OF_THE_SENDER: Final = frozenset(
    {"host", "user-agent", "accept", "accept-encoding", "content-type", "content-length", MARK}
)
"""Headers that the proxy sets itself."""
BAD_GATEWAY: Final = 502
MOST_EXPECTED: Final = 100_000


class Expected(NamedTuple):
    """A callback to come: the key of its task, and the URL that the app gave."""

    key: str
    url: str


class CallbackRelay:
    """Gives the upstream other URLs to call, and forwards what it sends there.

    Args:
        engine: Keeps the journal.
        sender: Sends the callbacks to the app.
        public: The URL under which the upstream reaches the proxy, without a trailing slash.
        recorder: Keeps recordings; None keeps none.
    """

    def __init__(self, engine: Engine, sender: Sender, public: str, recorder: Recorder | None = None) -> None:
        self._engine, self._sender, self._public, self._recorder = engine, sender, public, recorder
        self._expected: dict[str, Expected] = {}

    def rewritten(self, tenant: Tenant, body: bytes) -> bytes | None:
        """Return a body with a `callback_url` that leads here; None if there is nothing to change."""
        given = decode_body(body)
        url = _callback_url(given)
        if url is None:
            return None
        # Nobody may guess it, since the URL is public.
        token = secrets.token_urlsafe(24)
        self._expected[token] = Expected(tenant.key, url)
        if len(self._expected) > MOST_EXPECTED:
            del self._expected[next(iter(self._expected))]
        return json.dumps(given | {"callback_url": f"{self._public}{PATH.format(token=token)}"}).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward one callback, and respond with the status of the app."""
        expected = self._expected.get(scope["path_params"]["token"])
        try:
            body = await read_body(receive, LONGEST)
        except ClientGoneError:
            return
        if expected is None or scope["method"] != "POST":
            status = 404 if expected is None else 405
        elif body is None:
            status = 413
        else:
            status = await self._forward(expected, body, scope)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    async def _forward(self, expected: Expected, body: bytes, scope: Scope) -> int:
        kind, headers = header(scope, b"content-type") or "application/json", _passed_on(scope)
        tenant = await self._engine.store.tenant(expected.key)
        began, status, told = tenant.clock.now(), None, "from the upstream"
        target, reason = route(expected.url, tenant.settings)
        if target is None:
            told = str(reason)
        else:
            try:
                status = await self._sender.post(target, body, ANSWER_SECONDS, kind, headers=headers)
            except Unanswered as problem:
                told = str(problem)
        ended = tenant.clock.now()
        task_id = data_of(decode_body(body)).get("taskId")

        def note(tenant: Tenant) -> None:
            tenant.record(
                lambda number: CallbackEntry(
                    number=number,
                    at=began,
                    ended=ended,
                    task_id=str(task_id or ""),
                    target=target or expected.url,
                    status=status,
                    request=body,
                    content_type=kind,
                    cause=Cause("upstream", told),
                    request_headers=tuple((name.encode(), value.encode()) for name, value in headers),
                )
            )

        await self._engine.store.run(tenant, note)
        if self._recorder and isinstance(task_id, str) and task_id:
            kept = (("content-type", kind),)
            await self._recorder.called_back(Callback(task_id, expected.key, began, kept, body, status))
        return status if status is not None and status in FINAL_STATUSES else BAD_GATEWAY


def _passed_on(scope: Scope) -> tuple[tuple[str, str], ...]:
    """Return the headers of a callback that the app gets too, such as its signature and its trace."""
    given = [(name.decode(), value.decode("latin-1")) for name, value in end_to_end(scope["headers"])]
    return tuple((name, value) for name, value in given if name not in OF_THE_SENDER and value.isascii())


def unreachable(body: bytes, upstream: str) -> tuple[Finding, ...]:
    """Return an advisory if the upstream, a URL, cannot reach the `callback_url` of a request: a private one."""
    url = _callback_url(decode_body(body))
    if url is None or is_this_machine(host_of(upstream)):
        return ()
    host = host_of(url)
    if not (is_this_machine(host) or _is_private(address_of(host))):
        return ()
    allowed = "a URL that the API can reach; ltx-mock proxy --callback-url gives it one"
    message = f"callback_url is on {host}, which {host_of(upstream)} cannot reach; it should be {allowed}"
    return (
        Finding(rule="CB-1", severity="advisory", pointer="/callback_url", got=host, allowed=allowed, message=message),
    )


def _callback_url(request: Any) -> str | None:
    """Return the `callback_url` of a decoded request that asks for a callback."""
    if not isinstance(request, dict) or request.get("request_type") != "callback":
        return None
    url = request.get("callback_url")
    return url if isinstance(url, str) else None


def _is_private(address: IPv4Address | IPv6Address | None) -> bool:
    return address is not None and (address.is_private or address.is_link_local)
