"""Combine the results of all checks in one report."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from ltx_mock_contracts.reporting import without_keys
from ltx_mock_contracts.reporting.redaction import text_without_keys
from ltx_mock_contracts.rules import RULES
from ltx_mock_contracts.verdicts import Deviation, Report, VerdictCollector

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.checks import Check, Plan, Side
    from ltx_mock_contracts.conformance.harness.options import Options
    from ltx_mock_contracts.conformance.runner import CheckFinished
    from ltx_mock_contracts.verdicts import Verdict

__all__ = ["ReportCollector"]

_UNTESTED: Final[dict[Side, str]] = {
    "accepts": "no valid request was accepted",
    "refuses": "no invalid request was refused",
    "holds": "no check has tested it",
    "lasts": "nothing showed that it lasts",
}
"""The text of a report for each side of a rule that was not tested."""


class ReportCollector:
    """Combines the results of checks.

    Attributes:
        errors: Errors in the checks themselves.
    """

    def __init__(self) -> None:
        self.errors: list[str] = []
        self._trace: list[str] = []
        self._collector = VerdictCollector()
        self._tested: dict[str, set[Side]] = defaultdict(set)
        self._reasons: dict[str, list[tuple[Side, str]]] = defaultdict(list)
        self._exchanges = 0
        self._made = 0
        self._ids: dict[str, int] = {}
        self._bound: int | None = None

    def plan(self, plan: Plan) -> None:
        """Note the plan."""
        self._bound = plan.bound

    def add(self, finished: CheckFinished) -> None:
        """Add the result of a check; its exchanges are numbered after the earlier ones."""
        if finished.error is not None:
            self.errors.append(finished.error)
        check = finished.check
        if finished.why is not None:
            for rule, side in check.sides:
                self._reasons[rule].append((side, finished.why))
        elif finished.collector is not None:
            self._note_tested(check, finished.collector)
        if finished.collector is None:
            return
        for deviation in finished.collector.deviations:
            numbers = tuple(number + self._exchanges for number in deviation.exchanges)
            self._collector.add_deviation(replace(deviation, exchanges=numbers))
        self._collector.checked(*finished.collector.seen.elements())
        for task_id, (number, line) in (finished.ids or {}).items():
            self._note_task_id(task_id, number + self._exchanges, line, check.name)
        self._exchanges += finished.exchanges
        self._made += finished.made
        self._trace.append(finished.trace)

    def report(self, options: Options, *, numbered: bool = False) -> Report:
        """Return a report with a verdict for each selected rule.

        Args:
            options: The options of the run.
            numbered: Whether there is a trace, so that the report can refer to the numbers of exchanges.
        """
        rules = [rule.id for rule in RULES.values() if rule.group != "CLI"]
        wanted = [rule for rule in rules if options.rules is None or rule in options.rules]
        untested = {rule: why for rule in wanted if (why := self._reason(rule))}
        verdicts = self._collector.verdicts(wanted, options.sources, untested, complete=set(wanted) - set(untested))
        report = Report(
            verdicts=tuple(each if numbered else _without_numbers(each) for each in verdicts),
            sources=options.sources,
            exchanges=self._exchanges,
            counted_in="line",
            target=_without_user(options.url),
            seed=options.seed,
            tasks_made=self._made,
            tasks_allowed=self._bound,
        )
        return without_keys(report if options.rules is None else report.only(options.rules), options.secrets)

    def trace(self, options: Options) -> list[str]:
        """Return all exchanges as NDJSON."""
        return [text_without_keys(lines, options.secrets) for lines in self._trace]

    def _note_tested(self, check: Check, collector: VerdictCollector) -> None:
        """Note that a check has completed. It counts only for rules that it judged at least once."""
        for rule, side in check.sides:
            if collector.seen[rule]:
                self._tested[rule].add(side)
            else:
                self._reasons[rule].append((side, "no exchange showed it"))

    def _reason(self, rule: str) -> str | None:
        """Return why a side of a rule was not tested; None if all sides were."""
        tested = self._tested[rule]
        missing = [(side, why) for side, why in self._reasons[rule] if side not in tested]
        if not missing:
            return None if tested else "no exchange showed it"
        side, why = missing[0]  # reasons from running checks come before those of the plan
        return f"{_UNTESTED[side]}: {why}" if tested else why

    def _note_task_id(self, task_id: str, number: int, line: str, check: str) -> None:
        """Note a task id. A check knows only its own tasks, so an id that was used twice is detected here."""
        first = self._ids.setdefault(task_id, number)
        if first != number:
            title, exchanges = "two tasks have the same taskId", (first, number)
            self._collector.add_deviation(
                Deviation(
                    rule="GEN-17",
                    title=title,
                    expected="a new taskId",
                    actual=task_id,
                    exchanges=exchanges,
                    curl=line,
                    checks=(check,),
                )
            )


def _without_user(url: str) -> str:
    """Return a URL without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _without_numbers(verdict: Verdict) -> Verdict:
    return replace(verdict, deviations=tuple(replace(each, exchanges=()) for each in verdict.deviations))
