"""Export a report as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.reporting.facts import facts
from ltx_mock_contracts.reporting.text import printable, shortened
from ltx_mock_contracts.rules import RULES

if TYPE_CHECKING:
    from ltx_mock_contracts.rules import Rule
    from ltx_mock_contracts.verdicts import Deviation, Report, Verdict

__all__ = ["sarif"]

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final = {"broken": "error", "observed": "note"}
_LIMIT: Final = 2000


def sarif(report: Report, *, version: str, uri: str = "README.md") -> dict[str, Any]:
    """Return the report as a SARIF log with one run.

    Rules that were not checked are listed in the properties of the run. As results, even of kind `notApplicable`,
    GitHub would show each of them as an alert.

    Args:
        report: The report.
        version: The version of ltx-mock.
        uri: The file that results point to, as a path from the repository's root. Responses are in no file, but GitHub
            refuses a log with a result that has no physical location.
    """
    places = {verdict.rule: place for place, verdict in enumerate(report.verdicts)}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {"name": "ltx-mock", "version": version, "rules": [_rule(RULES[i]) for i in places]}
                },
                "invocations": [_invocation(report)],
                "results": [
                    _result(verdict, deviation, report, uri) | {"ruleIndex": places[deviation.rule]}
                    for verdict in report.verdicts
                    for deviation in verdict.deviations
                ],
                "properties": _properties(report),
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    plain = rule.text.replace("`", "")
    return {
        "id": rule.id,
        "shortDescription": {"text": re.split(r"; |\. ", plain)[0]},
        "fullDescription": {"text": plain},
        "help": {"text": plain, "markdown": rule.text},
        "defaultConfiguration": {"level": "note" if rule.sources == ("choice",) else "error"},
        "properties": {"sources": list(rule.sources)},
    }


def _invocation(report: Report) -> dict[str, Any]:
    again = {} if report.reproduce is None else {"commandLine": printable(report.reproduce)}
    return {"executionSuccessful": True, **again}


def _properties(report: Report) -> dict[str, Any]:
    return {
        "target": None if report.target is None else printable(report.target),
        "seed": report.seed,
        "tasksMade": report.tasks_made,
        "tasksAllowed": report.tasks_allowed,
        "exchanges": report.exchanges,
        "counts": dict(report.counts),
        "notChecked": {
            verdict.rule: printable(verdict.why or "")
            for verdict in report.verdicts
            if verdict.outcome == "not checked"
        },
    }


def _result(verdict: Verdict, deviation: Deviation, report: Report, uri: str) -> dict[str, Any]:
    # GitHub compares only this fingerprint. Without it, it would compute one from the line of the file.
    fingerprint = sha256("\n".join(deviation.key[:2]).encode(errors="replace")).hexdigest()
    return {
        "ruleId": deviation.rule,
        "level": _LEVELS[verdict.outcome_of(deviation)],
        "message": {"text": _message(deviation, report)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}}],
        "partialFingerprints": {"primaryLocationLineHash": fingerprint},
        "occurrenceCount": deviation.times,
    }


def _message(deviation: Deviation, report: Report) -> str:
    rows = facts(deviation, report, limit=_LIMIT)
    lines = [printable(shortened(deviation.title, _LIMIT)), *(f"{name}: {fact}" for name, fact in rows.items())]
    return "\n".join(lines).replace("](", "\\](")  # unescaped it would be a link
