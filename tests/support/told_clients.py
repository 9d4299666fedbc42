"""Clients of this process that are checked without real waits: they tell the fake how long they have slept."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

from ltx_mock import MockServer
from ltx_mock.client_checks.cases import CASES, Case, select_cases
from ltx_mock.client_checks.outcome import ClientRun
from ltx_mock.client_checks.runner import CheckResult, check_cases
from ltx_mock.client_checks.timing import Timing
from mutants.clients import Endless, GoodClient, NoVideo

SILENCE_SECONDS = 0.01
"""How long the fake withholds a response; the client waits for whatever comes."""
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CALLBACK = "http://127.0.0.1:0/callback"
"""The client listens at a free port."""

Front: TypeAlias = Callable[[str], AbstractContextManager[str]]
"""Puts something in front of the root URL of a fake."""


class Told(Timing):
    """The client tells the fake how long it has slept: exact, and nobody really sleeps."""

    __slots__ = ()

    @property
    def settings(self) -> dict[str, Any]:
        return {"clock": "manual", "start_time": "now"}


TOLD = Told(1)


def planted(kind: type[GoodClient], case: Case, front: Front = nullcontext) -> Callable[[MockServer], ClientRun]:
    """Return what runs this client in this case, here and now, and then where all goes well."""
    cases = iter([case, CASES[0]])

    def run(mock: MockServer) -> ClientRun:
        case = next(cases)

        def sleep(seconds: float) -> None:
            mock.clock.advance(seconds)

        try:
            with front(mock.url) as url:
                callback = CALLBACK if case.callback else None
                secret = mock.settings.callback_secret
                client = kind(f"{url}/api/v1", mock.api_key, sleep, callback=callback, secret=secret)
                return ClientRun(succeeded=True, description="exits with 0", output=client.run())
        except NoVideo as problem:
            return ClientRun(succeeded=False, description="exits with 1", output=str(problem))
        except Endless:
            return ClientRun(succeeded=False, description="was ended", exited=False)
        except Exception:  # noqa: BLE001 - a bug may raise anything
            return ClientRun(succeeded=False, description="exits with 1", output=traceback.format_exc())

    return run


def found_in(kind: type[GoodClient], name: str, timing: Timing = TOLD, front: Front = nullcontext) -> CheckResult:
    """Check a client in one case."""
    (case,) = select_cases((name,))
    return check_cases(
        [case],
        timing,
        planted(kind, case, front),
        results="download",
        callback=CALLBACK,
        callback_secret=SECRET if case.callback else None,
        http_timeout=SILENCE_SECONDS,
    )


def told(found: CheckResult) -> str:
    """Return all deviations and what the client said, for messages."""
    deviations = [each for verdict in found.report.verdicts for each in verdict.deviations]
    lines = [f"{each.rule} {each.checks}: {each.title}; {each.expected}; {each.actual}" for each in deviations]
    return "\n".join([*lines, *(played.run.client.output for played in found.cases)])
