"""The reports of client checks: the output of a client, and JUnit XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts import RULES
from ltx_mock_contracts.reporting import printable
from ltx_mock_contracts.reporting.text import shortened

if TYPE_CHECKING:
    from ltx_mock.client_checks.runner import CheckResult, JudgedCase

__all__ = ["command_of", "junit", "output_of"]

_LINES: Final = 20
_WIDE: Final = 1000


def output_of(played: JudgedCase) -> str:
    """Return the last lines of a client's output."""
    lines = [printable(line) for line in played.run.client.output.splitlines() if line.strip()]
    return "".join(f"  | {shortened(line, _WIDE)}\n" for line in lines[-_LINES:])


def command_of(played: JudgedCase, again: str) -> str:
    """Return the command that runs one case once more.

    Args:
        played: the case.
        again: the options and the client's command of the run.
    """
    return printable(f"ltx-mock check-client --case {played.run.case.name} {again}")


def junit(result: CheckResult, again: str) -> str:
    """Return the cases as JUnit XML, one test case each; `again` as for `command_of`."""
    failed = [each for each in result.cases if not each.report.ok]
    seconds = sum(each.run.client.seconds for each in result.cases)
    counts = {"tests": str(len(result.cases)), "failures": str(len(failed)), "time": f"{seconds:.3f}"}
    suites = ET.Element("testsuites")
    suite = ET.SubElement(suites, "testsuite", {"name": "ltx-mock check-client", **counts})
    for played in result.cases:
        ran, name = played.run.client, played.run.case.name
        case = ET.SubElement(suite, "testcase", classname="client", name=name, time=f"{ran.seconds:.3f}")
        for rule in played.report.broken:
            for deviation in played.report.of(rule).deviations:
                failure = ET.SubElement(case, "failure", message=printable(f"{rule}: {deviation.title}"))
                lines = {
                    "rule": RULES[rule].text,
                    "expected": deviation.expected,
                    "actual": deviation.actual,
                    "again": command_of(played, again),
                }
                failure.text = "\n".join(f"{name:<9} {printable(text)}" for name, text in lines.items())
        if not played.report.ok:
            ET.SubElement(case, "system-out").text = output_of(played)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"
