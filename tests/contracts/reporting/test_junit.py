"""A report as JUnit XML: one test case for a rule, one failure for a broken one, with the facts first."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given

from ltx_mock_contracts import Report
from ltx_mock_contracts.reporting.junit import junit
from support.reports import deviation, report, reports


def test_a_broken_rule_is_one_failure_with_the_facts_and_none_of_our_source() -> None:
    found = report(deviation(kind="a", curl="curl x"), deviation(kind="b"), deviation("ENV-5"))
    suite = ET.fromstring(junit(found)).find("testsuite")
    assert suite is not None
    assert len(suite.findall("testcase")) == len(found.verdicts)
    (failure,) = suite.iter("failure")
    assert (failure.get("type"), failure.get("message")) == ("GEN-10", "wrong")
    assert (failure.text or "").splitlines()[:3] == ["what      wrong", "expected  this", "actual    that"]
    assert ".py" not in (failure.text or "")
    assert suite.get("failures") == "1"


def test_what_was_not_checked_is_skipped_with_its_reason() -> None:
    suite = ET.fromstring(junit(report()))
    skipped = {
        case.get("name"): each.get("message") for case in suite.iter("testcase") for each in case.iter("skipped")
    }
    assert skipped["TASK-9"] == "it was not fetched"
    assert "ENV-2" not in skipped


@given(reports())
def test_whatever_a_server_says_it_is_xml(hostile: Report) -> None:
    assert ET.fromstring(junit(hostile)).tag == "testsuites"
