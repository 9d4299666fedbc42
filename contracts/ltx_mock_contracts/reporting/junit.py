"""Export a report as JUnit XML: a test case for each rule, with a failure if it is broken."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from ltx_mock_contracts.reporting.facts import about, facts
from ltx_mock_contracts.reporting.text import printable

if TYPE_CHECKING:
    from ltx_mock_contracts.verdicts import Deviation, Report, Verdict

__all__ = ["junit"]


def junit(report: Report) -> str:
    """Return a report as JUnit XML, for systems that show test results.

    A rule that was not checked is skipped. An observed rule is a passed test case with the observations as output.
    """
    counts = report.counts
    numbers = {"tests": len(report.verdicts), "failures": counts["broken"], "skipped": counts["not checked"]}
    suites = ET.Element("testsuites")
    suite = ET.SubElement(suites, "testsuite", {"name": "ltx-mock check"} | {k: str(v) for k, v in numbers.items()})
    properties = ET.SubElement(suite, "properties")
    for name, fact in about(report).items():
        ET.SubElement(properties, "property", name=name, value=printable(fact))
    for verdict in report.verdicts:
        case = ET.SubElement(suite, "testcase", classname="ltx-mock.contract", name=verdict.rule)
        _add_results(case, verdict, report)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _add_results(case: ET.Element, verdict: Verdict, report: Report) -> None:
    if verdict.outcome == "not checked":
        ET.SubElement(case, "skipped", message=printable(verdict.why or ""))
    if not verdict.deviations:
        return
    broken = [each for each in verdict.deviations if verdict.outcome_of(each) == "broken"]
    observed = [each for each in verdict.deviations if each not in broken]
    if broken:
        failure = ET.SubElement(case, "failure", type=verdict.rule, message=printable(broken[0].title))
        failure.text = "\n\n".join(_paragraph(each, report) for each in broken)
    if observed:
        ET.SubElement(case, "system-out").text = "\n\n".join(_paragraph(each, report) for each in observed)


def _paragraph(deviation: Deviation, report: Report) -> str:
    rows = {"what": printable(deviation.title)} | facts(deviation, report)
    return "\n".join(f"{name:<9} {fact}" for name, fact in rows.items())
