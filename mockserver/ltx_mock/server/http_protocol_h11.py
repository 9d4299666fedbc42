"""A connection with the parser h11, used without httptools."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ltx_mock.server.http_protocol import (
    HEAD_BYTES,
    TARGET_BYTES,
    HttpConnection,
    RefusedError,
    no_tunnel,
    not_http,
    too_large,
    too_long,
)

_ROOT = re.compile(rb"https?://[^/?#]+", re.IGNORECASE)


class BoundedConnection(h11.Connection):
    """h11's state machine with limits on the head.

    Attributes:
        problem: Why the last event was refused.
    """

    problem: RefusedError

    def next_event(self) -> Any:
        """See h11.

        Raises:
            h11.RemoteProtocolError: the bytes are not HTTP, or too long; `problem` says why.
        """
        before = self.their_state
        try:
            event = super().next_event()
            if isinstance(event, h11.Request):
                _check(event)
                event = _in_origin_form(event)
        except h11.RemoteProtocolError as error:
            self.problem = self._problem(error, in_head=before is h11.IDLE)
            raise
        except RefusedError as problem:
            self.problem = problem
            raise h11.RemoteProtocolError(str(problem)) from None
        return event

    def _problem(self, error: h11.RemoteProtocolError, *, in_head: bool) -> RefusedError:
        if error.error_status_hint != 431:
            return not_http(str(error))
        in_target = in_head and b"\n" not in self.trailing_data[0]
        return too_long(0, TARGET_BYTES + 1 if in_target else 0, HEAD_BYTES + 1) or not_http(str(error))


def _check(request: h11.Request) -> None:
    """Check the limits of a head, and refuse what httptools refuses.

    Raises:
        RefusedError: the request is too long, or not acceptable.
    """
    headers = request.headers
    size = len(request.target) + sum(map(len, chain.from_iterable(headers))) + 4 * len(headers)
    if (problem := too_long(len(headers), len(request.target), size)) is not None:
        raise problem
    if request.http_version not in {b"1.0", b"1.1"}:
        raise not_http(f"its version is {request.http_version.decode()}")
    if request.method == b"CONNECT":
        raise no_tunnel()


def _in_origin_form(request: h11.Request) -> h11.Request:
    """Return a request whose target is a whole URL, as for a proxy, with the path alone (RFC 9112, 3.2.2)."""
    found = _ROOT.match(request.target)
    if found is None:
        return request
    rest = request.target[found.end() :]
    target = rest if rest.startswith(b"/") else b"/" + rest
    return h11.Request(method=request.method, target=target, headers=request.headers, http_version=request.http_version)


class H11Connection(HttpConnection, H11Protocol):
    """uvicorn's protocol with limits, and without `Upgrade`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn: BoundedConnection = BoundedConnection(h11.SERVER, HEAD_BYTES)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        if self.refusal is not None:
            return
        super().data_received(data)
        if self.refusal is not None:
            return
        their_state = self.conn.their_state
        if their_state is h11.IDLE:
            self.await_client("head" if self.conn.trailing_data[0].strip() else "blank")
        elif their_state is h11.SEND_BODY:
            self.count_bytes(self.cycle, len(data))
            if (problem := too_large(self._bytes)) is not None:
                self.refuse(problem)
            else:
                self.await_client("blank" if self.cycle.response_complete else "body")
        else:
            self.stop_waiting()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text says less than ours
        """Refuse bytes that h11 cannot parse."""
        self.refuse(self.conn.problem)

    def _should_upgrade(self) -> bool:
        """Ignore every offer of another protocol (RFC 9110, 7.8)."""
        return False
