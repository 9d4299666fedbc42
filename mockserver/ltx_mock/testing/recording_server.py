"""A server for tests that records the real API, and replays what is recorded already if wanted."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from ltx_mock.engine.engine import Engine
from ltx_mock.errors import LtxMockError
from ltx_mock.server.app import Endpoints
from ltx_mock.server.forwarding import recording
from ltx_mock.testing.mock_server import MockServer
from ltx_mock.testing.scenarios import Scenarios
from ltx_mock.testing.tenant import ClockHandle
from ltx_mock.upstream.client import Upstream
from ltx_mock.upstream.purse import Purse
from ltx_mock.upstream.recorder import Recorder
from ltx_mock_contracts.recordings import Redaction
from ltx_mock_contracts.recordings.writing import RecordingFolder

WHILE_RECORDING = "while the real API is recorded, "


class RealClock(ClockHandle):
    """The clock of the real API: nobody can advance it, so that `advance` waits."""

    def __init__(self, admin: Any, wait: Callable[[float], None]) -> None:
        super().__init__(admin)
        self._wait = wait

    def advance(self, seconds: float) -> list[dict[str, Any]]:
        """Wait so many real seconds. It returns no events, since only the API knows them."""
        self._wait(seconds)
        return []

    def set(self, mode: Any = None, *, speed: float | None = None) -> NoReturn:  # noqa: ARG002
        """Raise an error."""
        raise LtxMockError(f"{WHILE_RECORDING}the clock is real: its mode and its speed cannot change")

    def run_until_idle(self) -> NoReturn:
        """Raise an error."""
        raise LtxMockError(
            f"{WHILE_RECORDING}nobody knows when its tasks end: poll them, and advance the clock between"
        )


class NoScenarios(Scenarios):
    """Scenarios, which the real API does not have."""

    def add(self, name: Any = None, **_: Any) -> NoReturn:  # noqa: ARG002
        """Raise an error."""
        raise LtxMockError(f"{WHILE_RECORDING}there are no scenarios: do not record this test")


class RecordingServer(MockServer):
    """A server that forwards to the real API and records it; its first key is the real one.

    Args:
        upstream: The URL of the API.
        api_key: The key, whose tasks cost money.
        folder: Where the recordings are.
        replays: Whether a request that is recorded already is replayed.
        purse: What may be spent.
        wait: Waits so many real seconds.
        tell: Prints a line.
        when_written: Is called when everything is written.
        **settings: As in `Settings`.
    """

    def __init__(
        self,
        upstream: str,
        api_key: str,
        folder: str | os.PathLike[str],
        *,
        replays: bool,
        purse: Purse,
        wait: Callable[[float], None],
        tell: Callable[[str], None] = lambda _: None,
        when_written: Callable[[], None] | None = None,
        **settings: Any,
    ) -> None:
        self._folder, self._replays, self._purse = RecordingFolder(Path(folder)), replays, purse
        self._when_written = when_written
        try:
            self._upstream = Upstream(upstream, settings.get("ca_file"))
        except ValueError as error:
            raise LtxMockError(f"the URL of the API {error}") from None
        self._recorder = Recorder(self._folder, self._upstream.root, Redaction(), tell)
        recordings = {"recordings": folder} if replays else {}
        super().__init__(**{"clock": "real", **settings, **recordings, "api_key": api_key})
        self.clock = RealClock(self._admin, wait)
        self.scenarios = NoScenarios(self._admin)

    def close(self) -> None:
        """Stop the server: it has no other tenant."""
        self.stop()

    def stop(self) -> None:
        """Stop the server, and wait until everything is written."""
        super().stop()
        self._recorder.close()
        if self._when_written is not None:
            self._when_written()
            self._when_written = None

    def _endpoints(self, engine: Engine) -> Endpoints:
        return recording(engine, self._upstream, self._purse, self._recorder, replays=self._replays)
