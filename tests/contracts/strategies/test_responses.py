"""Answers from the strategies: the judge finds in them what they say, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import ltx_mock_schemas
from ltx_mock_contracts import strategies, validate_callback, validate_response
from ltx_mock_contracts.strategies import DRIFTS, DriftedEnvelope, Observation
from support.sampling import drawn, examples_of

STATES = ["pending", "processing", "success", "failed"]
STATUS, CALLBACK, ERROR = (
    Draft202012Validator(ltx_mock_schemas.schema(name)) for name in ("status-response", "callback", "error")
)


@pytest.mark.rule("TASK-2", "TASK-3", "TASK-4", "TASK-5", "TASK-6", "TASK-7")
@pytest.mark.parametrize("state", STATES)
@given(data=st.data())
def test_the_answer_to_a_task_in_any_state_has_no_finding(state: str, data: st.DataObject) -> None:
    body = data.draw(strategies.status_envelopes(state=state))
    assert body["data"]["state"] == state
    assert STATUS.is_valid(body)
    assert validate_response("statusTask", 200, body) == []
    if state == "success":
        assert json.loads(body["data"]["resultJson"])["resultUrls"]


def test_every_state_is_drawn() -> None:
    assert {body["data"]["state"] for body in examples_of(strategies.status_envelopes(), 40)} == set(STATES)
    assert {body["data"]["state"] for body in examples_of(strategies.callbacks(), 40)} == {"success", "failed"}


@pytest.mark.rule("CB-1")
@given(body=strategies.callbacks())
def test_a_callback_has_no_finding_and_is_a_status_too(body: Any) -> None:
    assert CALLBACK.is_valid(body)
    assert validate_callback(body) == []
    assert validate_response("statusTask", 200, body) == []


@pytest.mark.rule("ENV-1", "ENV-3", "ENV-4")
@given(body=strategies.error_envelopes())
def test_an_error_has_no_finding(body: Any) -> None:
    assert ERROR.is_valid(body)
    assert validate_response("statusTask", body["code"], body) == []
    assert validate_response("generateTask", body["code"], body) == []


@given(body=strategies.error_envelopes(status=418))
def test_an_error_has_the_status_that_was_asked_for(body: Any) -> None:
    assert body["code"] == 418
    assert validate_response("generateTask", 418, body) == []


@given(drifted=strategies.drifted())
def test_what_drifted_has_the_findings_that_it_says(drifted: DriftedEnvelope) -> None:
    findings = validate_response("statusTask", 200, drifted.body)
    assert sorted((finding.rule, finding.pointer) for finding in findings) == sorted(drifted.findings)
    assert STATUS.is_valid(drifted.body) is all(finding.severity == "advisory" for finding in findings)
    assert {finding.severity for finding in findings} <= {"advisory"} or drifted.drift != "unknown field"


@pytest.mark.parametrize("drift", DRIFTS)
@pytest.mark.parametrize("state", ["pending", "processing"])
@settings(max_examples=settings().max_examples // 5)
@given(data=st.data())
def test_what_drifted_can_be_chosen(drift: str, state: str, data: st.DataObject) -> None:
    drifted = data.draw(strategies.drifted(drift=drift, state=state))
    assert drifted.drift == drift
    assert (drifted.body["data"]["state"] == state) is (drift != "unknown state")


@pytest.mark.slow
def test_every_drift_is_drawn_and_the_state_seen_in_the_wild_among_them() -> None:
    drifts, states = set(DRIFTS), {*STATES, "processing_r2"}
    assert drawn(strategies.drifted(), lambda one: [one.drift], drifts) == drifts
    assert drawn(strategies.drifted(), lambda one: [one.body["data"]["state"]], states) >= states
    without = drawn(strategies.drifted(), lambda one: [bool(one.findings)], {True, False})
    assert False in without, "fields that a failed task need not have may be missing"


def check_story(story: list[Observation]) -> None:
    times = [seen.at for seen in story]
    states = [STATES.index(seen.state) for seen in story]
    assert story
    assert times == sorted(times)
    assert states == sorted(states)
    assert len({seen.body["data"]["taskId"] for seen in story}) == 1
    finals = [seen for seen in story if seen.state in {"success", "failed"}]
    assert all(seen.body == finals[0].body for seen in finals)
    for seen in story:
        assert seen.body["data"]["state"] == seen.state
        assert validate_response("statusTask", 200, seen.body) == []
        assert seen.body["data"].get("createTime", seen.at) <= seen.at
        assert seen.body["data"].get("completeTime", seen.at) <= seen.at


@pytest.mark.rule("TASK-1")
@given(story=strategies.task_stories())
def test_a_story_only_moves_forward(story: list[Observation]) -> None:
    check_story(story)


@pytest.mark.parametrize("end", ["success", "failed"])
@given(data=st.data())
def test_a_story_with_an_end_is_told_to_the_end(end: str, data: st.DataObject) -> None:
    story = data.draw(strategies.task_stories(end=end))
    check_story(story)
    assert story[-1].state == end


def test_stories_skip_states_and_stop_early_and_show_all() -> None:
    wanted = {
        ("pending",),
        ("processing",),
        ("success",),
        ("failed",),
        ("pending", "success"),
        ("pending", "processing", "success"),
        ("pending", "processing", "failed"),
    }
    order = lambda story: [tuple(dict.fromkeys(look.state for look in story))]  # noqa: E731 - one use
    assert drawn(strategies.task_stories(), order, wanted) >= wanted
