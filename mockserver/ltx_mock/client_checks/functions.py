"""Check a client that is a Python function."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ltx_mock.client_checks.cases import CASES, Case, select_cases
from ltx_mock.client_checks.outcome import ClientRun
from ltx_mock.client_checks.runner import CheckResult, check_cases
from ltx_mock.client_checks.time_limits import TimeLimits, wait_for_end
from ltx_mock.client_checks.timing import Timing
from ltx_mock.errors import LtxMockError
from ltx_mock_contracts.failure import ContractFailure
from ltx_mock_contracts.reporting.redaction import text_without_keys

if TYPE_CHECKING:
    from ltx_mock.testing.mock_server import MockServer

__all__ = ["FUNCTION_CASES", "check_client"]

MakeVideo = Callable[[str, str], str]
"""Makes a video, given the base URL of the API and the key, and returns the URL of the result."""

FUNCTION_CASES = tuple(
    case.name
    for case in CASES
    if not case.callback and not any(each.get("operation") == "download" for each in case.scenarios)
)
"""The names of the cases for a function, for `@pytest.mark.parametrize`: all without downloads and callbacks."""


def check_client(
    make_video: MakeVideo, cases: str | Sequence[str] = (), *, timeout: float | None = None, seed: int = 0
) -> CheckResult:
    """Run a function that makes a video in every case, and check that it uses the API as documented.

    The fake's clock is `auto`: its time jumps ahead when a status is read. Configure the function's waits as 0,
    otherwise it sleeps in real time.

    Args:
        make_video: Makes a video, given base URL (with `/api/v1`) and API key, and returns the URL of the result. It
            raises an exception if there is no video, whose text is taken as its report.
        cases: The name of a case, or several; by default all of `FUNCTION_CASES`.
        timeout: The maximum real seconds for each case; by default as long as it sends requests.
        seed: The seed of the fake.

    Returns:
        The result, if no rule is broken.

    Raises:
        ContractFailure: It broke a rule for clients; the story has all deviations.
        LtxMockError: Unknown case, or the function waits in real time, so that nothing can be judged.
    """
    limits = TimeLimits.of(Timing(), timeout)
    chosen: Sequence[Case] = select_cases((cases,) if isinstance(cases, str) else tuple(cases) or FUNCTION_CASES)

    def client(mock: MockServer) -> ClientRun:
        return _run(make_video, mock, limits)

    found = check_cases(chosen, Timing(), client, seed=seed, results="url")
    deviations = [
        each
        for verdict in found.report.verdicts
        for each in verdict.deviations
        if verdict.outcome == "broken" and each.binding
    ]
    if not deviations:
        if found.hint is not None:
            raise LtxMockError(found.hint)
        return found
    first = deviations[0]
    raise ContractFailure(
        first.title,
        rule=first.rule,
        expected=first.expected,
        actual=first.actual,
        story=[f"{each.rule} in {', '.join(each.checks)}: {each.title} ({each.actual})" for each in deviations],
    )


def _run(make_video: MakeVideo, mock: MockServer, limits: TimeLimits) -> ClientRun:
    """Call the function in a thread. A thread cannot be killed: one that never returns is left running."""
    done: list[ClientRun] = []
    began = time.monotonic()

    def call() -> None:
        try:
            url: object = make_video(mock.base_url, mock.api_key)
        except BaseException as error:  # noqa: BLE001 - whatever it raises, it says that there is no video
            text = text_without_keys(f"{type(error).__name__}: {_text(error, str)}", [mock.api_key])
            done.append(
                ClientRun(succeeded=False, description=f"raises {text}", seconds=time.monotonic() - began, output=text)
            )
        else:
            how, given = f"returns {_text(url, repr):.200}", url if isinstance(url, str) else None
            done.append(ClientRun(succeeded=True, description=how, seconds=time.monotonic() - began, url=given))

    thread = threading.Thread(target=call, daemon=True)
    thread.start()

    def ended(seconds: float) -> bool:
        thread.join(seconds)
        return not thread.is_alive()

    stop = wait_for_end(ended, mock, limits)
    if stop is None:
        return done[0]
    how = limits.describe(stop)
    return ClientRun(succeeded=False, description=how, exited=False, seconds=time.monotonic() - began, stop=stop)


def _text(value: object, convert: Callable[[object], str]) -> str:
    """Return the text of a value, or its type if that raises."""
    try:
        return convert(value)
    except Exception:  # noqa: BLE001 - it is somebody else's code
        return f"a {type(value).__name__}"
