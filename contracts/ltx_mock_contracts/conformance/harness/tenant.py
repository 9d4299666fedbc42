"""The client of a check for one API key: sends requests within the budget, waits, and records every exchange."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urljoin

from ltx_mock_contracts.conformance.harness.budget import BudgetSpentError
from ltx_mock_contracts.conformance.harness.target import CheckStoppedError
from ltx_mock_contracts.control_client import ControlError
from ltx_mock_contracts.io.reply import NoReplyError, Reply
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.trace.curl import curl_line
from ltx_mock_contracts.trace.exchange import Exchange, Operation, decode_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltx_mock_contracts.conformance.harness.clocks import Clock
    from ltx_mock_contracts.conformance.harness.receiver import Inbox
    from ltx_mock_contracts.conformance.harness.target import Target

__all__ = ["TenantClient"]

_LARGEST_VIDEO: Final = 512 * 1024 * 1024
_VIDEO_TIMEOUT: Final = 60.0
_REDIRECTS: Final = 5
OWN_KEY: Final = "the key of this tenant"
"""Stands for a header with the key, where None stands for no header."""


class TenantClient:
    """A client for one API key and its clock.

    Args:
        target: The server.
        key: The API key.
        clock: The clock of the key.
        record: Numbers and keeps each exchange; see `CheckContext`.
        count_task: Called for each task that was, or may have been, made.
        number: Its number among the tenants of the check.

    Attributes:
        key: The API key.
        clock: The clock of the key.
    """

    def __init__(
        self,
        target: Target,
        key: str,
        clock: Clock,
        record: Callable[..., Exchange],
        count_task: Callable[[], None],
        *,
        number: int = 1,
    ) -> None:
        self._target = target
        self.key = key
        self._label = f"{number}: …{key[-4:]}"
        self.clock = clock
        self._record = record
        self._count_task = count_task

    def generate(self, body: Any, *, free: bool = False, authorization: str | None = OWN_KEY) -> Exchange:
        """Send a generateTask request.

        Args:
            body: The body as JSON; bytes are sent as they are.
            free: Whether a correct server refuses the request.
            authorization: The header; by default the one with the key, None for no header.

        Raises:
            CheckStoppedError: The server does not respond, or the budget is spent.
        """
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send(
            "POST", MODEL.generate_path, "generateTask", content=content, authorization=authorization, free=free
        )

    def status(self, task_id: str | None, *, authorization: str | None = OWN_KEY) -> Exchange:
        """Poll a task, or with None poll without `taskId`."""
        query = "" if task_id is None else f"?taskId={quote(task_id, safe='')}"
        return self.send("GET", MODEL.status_path + query, "statusTask", authorization=authorization)

    def send(
        self,
        method: str,
        path: str,
        operation: Operation = "other",
        *,
        content: bytes | None = None,
        authorization: str | None = OWN_KEY,
        free: bool = True,
    ) -> Exchange:
        """Send a request to a path below the base URL.

        A request other than GET counts in the budget, unless it certainly made no task.

        Raises:
            CheckStoppedError: The server does not respond, or the budget is spent.
        """
        self._require_running()
        if method == "GET":
            return self._send(method, path, operation, content, authorization)
        try:
            with self._target.budget.reserve(free=free) as reservation:
                made = True
                try:
                    exchange = self._send(method, path, operation, content, authorization)
                    made = not _refused(exchange)
                finally:
                    if made:
                        self._count_task()
                    else:
                        reservation.cancel()
        except BudgetSpentError:
            raise CheckStoppedError(self._target.budget.spent_message) from None
        return exchange

    def _send(
        self, method: str, path: str, operation: Operation, content: bytes | None, authorization: str | None
    ) -> Exchange:
        own = authorization is OWN_KEY
        if own:
            authorization = f"Bearer {self.key}"
        headers = {} if authorization is None else {"authorization": authorization}
        headers |= {} if content is None else {"content-type": "application/json"}
        url, at, error_text = self._target.base + path, self.clock.now, None
        try:
            reply: Reply | None = self._target.connection.send(method, url, headers=headers, content=content)
        except NoReplyError as error:
            reply, error_text = None, str(error)
        exchange = Exchange(
            at=at,
            operation=operation,
            method=method,
            target=url,
            status=reply and reply.status,
            request=None if content is None else decode_body(content),
            answer=reply and decode_body(reply.body),
            key=self._label if own else None,
            ended=self.clock.now,
            headers=reply and reply.headers,
            clock=self.clock.owner,
        )
        self._target.note_response(error_text)
        raw = content if isinstance(exchange.request, str) and exchange.request.encode() != content else None
        shown = authorization and authorization.replace(self.key or "\0", "$API_KEY")
        line = None if own and raw is None else curl_line(exchange, authorization=shown, raw=raw)
        return self._record(exchange, error_text, line)

    def download(self, url: str) -> Reply:
        """Download a result.

        Raises:
            NoReplyError: No response.
        """
        self._require_running()
        timeout = max(self._target.options.timeout, _VIDEO_TIMEOUT)
        for _ in range(_REDIRECTS):
            reply = self._target.connection.send("GET", url, headers={}, most=_LARGEST_VIDEO, timeout=timeout)
            if reply.status not in {301, 302, 303, 307, 308} or "location" not in reply.headers:
                break
            url = urljoin(url, reply.headers["location"])
        return reply

    def wait(self, seconds: float, what: str = "the next event") -> None:
        """Advance the clock of the tenant, or wait in real time if that is not possible.

        Args:
            seconds: The duration.
            what: The purpose, for progress messages.
        """
        self._require_running()
        if not seconds:
            return
        if self.clock.owner == "observer":
            self._target.notify_waiting(seconds, what)
        try:
            self.clock.advance(seconds)
        except NoReplyError as error:
            self.note_no_response("/clock/advance", str(error))
        except ControlError as error:
            raise CheckStoppedError(str(error)) from None

    def note_no_response(self, path: str, error: str) -> None:
        """Record a request to the control plane that got no response.

        Args:
            path: The path below `/__admin`.
            error: The reason.

        Raises:
            CheckStoppedError: Always.
        """
        self._target.note_response(error)
        url, now = f"{self._target.root}/__admin{path}", self.clock.now
        self._record(Exchange(at=now, operation="other", method="POST", target=url, status=None), error)

    def read_callbacks(self, inbox: Inbox, *, time_known: bool = True) -> list[Exchange]:
        """Return the new callbacks, and record them with the current time.

        The exchange has the headers of the request, because it is the server that sent them. The time between several
        new callbacks is unknown.

        Args:
            inbox: The inbox.
            time_known: Whether a single new callback came about now.
        """
        now, new = self.clock.now, inbox.take_new()
        gaps = frozenset() if time_known and len(new) < 2 else frozenset({"time"})
        return [
            self._record(
                Exchange(
                    at=now,
                    operation="callback",
                    method=call.method,
                    target=inbox.url,
                    status=call.status,
                    request=decode_body(call.body),
                    ended=now,
                    headers={"content-type": call.content_type},
                    clock=self.clock.owner,
                    gaps=gaps,
                )
            )
            for call in new
        ]

    def _require_running(self) -> None:
        if self._target.stop_reason is not None:
            raise CheckStoppedError(self._target.stop_reason)


def _refused(exchange: Exchange) -> bool:
    """Tell whether the response shows that no task was made."""
    code = exchange.answer.get("code") if isinstance(exchange.answer, dict) else exchange.status
    is_refusal = code in range(400, 500) or exchange.status in range(400, 500)
    return exchange.status is not None and is_refusal and not exchange.data
