"""Play one case: a fresh fake, the case armed, the client run, and what came of it told."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable
from typing import Final, Literal
from urllib.parse import urlsplit

from ltx_mock.client_checks.cases import SILENCE, Case
from ltx_mock.client_checks.outcome import Ran, Results, Story
from ltx_mock.client_checks.timing import Timing
from ltx_mock.errors import LtxMockError
from ltx_mock.testing.mock_server import MockServer
from ltx_mock_contracts.model import SPEC_FAIL_CODES

__all__ = ["Client", "play"]

HTTP_TIMEOUT: Final = 5.0
RESULT_BYTES: Final = 8_000_000
"""More than fits into the buffers of two sockets, so that half a download is not sent whole."""
ANY_NUMBER: Final = "1000000000/second"
"""The fake's own limit would end a client that polls for ever, which is what the case is to show."""
KEY: Final = "check-client-key"
STRAY_SECONDS: Final = 5.0
LISTENS_WITHIN_SECONDS: Final = 10.0
SETTLE_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.02
STRAY: Final = {
    "code": 200,
    "message": "success",
    "data": {
        "taskId": "task_of_somebody_else",
        "state": "failed",
        "failCode": SPEC_FAIL_CODES[0],
        "failMsg": "It is not yours.",
    },
}

Client = Callable[[MockServer], Ran]
"""Runs a client once against a fake, to its end."""


def play(
    case: Case,
    timing: Timing,
    client: Client,
    *,
    seed: int = 0,
    results: Results = "either",
    callback: str | None = None,
    http_timeout: float = HTTP_TIMEOUT,
) -> Story:
    """Run a client in one case.

    Args:
        case: The case.
        timing: How time goes.
        client: Runs the client.
        seed: What the fake draws from.
        results: What the client does with a result.
        callback: Where its receiver listens.
        http_timeout: For how many real seconds an answer is withheld at most, before the connection is closed.
    """
    host = urlsplit(callback or "").hostname
    allowed = (host,) if host else ()
    settings = {**timing.settings, "rate_limit": ANY_NUMBER, "result_bytes": RESULT_BYTES} | (
        {"clock": "manual"} if case.stray else {}
    )
    with MockServer(api_key=KEY, seed=seed, allow_callback_host=allowed, **settings) as mock:
        for scenario in case.scenarios:
            silent = {"close_after": int(http_timeout * 1000)} if scenario.get("fault") == SILENCE else {}
            mock.scenarios.add(**{**scenario, **silent})
        # Time stands until the stray callback was answered, so that it comes first, whoever is faster.
        stray = _Stray(callback if case.stray else None, lambda: _let_time_pass(mock, timing))
        try:
            ran = client(mock)
        finally:
            stray.stop()
        _settle(mock)
        return Story(
            case=case,
            timing=timing,
            ran=ran,
            requests=[each for each in mock.requests if each.operation != "callback" and not _is_download(each.target)],
            downloads=mock.downloads,
            strangers=mock.strangers,
            deliveries=mock.callbacks,
            tasks=mock.tasks,
            stray=stray.answer,
            results=results,
            deaf=_deaf(mock, done=ran.well or case.end != "result"),
        )


def _let_time_pass(mock: MockServer, timing: Timing) -> None:
    """Let the clock go as the client was told it does."""
    with contextlib.suppress(LtxMockError):  # the fake may be gone with the client
        mock.clock.set(timing.settings["clock"], speed=timing.settings.get("speed"))


def _is_download(target: str) -> bool:
    return target.startswith("/files/")


def _settle(mock: MockServer) -> None:
    """Wait until callbacks that are under way have been answered, or not."""
    over = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < over and any(each.state == "sending" for each in mock.callbacks):
        time.sleep(LOOK_SECONDS)


def _deaf(mock: MockServer, *, done: bool) -> bool:
    """Tell whether a callback found nobody who answers. A client that is done may be gone."""
    seen = mock.look(lambda tenant: [(each.operation == "callback", each.status) for each in tenant.entries()])
    while done and seen and seen[-1][0]:
        seen.pop()
    return (True, None) in seen


class _Stray(threading.Thread):
    """Calls a client's receiver for a task of somebody else, as soon as somebody listens there."""

    def __init__(self, url: str | None, then: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._then = then
        self.answer: Literal["none", "taken", "refused"] = "none"
        self._url = urlsplit(url or "")
        self._over = threading.Event()
        if url is not None:
            self.start()

    def run(self) -> None:
        """Call until it is answered, then do what is to come after that."""
        self._call_until_answered()
        self._then()

    def _call_until_answered(self) -> None:
        until = time.monotonic() + LISTENS_WITHIN_SECONDS
        while not self._over.wait(LOOK_SECONDS) and time.monotonic() < until:
            try:
                self.answer = "taken" if self._call() == 200 else "refused"
            except ConnectionRefusedError:
                continue
            except (OSError, http.client.HTTPException):
                # A client that has ended meanwhile owes no answer.
                self.answer = "none" if self._over.wait(LOOK_SECONDS) else "refused"
            return

    def stop(self) -> None:
        """Call no more."""
        self._over.set()
        if self.is_alive():
            self.join(STRAY_SECONDS)

    def _call(self) -> int:
        """Post the callback, and return the status of the answer."""
        kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=STRAY_SECONDS)
        target = self._url._replace(scheme="", netloc="", fragment="").geturl() or "/"
        try:
            connection.request("POST", target, json.dumps(STRAY), {"Content-Type": "application/json"})
            return connection.getresponse().status
        finally:
            connection.close()
