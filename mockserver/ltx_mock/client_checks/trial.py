"""Run a client in one case, on a new fake with the scenarios of the case."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ltx_mock.client_checks.cases import SILENCE, Case
from ltx_mock.client_checks.outcome import RESULT_BYTES, CaseRun, ClientRun, Results
from ltx_mock.client_checks.timing import Timing
from ltx_mock.control.from_json import amounts_of
from ltx_mock.store.observers import Observer
from ltx_mock.testing.mock_server import MockServer

if TYPE_CHECKING:
    from ltx_mock.core.journal_entry import Entry
    from ltx_mock.engine.engine import Engine
    from ltx_mock.store.tenant import Tenant

__all__ = ["Client", "run_case"]

HTTP_TIMEOUT: Final = 5.0
ANY_NUMBER: Final = "1000000000/second"
"""No request limit, which would stop a client that polls for ever."""
KEY: Final = "check-client-key"
LISTENS_WITHIN_SECONDS: Final = 2.0
SETTLE_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.02

Client = Callable[[MockServer], ClientRun]
"""Runs a client once against a fake, to its end."""


def run_case(
    case: Case,
    timing: Timing,
    client: Client,
    *,
    seed: int = 0,
    results: Results = "either",
    callback: str | None = None,
    callback_secret: str | None = None,
    http_timeout: float = HTTP_TIMEOUT,
) -> CaseRun:
    """Run a client in one case.

    Args:
        case: The case.
        timing: The timing of fake and client.
        client: Runs the client.
        seed: The seed of the fake.
        results: What the client does with a result.
        callback: The URL of its receiver.
        callback_secret: Signs callbacks.
        http_timeout: How many real seconds a response is withheld before the connection is closed.
    """
    host = urlsplit(callback or "").hostname
    allowed = (host,) if host else ()
    settings = {**timing.settings, "rate_limit": ANY_NUMBER, "result_bytes": RESULT_BYTES}
    held = case.callback and settings["clock"] == "auto"
    settings |= {"clock": "manual"} if held else {}
    settings |= {"callback_secret": callback_secret, "start_time": "now"} if callback_secret else {}
    with ExitStack() as opened:
        if case.restarts:
            folder = opened.enter_context(TemporaryDirectory(prefix="ltx-mock-"))
            settings |= {"store": f"sqlite:{Path(folder) / 'state.db'}"}
        mock = opened.enter_context(MockServer(api_key=KEY, seed=seed, allow_callback_host=allowed, **settings))
        for scenario in case.scenarios:
            silent = {"close_after": int(http_timeout * 1000)} if scenario.get("fault") == SILENCE else {}
            mock.scenarios.add(**{**scenario, **silent})
        if held:
            mock.observe(_Hold)
        ran = client(mock)
        _settle(mock)
        return CaseRun(
            case=case,
            timing=timing,
            client=ran,
            requests=[each for each in mock.requests if each.operation != "callback" and not _is_download(each.target)],
            downloads=mock.downloads,
            unauthenticated_requests=mock.unauthenticated_requests,
            deliveries=mock.callbacks,
            tasks=mock.tasks,
            spent=amounts_of(mock._admin.get("/spend", limit=0)),  # noqa: SLF001 - a module of the same house
            results=results,
            signed=callback_secret is not None,
            receiver_unreachable=_receiver_unreachable(mock, done=ran.succeeded or case.end != "result"),
        )


def _is_download(target: str) -> bool:
    return target.startswith("/files/")


def _settle(mock: MockServer) -> None:
    """Wait until current callbacks have completed."""
    over = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < over and any(each.state == "sending" for each in mock.callbacks):
        time.sleep(LOOK_SECONDS)


def _receiver_unreachable(mock: MockServer, *, done: bool) -> bool:
    """Tell whether a callback got no response.

    Callbacks after the end of a client, and before its first task, do not count.
    """
    seen = mock.look(lambda tenant: [(each.operation == "callback", each.status) for each in tenant.journal])
    while seen and seen[0][0]:
        seen.pop(0)
    while done and seen and seen[-1][0]:
        seen.pop()
    return (True, None) in seen


class _Hold(Observer):
    """Keeps the clock stopped until a client polls, or has had time to start its receiver.

    The clock `auto` delivers a callback as soon as there is a task, and retries at once. With documented times the
    first comes after 40 s or more.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._holds = True

    def entry_recorded(self, tenant: Tenant, entry: Entry) -> None:
        """See `Observer`."""
        if not self._holds or tenant.key != KEY:
            return
        if entry.operation == "statusTask":
            self._let_go(tenant)
        elif entry.operation == "generateTask":
            asyncio.get_running_loop().call_later(LISTENS_WITHIN_SECONDS, self._let_go, tenant)

    def _let_go(self, tenant: Tenant) -> None:
        if self._holds:
            self._holds = False
            self._work = asyncio.create_task(self._engine.set_clock(tenant, "auto", None))
