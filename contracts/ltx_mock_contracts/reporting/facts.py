"""The content of a report as ordered texts, for every format that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.reporting.text import counted, json_text, printable, shortened
from ltx_mock_contracts.rules import RULES
from ltx_mock_contracts.verdicts import OUTCOMES

if TYPE_CHECKING:
    from ltx_mock_contracts.verdicts import Deviation, Report, Verdict

__all__ = ["about", "broken_first", "counts", "facts", "reasons"]

_ORDER: Final = {outcome: place for place, outcome in enumerate(("broken", "observed", "kept", "not checked"))}
_NUMBERS: Final = 5
_REQUEST: Final = 400


def about(report: Report) -> dict[str, str]:
    """Return server, seed and number of tasks made, by name; empty for a recording."""
    rows: dict[str, str] = {}
    if report.target is not None:
        rows["server"] = printable(report.target)
    if report.seed is not None:
        rows["seed"] = str(report.seed)
    if report.tasks_made is not None:
        bound = "" if report.tasks_allowed is None else f" of at most {report.tasks_allowed}"
        rows["made"] = counted(report.tasks_made, "task") + bound
    return rows


def counts(report: Report) -> str:
    """Return a line with the number of rules of each outcome and the number of exchanges."""
    of_each = ", ".join(f"{report.counts[outcome]} {outcome}" for outcome in OUTCOMES)
    skipped = f", {report.skipped} skipped" if report.skipped else ""
    return f"{of_each}; {counted(report.exchanges, 'exchange')}{skipped}"


def broken_first(report: Report) -> tuple[Verdict, ...]:
    """Return the verdicts, broken ones first, then in the order of the catalogue."""
    return tuple(sorted(report.verdicts, key=lambda verdict: _ORDER[verdict.outcome]))


def reasons(report: Report) -> dict[str, list[str]]:
    """Return each reason why rules were not checked, with the ids of these rules."""
    found: dict[str, list[str]] = {}
    for verdict in report.verdicts:
        if verdict.outcome == "not checked":
            found.setdefault(printable(verdict.why or ""), []).append(verdict.rule)
    return found


def facts(deviation: Deviation, report: Report, *, limit: int | None = None) -> dict[str, str]:
    """Return the facts of a deviation besides its title, by name, each as one printable line.

    Args:
        deviation: The deviation.
        report: The report that it is in.
        limit: The maximum length of `expected` and `actual`, if limited. A longer curl line is left out, since half a
            command is useless.
    """
    request = None if deviation.request is None else shortened(json_text(deviation.request), _REQUEST)
    whole = limit is None or len(deviation.curl or "") <= limit
    rows = {
        **(
            {name: shortened(text, limit) for name, text in deviation.sides.items()}
            or {"expected": shortened(deviation.expected, limit), "actual": shortened(deviation.actual, limit)}
        ),
        "request": request,
        "where": _where(deviation, report.counted_in),
        "check": deviation.checks[0] if deviation.checks else None,
        "rule": RULES[deviation.rule].text,
        "try": deviation.curl if whole else None,
    }
    return {name: printable(fact) for name, fact in rows.items() if fact}


def _where(deviation: Deviation, counted_in: str) -> str:
    numbers = ", ".join(map(str, deviation.exchanges[:_NUMBERS])) + ", …" * (len(deviation.exchanges) > _NUMBERS)
    place = f"{counted_in} {numbers}" if numbers else ""
    task = f" (task {deviation.task})" if deviation.task else ""
    return (place + task + (f", {deviation.times} times" if deviation.times > 1 else "")).lstrip(" ,")
