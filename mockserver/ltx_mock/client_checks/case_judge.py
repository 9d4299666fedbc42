"""The judge of one case: deviations, and rules that could not be judged, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.api import ENDED, data_of
from ltx_mock_contracts.validation import validate_request
from ltx_mock_contracts.verdicts import Deviation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ltx_mock.client_checks.outcome import CaseRun
    from ltx_mock.control.from_json import Exchange
    from ltx_mock_contracts.validation.findings import Finding
    from ltx_mock_contracts.verdicts import VerdictCollector

__all__ = [
    "CaseJudge",
    "is_whole",
    "learned_the_end",
    "obscured_by",
    "result_urls",
    "seconds",
    "shows_the_end",
    "unknown_requests",
]

_LISTED: Final = 20


class CaseJudge:
    """Collects the results of one case.

    Attributes:
        run: The run of the case.
        broken: The ids of the rules that are broken so far.
        hidden: Rules of the case that could not be judged, and why.
        partly: Rules that were judged only in part, and why; they do not count as kept.
    """

    def __init__(self, run: CaseRun, collector: VerdictCollector) -> None:
        self.run = run
        self._collector = collector
        self.broken: set[str] = set()
        self.hidden: dict[str, str] = {}
        self.partly: dict[str, str] = {}

    def checked(self, *rules: str) -> None:
        """Note that these rules were judged."""
        self._collector.checked(*rules)

    def hide(self, rules: tuple[str, ...], why: str) -> None:
        """Note that these rules could not be judged."""
        for rule in rules:
            self.hidden.setdefault(rule, why)

    def wrong(
        self, rule: str, title: str, *about: Exchange, expected: str, actual: str, binding: bool = True, kind: str = ""
    ) -> None:
        """Note a deviation with its exchanges. One from mere advice is not `binding`."""
        self.checked(rule)
        binding = binding and self.run.case.binding
        if binding:
            self.broken.add(rule)
        self._collector.add_deviation(
            Deviation(
                rule=rule,
                title=title,
                expected=expected,
                actual=actual,
                exchanges=tuple(each.number for each in about[:_LISTED]),
                request=about[-1].body if about else None,
                checks=(self.run.case.name,),
                binding=binding,
                kind=kind,
            )
        )


def obscured_by(run: CaseRun) -> str | None:
    """Return a reason other than the case why a client did not finish; else None."""
    for each in run.of("generateTask"):
        violations = _violations(each)
        if violations and each.status == 400 and each.cause is None and not run.tasks:
            return f"its generateTask breaks {violations[0].rule} and is refused"
    if not learned_the_end(run):
        if run.unauthenticated_requests:
            return "its requests lack the key"
        refused = next(unknown_requests(run), None)
        if refused is not None:
            return f"it requests an unknown endpoint or task: {refused}"
    if run.control is not None and not run.control.got_a_video:
        return "it gets no video even in the case success"
    return None


def unknown_requests(run: CaseRun) -> Iterator[Exchange]:
    """Yield the requests with an unknown path, parameter or task."""
    for each in run.requests:
        if each.cause is None and each.operation in {"statusTask", "other"} and each.status in {400, 404, 405}:
            yield each


def learned_the_end(run: CaseRun) -> bool:
    """Tell whether the client received the end of its task, by a poll or a callback."""
    called = any(attempt.status == 200 for each in run.deliveries for attempt in each.attempts)
    return called or any(shows_the_end(each) for each in run.of("statusTask"))


def _violations(exchange: Exchange) -> list[Finding]:
    return [each for each in validate_request(exchange.body) if each.severity == "violation"]


def shows_the_end(exchange: Exchange) -> bool:
    """Tell whether a response contains a final state."""
    return _state_in(exchange) in ENDED


def _state_in(exchange: Exchange) -> object:
    return data_of(exchange.answer).get("state") if exchange.status == 200 else None


def result_urls(run: CaseRun) -> list[str]:
    """Return the URLs of all results."""
    return [task.result_url for task in run.tasks if task.result_url is not None]


def is_whole(download: Exchange) -> bool:
    """Tell whether a download is complete."""
    sent: Any = download.answer
    return download.status in {200, 206} and isinstance(sent, dict) and sent.get("sent") == sent.get("size")


def seconds(milliseconds: int) -> str:
    """Return a duration as text."""
    return f"{milliseconds / 1000:g} s"
