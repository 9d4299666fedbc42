"""What has changed since an earlier report, and reading that report."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given

from ltx_mock_contracts import Report, Verdict
from ltx_mock_contracts.reporting import changes_since, read_report
from support.reports import deviation, report, reports


def changes(now: Report, then: Report) -> list[tuple[str, str, list[str]]]:
    found = changes_since(now, then)
    return [(each.rule, each.outcome, [one.title for one in each.deviations]) for each in found.verdicts]


@given(reports())
def test_a_report_survives_json_and_has_no_change_since_itself(one: Report) -> None:
    again = read_report(json.loads(json.dumps(one.as_dict())))
    assert again == one
    assert changes_since(one, again).verdicts == ()


def test_other_ids_numbers_and_repetitions_are_no_change() -> None:
    then = report(deviation(task="task_1", exchanges=(1,), actual="21", curl="curl a"), seed=1, target="http://a/")
    now = report(deviation(task="task_2", exchanges=(7, 9), times=2, actual="22"), seed=2, target="http://b/")
    assert changes(now, then) == []


def test_a_new_deviation_is_told_without_those_that_were_known() -> None:
    known, new = deviation(), deviation(title="worse")
    assert changes(report(known, new), report(known)) == [("GEN-10", "broken", ["worse"])]


def test_a_broken_rule_with_a_new_observation_is_only_observed() -> None:
    known, new = deviation(), deviation(title="odd", binding=False)
    now = changes_since(report(known, new), report(known))
    assert [(each.rule, each.outcome) for each in now.verdicts] == [("GEN-10", "observed")]
    assert now.ok


def test_a_rule_that_is_kept_again_is_told_and_what_is_gone_is_noted() -> None:
    now = replace(report(), verdicts=(Verdict(rule="GEN-10", outcome="kept", seen=3),))
    told = changes_since(now, report(deviation()))
    assert [(each.rule, each.outcome) for each in told.verdicts] == [("GEN-10", "kept")]
    assert told.notes == ("GEN-10 is not seen any more: wrong", "0 rules as in the baseline")


def test_a_rule_that_is_not_checked_any_more_is_a_note_and_no_change() -> None:
    told = changes_since(report(), report(deviation()))
    assert told.verdicts == ()
    assert told.notes[0] == "GEN-10 was broken and is not checked now: no exchange showed it"


def test_a_rule_that_the_baseline_lacks_is_told_if_it_deviates() -> None:
    assert changes(report(deviation("CB-3")), Report(verdicts=())) == [("CB-3", "broken", ["wrong"])]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ([], "the body must be as a report of `ltx-mock check --json` has it, but is an empty array"),
        ({"format": 2}, "must be as a report of `ltx-mock check --json` has it"),
        (report().as_dict() | {"rules": [{}]}, "must be as a report of `ltx-mock check --json` has it, but is missing"),
    ],
)
def test_what_is_no_report_is_refused_in_one_line(data: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as error:
        read_report(data)
    assert "\n" not in str(error.value)


def test_fields_and_rules_of_another_version_are_left_out() -> None:
    data = report(deviation()).as_dict()
    data["more"] = 1
    data["rules"][0]["departures"] = [{**deviation("ENV-1").as_dict(), "more": 1}]
    data["rules"].append({**data["rules"][0], "rule": "OLD-1"})
    assert "OLD-1" not in {each.rule for each in read_report(data).verdicts}
