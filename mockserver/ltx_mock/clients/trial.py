"""Play one case: a fresh fake, the case armed, the client run, and what came of it told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Literal

from ltx_mock.clients.cases import Case
from ltx_mock.clients.story import Ran, Story
from ltx_mock.clients.timing import Timing
from ltx_mock.mock_server import MockServer

__all__ = ["Client", "play"]

KEY: Final = "check-client-key"
STRAY_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.02
STRAY: Final = {
    "code": 200,
    "message": "success",
    "data": {
        "taskId": "task_of_somebody_else",
        "state": "failed",
        "failCode": "CONTENT_VIOLATION",
        "failMsg": "It is not yours.",
    },
}

Client = Callable[[MockServer], Ran]
"""Runs a client once against a fake, to its end."""


def play(case: Case, timing: Timing, client: Client, *, seed: int = 0, fetches: bool = True) -> Story:
    """Run a client in one case.

    Args:
        case: The case.
        timing: How time goes.
        client: Runs the client.
        seed: What the fake draws from.
        fetches: Whether the client fetches results itself.
    """
    with MockServer(api_key=KEY, seed=seed, **timing.settings) as mock:
        for scenario in case.scenarios:
            mock.scenarios.add(**scenario)
        stray = _Stray(mock)
        if case.stray:
            stray.start()
        ran = client(mock)
        stray.stop()
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
            fetches=fetches,
        )


def _is_download(target: str) -> bool:
    return target.startswith("/files/")


class _Stray(threading.Thread):
    """Calls a client's receiver for a task of somebody else, as soon as it is known where it listens."""

    def __init__(self, mock: MockServer) -> None:
        super().__init__(daemon=True)
        self.answer: Literal["none", "taken", "refused"] = "none"
        self._mock = mock
        self._over = threading.Event()

    def run(self) -> None:
        """Wait for the task and call."""
        import httpx  # noqa: PLC0415 - slow to import, and for one case only

        while not self._over.wait(LOOK_SECONDS):
            urls = [task.request.get("callback_url") for task in self._mock.tasks]
            if urls and isinstance(urls[0], str):
                try:
                    answer = httpx.post(urls[0], json=STRAY, timeout=STRAY_SECONDS, trust_env=False)
                    self.answer = "taken" if answer.status_code == 200 else "refused"
                except httpx.HTTPError:
                    self.answer = "refused"
                return

    def stop(self) -> None:
        """Call no more."""
        self._over.set()
        if self.is_alive():
            self.join(STRAY_SECONDS)
