"""No key is in a report, in whatever form it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from contracts.trace.test_load import HOST, SECRET, har, har_entry
from ltx_mock.cli.report import show
from ltx_mock_contracts import Report, check_trace, read_har
from ltx_mock_contracts.reporting import github_annotations, sarif, step_summary, without_keys
from support.bodies import TEXT, request_body
from support.reports import deviation, report
from support.traces import success


def printed(one: Report, capsys: pytest.CaptureFixture[str]) -> str:
    show(one)
    return "".join(capsys.readouterr())


FORMS: dict[str, Callable[[Report, Any], str]] = {
    "json": lambda one, _: json.dumps(one.as_dict()),
    "sarif": lambda one, _: json.dumps(sarif(one, version="1")),
    "annotations": lambda one, _: github_annotations(one),
    "summary": lambda one, _: step_summary(one),
    "text": printed,
}


@pytest.mark.parametrize("form", FORMS)
def test_the_key_of_a_recorded_request_is_in_no_form_of_the_report(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = har_entry(
        f"{HOST}/api/v1/generateTask/ltx-2-19b",
        method="POST",
        body=request_body(TEXT, duration=25),
        answer=success(taskId="t"),
    )
    told = FORMS[form](check_trace(read_har(har(wrong))), capsys)
    assert "$API_KEY" in told
    assert SECRET not in told
    assert SECRET[-4:] not in told


@pytest.mark.parametrize("form", FORMS)
def test_a_key_that_the_server_says_or_the_command_line_has_can_be_taken_out(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = "sk/live+0123456789"
    said = f"bad key {key}, {quote(key, safe='')}!"
    texts = dict.fromkeys(("title", "expected", "actual", "task", "curl", "kind"), said)
    one = report(
        deviation(**texts, request={key: [key, 1]}),
        deviation("ENV-5", title=said, sides={"document": "none", "service": said}),
        notes=(said,),
        target=f"http://h/?key={quote(key, safe='')}",
        reproduce=f"ltx-mock check --key {key}",
    )
    told = FORMS[form](without_keys(one, [key, "other-key-0123"]), capsys)
    assert "bad key $API_KEY, $API_KEY!" in told
    assert key not in told
    assert quote(key, safe="") not in told


def test_taking_a_key_out_leaves_all_else_as_it_was() -> None:
    one = report(deviation(actual="a k b", request=[1, None, {"k": 2.5}], exchanges=(1,), checks=("c",)), seed=7)
    assert without_keys(one, ["k", "", "not-in-there"]) == one
