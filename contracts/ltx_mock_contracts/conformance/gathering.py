"""What all checks saw, in one report; in a run with xdist their reports come from other processes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from ltx_mock_contracts.conformance.plugin import SEEN
from ltx_mock_contracts.reporting import without_keys
from ltx_mock_contracts.rules import RULES
from ltx_mock_contracts.verdicts import Departure, Ledger, Report

if TYPE_CHECKING:
    import pytest

    from ltx_mock_contracts.conformance.options import Options
    from ltx_mock_contracts.verdicts import Verdict

__all__ = ["Gatherer"]


class Gatherer:
    """A pytest plugin that adds up what checks saw.

    Attributes:
        troubles: What went wrong in checks themselves.
        trace: Everything that was asked and answered, as NDJSON.
    """

    def __init__(self) -> None:
        self.troubles: list[str] = []
        self.trace: list[str] = []
        self._ledger = Ledger()
        self._why: dict[str, dict[str, None]] = {}
        self._exchanges = 0
        self._made = 0
        self._ids: dict[str, int] = {}
        self._bound: int | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a check saw out of its report."""
        if not hasattr(report, SEEN):
            return
        seen = json.loads(getattr(report, SEEN))
        if seen["why"]:
            for rule in seen["rules"]:
                self._why.setdefault(rule, {})[seen["why"]] = None
        if "ledger" in seen:
            self._add(seen)
        elif report.failed:
            self.troubles.append(f"{report.nodeid}: {report.longreprtext}")

    def report(self, options: Options, *, numbered: bool = False) -> Report:
        """Return a verdict for each rule that was asked for.

        Args:
            options: What was asked for.
            numbered: Whether there is a trace, in which exchanges have the numbers that are told.
        """
        rules = [rule.id for rule in RULES.values() if rule.group != "CLI"]
        wanted = [rule for rule in rules if options.rules is None or rule in options.rules]
        why = {rule: "; ".join(reasons) for rule, reasons in self._why.items()}
        verdicts = self._ledger.verdicts(wanted, options.sources, why)
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

    def _has_come(self, task_id: str, number: int, line: str, check: str) -> None:
        """Note an id. Each check sees only its own tasks, so that one is given twice shows only here."""
        first = self._ids.setdefault(task_id, number)
        if first != number:
            title, exchanges = "a taskId is given twice", (first, number)
            self._ledger.depart(
                Departure(
                    rule="GEN-17",
                    title=title,
                    expected="a new one",
                    actual=task_id,
                    exchanges=exchanges,
                    curl=line,
                    checks=(check,),
                )
            )

    def _add(self, seen: dict[str, Any]) -> None:
        """Add one check; its exchanges are counted on from those that came before."""
        for departure in seen["ledger"]["departures"]:
            departure["exchanges"] = [number + self._exchanges for number in departure["exchanges"]]
        self._ledger.merge(seen["ledger"])
        for task_id, (number, line) in seen["ids"].items():
            self._has_come(task_id, number + self._exchanges, line, seen["name"])
        self._exchanges += seen["exchanges"]
        self._made += seen["made"]
        self._bound = seen["bound"]
        self.trace.append(seen["trace"])


def _without_user(url: str) -> str:
    """Return a URL without what may be a password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _without_numbers(verdict: Verdict) -> Verdict:
    return replace(verdict, departures=tuple(replace(each, exchanges=()) for each in verdict.departures))
