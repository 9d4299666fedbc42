"""Export a report as a step summary of GitHub Actions."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.reporting.facts import about, broken_first, counts, facts
from ltx_mock_contracts.reporting.text import printable, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ltx_mock_contracts.verdicts import Deviation, Report, Verdict

__all__ = ["step_summary"]

_LIMIT: Final = 2000
_NOTE: Final = 300
_SIZE: Final = 900_000  # bytes; GitHub refuses step summaries over 1 MiB
_SIGNS: Final = {"broken": "❌", "observed": "⚠️", "kept": "✅", "not checked": "➖"}


def step_summary(report: Report) -> str:
    """Return the report in GitHub-flavoured Markdown: counts, a table with broken rules first, and details.

    Untrusted text is in HTML blocks without empty lines, where only HTML is markup, inside `code` or `pre`, where
    GitHub does not turn names and numbers into links.
    """
    head = f"## ltx-mock: {'no rule is broken' if report.ok else f'{len(report.broken)} broken'}\n\n{counts(report)}\n"
    blocks = [head, *_about(report), _table(report), *_notes(report)]
    left = _SIZE - sum(map(_size, blocks))
    deviations = [(verdict, deviation) for verdict in broken_first(report) for deviation in verdict.deviations]
    for number, (verdict, deviation) in enumerate(deviations):
        block = _details(verdict, deviation, report)
        left -= _size(block)
        if left < 0:
            blocks.append(f"{len(deviations) - number} more; the JSON report has them all\n")
            break
        blocks.append(block)
    return "\n".join(blocks) + "\n"


def _about(report: Report) -> Iterator[str]:
    rows = about(report) | ({"again": printable(report.reproduce)} if report.reproduce else {})
    if rows:
        yield "<p>" + "<br>\n".join(f"{name} {_code(fact)}" for name, fact in rows.items()) + "</p>\n"


def _notes(report: Report) -> Iterator[str]:
    if report.notes:
        yield "<p>" + "<br>\n".join(_code(shortened(printable(note), _NOTE)) for note in report.notes) + "</p>\n"


def _table(report: Report) -> str:
    rows = "".join(
        f"<tr><td>{verdict.rule}</td><td>{_SIGNS[verdict.outcome]} {verdict.outcome}</td>"
        f"<td>{verdict.seen or ''}</td><td>{_note(verdict)}</td></tr>\n"
        for verdict in broken_first(report)
    )
    return f"<table>\n<tr><th>Rule</th><th>Verdict</th><th>Seen</th><th></th></tr>\n{rows}</table>\n"


def _note(verdict: Verdict) -> str:
    if not verdict.deviations:
        return _code(verdict.why) if verdict.why else ""
    more = len(verdict.deviations) - 1
    return _code(verdict.deviations[0].title) + (f" and {more} more" if more else "")


def _details(verdict: Verdict, deviation: Deviation, report: Report) -> str:
    rows = facts(deviation, report, limit=_LIMIT)
    return (
        f"<details>\n<summary>{deviation.rule} {verdict.outcome_of(deviation)}: {_code(deviation.title)}</summary>\n"
        + "".join(f"<p>{name}</p>\n<pre>{_escaped(fact)}</pre>\n" for name, fact in rows.items())
        + "</details>\n"
    )


def _code(text: str) -> str:
    return f"<code>{_escaped(shortened(text, _NOTE))}</code>"


def _escaped(text: str) -> str:
    return escape(printable(text))


def _size(text: str) -> int:
    return len(text.encode())
