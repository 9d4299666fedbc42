"""Read a report that was written as JSON, and reduce a new report to what has changed since."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ltx_mock_contracts.reporting.text import counted
from ltx_mock_contracts.validation.documents import document_schema
from ltx_mock_contracts.verdicts import Report, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ltx_mock_contracts.verdicts import Outcome

__all__ = ["changes_since", "read_report"]


def read_report(data: Any) -> Report:
    """Return the report that `Report.as_dict` wrote. Rules that no longer exist are left out.

    Args:
        data: The decoded JSON of a report.

    Raises:
        ValueError: It is no such report; the text says which field is wrong.
    """
    problem = document_schema("check-report").problem(data)
    if problem is not None:
        raise ValueError(problem)
    return Report.from_dict(data)


def changes_since(report: Report, baseline: Report) -> Report:
    """Return the part of a report that a baseline does not have.

    Deviations are compared by rule and kind, so other ids, numbers of exchanges and repetitions are no change. A rule
    that is not checked in one of the two reports is no change either, but a note tells of it.

    Args:
        report: The new report.
        baseline: The earlier report of the same server.

    Returns:
        A report with only the verdicts that have changed, and with only their new deviations. The notes name what is
        gone: rules that are kept now, deviations that are not seen any more, and rules that are not checked any more.
    """
    before = {verdict.rule: verdict for verdict in baseline.verdicts}
    pairs = [(verdict, before.get(verdict.rule)) for verdict in report.verdicts]
    verdicts = tuple(changed for now, then in pairs if (changed := _changed(now, then)) is not None)
    gone = tuple(note for now, then in pairs if then is not None for note in _gone(now, then))
    same = counted(len(report.verdicts) - len(verdicts), "rule")
    return replace(report, verdicts=verdicts, notes=(*report.notes, *gone, f"{same} as in the baseline"))


def _changed(now: Verdict, then: Verdict | None) -> Verdict | None:
    """Return the verdict with its new deviations; None if nothing is new."""
    known = set() if then is None else {deviation.key for deviation in then.deviations}
    new = tuple(deviation for deviation in now.deviations if deviation.key not in known)
    if new:
        outcome: Outcome = now.outcome if any(deviation.binding for deviation in new) else "observed"
        return replace(now, outcome=outcome, deviations=new)
    if then is not None and now.outcome == "kept" and then.outcome in {"broken", "observed"}:
        return now
    return None


def _gone(now: Verdict, then: Verdict) -> Iterator[str]:
    if now.outcome == "not checked":
        if then.outcome != "not checked":
            yield f"{now.rule} was {then.outcome} and is not checked now: {now.why}"
        return
    seen = {deviation.key for deviation in now.deviations}
    for deviation in then.deviations:
        if deviation.key not in seen:
            yield f"{now.rule} is not seen any more: {deviation.title}"
