"""Workflow commands of GitHub Actions: annotations for a report, and escaping of other output."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.reporting.text import printable, shortened

if TYPE_CHECKING:
    from ltx_mock_contracts.verdicts import Report

__all__ = ["disarmed", "escape_workflow_commands", "github_annotations"]

_COMMANDS: Final = {"broken": "error", "observed": "notice"}
_LIMIT: Final = 2000
_DATA: Final = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY: Final = {**_DATA, ":": "%3A", ",": "%2C"}

# The runner treats a line as a command if it starts with "::", after spaces, or has "##[" anywhere.
_COMMAND: Final = re.compile(r"(?:^|(?<=[\r\n]))\s*:(?=:)|##(?=\[)")


def github_annotations(report: Report) -> str:
    """Return a workflow command for each deviation: an error for a broken rule, a notice for an observed one.

    GitHub shows ten errors and ten notices of a step, so broken rules come first.
    """
    from ltx_mock_contracts.reporting.facts import broken_first, facts  # noqa: PLC0415 - only a report needs them

    return "".join(
        _command(
            _COMMANDS[verdict.outcome_of(deviation)],
            f"{deviation.rule} {verdict.outcome_of(deviation)}",
            printable(shortened(deviation.title, _LIMIT)),
            *(f"{name}: {fact}" for name, fact in facts(deviation, report, limit=_LIMIT).items()),
        )
        for verdict in broken_first(report)
        for deviation in verdict.deviations
    )


def escape_workflow_commands(text: str) -> str:
    """Return output with a space inside everything that GitHub's runner would take for a workflow command."""
    if "::" not in text and ("#" not in text or "##[" not in text):  # nearly all lines; the pattern takes longer
        return text
    return _COMMAND.sub(lambda found: f"{found[0]} ", text)


disarmed = escape_workflow_commands
"""The former name of `escape_workflow_commands`."""


def _command(name: str, title: str, *lines: str) -> str:
    message = _escaped(escape_workflow_commands("\n".join(lines)), _DATA)
    return f"::{name} title={_escaped(escape_workflow_commands(title), _PROPERTY)}::{message}\n"


def _escaped(text: str, codes: dict[str, str]) -> str:
    return "".join(codes.get(letter, letter) for letter in text)
