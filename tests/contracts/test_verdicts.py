"""The collector: notes made in parts, by several processes or reports, add up to the notes of a single one."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

import ltx_mock_schemas
from ltx_mock_contracts import RULES, Deviation, Report, check_trace
from ltx_mock_contracts.verdicts import BINDING, VerdictCollector
from support.bodies import TEXT, request_body
from support.traces import BASE, call, generate, poll, told, trace

RULE_IDS = ["ENV-1", "GEN-4", "TASK-1"]
DEPARTURES = st.builds(
    Deviation,
    rule=st.sampled_from(RULE_IDS),
    title=st.sampled_from(["a", "b"]),
    expected=st.text(max_size=3),
    actual=st.text(max_size=3),
    exchanges=st.lists(st.integers(1, 60), max_size=15, unique=True).map(tuple),
    task=st.none() | st.text(max_size=3),
    times=st.integers(1, 3),
    curl=st.none() | st.just("curl x"),
    request=st.none() | st.just({"input": [1, "é", None]}),
    checks=st.lists(st.sampled_from(["one", "two", "three"]), max_size=3, unique=True).map(tuple),
    kind=st.sampled_from(["", "k", "l"]),
    binding=st.booleans(),
)
NOTES = st.lists(st.sampled_from(RULE_IDS) | DEPARTURES, max_size=12)


def collector(*parts: list[str | Deviation]) -> VerdictCollector:
    noted = VerdictCollector()
    for note in (note for part in parts for note in part):
        if isinstance(note, Deviation):
            noted.add_deviation(note)
        else:
            noted.checked(note)
    return noted


def deviation(**changes: Any) -> Deviation:
    return Deviation(**{"rule": "ENV-1", "title": "wrong", "expected": "this", "actual": "that", **changes})


def report(noted: VerdictCollector) -> Report:
    return Report(verdicts=noted.verdicts(RULE_IDS, BINDING, {}))


@given(st.lists(NOTES, max_size=4))
def test_merging_parts_in_order_is_the_same_as_having_noted_everything_in_one_collector(
    parts: list[list[str | Deviation]],
) -> None:
    merged = VerdictCollector()
    for part in parts:
        merged.merge(json.loads(json.dumps(collector(part).as_dict())))
    whole = collector(*parts)
    assert merged == whole
    assert merged.as_dict()["departures"] == whole.as_dict()["departures"], "in the same order"
    assert report(merged) == report(whole)


@given(DEPARTURES)
def test_a_deviation_survives_json(one: Deviation) -> None:
    assert Deviation.from_dict(json.loads(json.dumps(one.as_dict()))) == one


def test_deviations_of_a_kind_are_one_with_the_checks_that_saw_it_in_order_and_once() -> None:
    noted = collector([deviation(checks=("a", "b")), deviation(checks=("b",)), deviation(checks=("c", "a"))])
    (one,) = report(noted).of("ENV-1").deviations
    assert (one.checks, one.times) == (("a", "b", "c"), 3)


def test_the_request_that_is_shown_is_the_first() -> None:
    noted = collector([deviation(request={"n": 1}), deviation(request={"n": 2})])
    assert report(noted).of("ENV-1").deviations[0].request == {"n": 1}


def test_a_deviation_of_a_recording_brings_its_request_and_no_checks() -> None:
    body = request_body(TEXT, duration=25)
    (one,) = check_trace(trace([generate(0, "t", body)])).of("GEN-10").deviations
    assert (one.request, one.checks) == (body, ())


def test_a_deviation_that_a_poll_or_a_callback_shows_has_no_request() -> None:
    wrong = told("t", "success") | {"costTime": 1}
    answer = {"code": 200, "message": "success", "data": wrong}
    for entry in (poll(50, "t", "success", answer=answer), call(50, "t", request=answer)):
        (one,) = check_trace(trace([entry])).of("TASK-5").deviations
        assert one.request is None


def test_a_report_of_a_recording_names_no_server_and_no_spending() -> None:
    told = check_trace(trace([])).as_dict()
    fields = ("target", "seed", "tasksMade", "tasksAllowed", "reproduce")
    assert {told[field] for field in fields} == {None}


def test_a_report_with_all_there_is_fits_its_schema_and_nothing_in_it_is_undescribed() -> None:
    schema = ltx_mock_schemas.schema("check-report")
    noted = collector([deviation(exchanges=(1, 2), task="t", curl="curl", request=[], checks=("c",), kind="k")])
    whole = partial(Report, verdicts=noted.verdicts(RULES, BINDING, {}), target="http://localhost:1/", seed=BASE)
    told = whole(tasks_made=3, tasks_allowed=7, reproduce="ltx-mock check http://localhost:1/").as_dict()
    jsonschema.validate(told, schema, jsonschema.Draft202012Validator)
    assert list(told) == [name for name in schema["properties"] if name != "changed"] == schema["required"]
    assert Report.from_dict(json.loads(json.dumps(told))) == whole(
        tasks_made=3, tasks_allowed=7, reproduce="ltx-mock check http://localhost:1/"
    )
    for name, part in (("verdict", told["rules"][0]), ("departure", told["rules"][0]["departures"][0])):
        described = [each for each in schema["$defs"][name]["properties"] if each != "sides"]
        assert list(part) == described == schema["$defs"][name]["required"]
