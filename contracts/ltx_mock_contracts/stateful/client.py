"""The two clients of a target. Each request becomes an exchange and a line of the log."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.trace.exchange import Exchange, Operation, decode_body
from ltx_mock_contracts.trace.recorder import summary
from ltx_mock_contracts.validation.findings import show

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from ltx_mock_contracts.stateful.log import RunLog
    from ltx_mock_contracts.stateful.target import Target

__all__ = ["FIRST", "SECOND", "Client"]

FIRST: Final = "the first key"
SECOND: Final = "the second key"
_SHORT_TEXT: Final = 20
"""The length up to which a text is written without quotation marks."""


class Client:
    """Sends requests with one of the two keys, and records them and the callbacks.

    If the target has no clock, all exchanges have the same time.
    """

    def __init__(self, target: Target, log: RunLog) -> None:
        self._clients = {FIRST: target.client} | ({SECOND: target.other_client} if target.other_client else {})
        self._log = log
        self._numbers = count(1)

    def usable_key(self, key: str) -> str:
        """Return the key, or the first one if the target has only one."""
        return key if key in self._clients else FIRST

    def generate(self, key: str, raw: bytes, what: str) -> Exchange:
        """Submit a body; `what` describes it in the log."""
        send = partial(
            self._clients[key].post, MODEL.generate_path, content=raw, headers={"content-type": "application/json"}
        )
        return self._record("generateTask", key, raw, f"generateTask ({what})", send)

    def status(self, key: str, task_id: str | None, what: str = "") -> Exchange:
        """Poll a task, or with None poll without `taskId`; `what` describes the poll in the log."""
        params = None if task_id is None else {"taskId": task_id}
        send = partial(self._clients[key].get, MODEL.status_path, params=params)
        return self._record("statusTask", key, b"", f"statusTask {what}".strip(), send)

    def callback(self, url: str, raw: bytes) -> Exchange:
        """Record a callback that the inbox received; its response was 200."""
        now = self._log.now()
        exchange = Exchange(
            at=now or 0,
            operation="callback",
            method="POST",
            target=url,
            status=200,
            request=decode_body(raw),
            ended=now,
            clock="observer" if now is None else "server",
            number=next(self._numbers),
        )
        self._log.add("a callback arrives", exchange.task_id or None)
        return exchange

    def _record(
        self, operation: Operation, key: str, raw: bytes, what: str, send: Callable[[], httpx.Response]
    ) -> Exchange:
        at = self._log.now()
        response = send()
        exchange = Exchange(
            at=at or 0,
            operation=operation,
            method=response.request.method,
            target=str(response.request.url),
            status=response.status_code,
            request=decode_body(raw),
            answer=decode_body(response.content),
            key=key,
            ended=self._log.now(),
            headers=response.headers,
            clock="observer" if at is None else "server",
            number=next(self._numbers),
        )
        text = "not JSON" if isinstance(exchange.answer, str) else _short(summary(exchange))
        self._log.add(f"{what} returns {exchange.status} {text}", exchange.task_id or None)
        return exchange


def _short(value: object) -> str:
    """Return a state, an id or a short message unchanged, and anything else in JSON notation."""
    return value if isinstance(value, str) and len(value) <= _SHORT_TEXT else show(value)
