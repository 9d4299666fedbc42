"""SARIF: valid by its own schema, and such that GitHub's code scanning takes it and shows what matters."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from ltx_mock_contracts import RULES, Report, check_trace
from ltx_mock_contracts.reporting import printable, sarif
from support.reports import deviation, report, reports
from support.traces import generate, poll, trace

SCHEMA = json.loads((Path(__file__).parents[2] / "data" / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft4Validator(SCHEMA)


def run_of(one: Report, **options: Any) -> dict[str, Any]:
    """Return the one run of a valid log."""
    log = sarif(one, version="1.2.3", **options)
    text = json.dumps(log, ensure_ascii=False).encode().decode()
    VALIDATOR.validate(json.loads(text))
    (run,) = log["runs"]
    return dict(run)


def fingerprints(one: Report) -> list[str]:
    return [result["partialFingerprints"]["primaryLocationLineHash"] for result in run_of(one)["results"]]


@given(reports())
def test_whatever_a_server_says_the_log_is_valid_and_has_a_result_for_each_deviation(one: Report) -> None:
    run = run_of(one)
    found = [each for verdict in one.verdicts for each in verdict.deviations]
    assert [result["ruleId"] for result in run["results"]] == [each.rule for each in found]
    for result, each in zip(run["results"], found, strict=True):
        text = result["message"]["text"]
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == each.rule
        assert text.split("\n")[0].replace("\\](", "](") == printable(each.title)
        assert not re.search(r"(?<!\\)\]\(", text), "there is no link"
        assert all(letter.isprintable() for letter in text.replace("\n", ""))


def test_a_log_of_every_rule_is_valid_and_names_the_tool_and_each_rule_with_its_sources() -> None:
    run = run_of(check_trace(trace([generate(0, "t"), poll(1, "t", "success")])))
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("ltx-mock", "1.2.3")
    assert [rule["id"] for rule in driver["rules"]] == [rule.id for rule in RULES.values() if rule.group != "CLI"]
    for rule in driver["rules"]:
        assert rule["properties"]["sources"] == list(RULES[rule["id"]].sources)
        assert rule["help"]["markdown"] == RULES[rule["id"]].text
        assert 0 < len(rule["shortDescription"]["text"]) <= len(rule["fullDescription"]["text"]) <= 1024


def test_a_broken_rule_is_an_error_and_an_observed_one_a_note() -> None:
    run = run_of(report(deviation("GEN-10"), deviation("ENV-5"), deviation("GEN-10", kind="b", binding=False)))
    assert [(result["ruleId"], result["level"]) for result in run["results"]] == [
        ("ENV-5", "note"),
        ("GEN-10", "error"),
        ("GEN-10", "note"),
    ]


def test_a_message_tells_what_was_expected_what_came_and_how_to_see_it() -> None:
    (result,) = run_of(report(deviation(curl="curl x", request={"a": [1]}, exchanges=(3,), times=2)))["results"]
    assert result["message"]["text"].splitlines() == [
        "wrong",
        "expected: this",
        "actual: that",
        'request: {"a":[1]}',
        "where: exchange 3, 2 times",
        f"rule: {RULES['GEN-10'].text}",
        "try: curl x",
    ]
    assert result["occurrenceCount"] == 2


def test_each_result_has_the_place_without_which_github_refuses_the_whole_log() -> None:
    for options, uri in (({}, "README.md"), ({"uri": "src/client.py"}, "src/client.py")):
        (result,) = run_of(report(deviation()), **options)["results"]
        (location,) = result["locations"]
        assert location["physicalLocation"] == {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}


def test_rules_that_were_not_checked_are_told_and_are_no_results_which_github_would_show_as_alerts() -> None:
    run = run_of(report())
    assert run["results"] == []
    assert run["properties"]["notChecked"]["TASK-9"] == "it was not fetched"
    assert "ENV-2" not in run["properties"]["notChecked"]


def test_the_same_deviation_has_the_same_fingerprint_whatever_came_and_another_has_another() -> None:
    one = fingerprints(report(deviation(kind="a", actual="1", title="x 1"), deviation(kind="b"), deviation("TASK-1")))
    two = fingerprints(report(deviation(kind="a", actual="2", title="x 2", times=3), deviation(kind="b")))
    assert one[:2] == two
    assert len(set(one)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{64}", each) for each in one)


@pytest.mark.parametrize("text", ["", "x" * 10**6])
def test_a_message_is_not_long_though_what_came_is(text: str) -> None:
    (result,) = run_of(report(deviation(actual=text, expected=text, curl=text, request=text)))["results"]
    assert len(result["message"]["text"]) < 10_000


def test_what_was_checked_and_how_to_do_it_again_is_told() -> None:
    told = {"target": "http://localhost:1/api/v1", "seed": 7, "tasks_made": 2, "tasks_allowed": 9}
    run = run_of(report(**told, reproduce="ltx-mock check x"))
    assert run["invocations"] == [{"executionSuccessful": True, "commandLine": "ltx-mock check x"}]
    assert {name: run["properties"][name] for name in ("target", "seed", "tasksMade", "tasksAllowed")} == {
        "target": "http://localhost:1/api/v1",
        "seed": 7,
        "tasksMade": 2,
        "tasksAllowed": 9,
    }
