"""`fuzz_responses` finds what a parsing function does not get through, and nothing in a good one."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltx_mock_contracts import ContractFailure, fuzz_responses, validate_callback, validate_response
from ltx_mock_contracts.fuzzing import ANSWERS, Answer, ParsingFailure
from ltx_mock_contracts.fuzzing.deterministic import draw
from support.processes import clean_environment

pytestmark = pytest.mark.sample(3)

GOOD = {"code": 200, "message": "success"}


DRAWN = [
    (5, False, "b", "yxz", 1.253, [-38, -443395659], b"y\xe2"),
    (5, True, "a", "xyy", 1.963, [4, -150452], b"}"),
    (2, False, "b", "zx", 1.563, [], b"\xd9\x0b"),
]


class ApiError(Exception):
    """The API answered with an error."""


class VideoFailedError(Exception):
    """A task failed."""


def good(envelope: dict[str, Any]) -> tuple[str, str, object]:
    """Parse an answer as one should: task, state, and URL or code."""
    if envelope["code"] != 200:
        raise ApiError(envelope["message"])
    data = envelope["data"]
    state = data.get("state", "pending")
    if state == "failed":
        raise VideoFailedError(data["failCode"])
    if state == "success":
        return data["taskId"], state, json.loads(data["resultJson"])["resultUrls"]
    return data["taskId"], state if state == "pending" else "processing", None


ALLOWED: dict[str, list[type[Exception]]] = {
    "error": [ApiError],
    "statusTask/failed": [VideoFailedError],
    "callback/failed": [VideoFailedError],
}


def right(answer: Answer, parsed: tuple[str, str, object]) -> bool:
    task, state, urls = parsed
    return (task, state) == (answer.task_id, answer.means.state or "pending") and (urls or []) == answer.urls


def broken(parse: Callable[[Any], Any], **options: Any) -> ParsingFailure:
    with pytest.raises(ContractFailure) as caught:
        fuzz_responses(parse, **options)
    assert isinstance(caught.value, ParsingFailure)
    assert caught.value.__cause__ is caught.value.error
    return caught.value


def test_a_good_function_gets_through_every_kind_and_its_results_are_right() -> None:
    fuzz_responses(good, allowed=ALLOWED, judge=right)
    fuzz_responses(lambda raw: good(json.loads(raw)), allowed=ALLOWED, judge=right, raw=True)


def knows_four_states(envelope: dict[str, Any]) -> object:
    return {"pending": None, "processing": None, "success": 1, "failed": 2}[envelope["data"]["state"]]


def task(taskId: str, state: str, createTime: int = 0, completeTime: int = 0, costTime: int = 0,  # noqa: N803
         resultJson: str = "", failCode: str = "", failMsg: str = "") -> list[object]:  # fmt: skip # noqa: N803
    return [taskId, state, createTime, completeTime, costTime, resultJson, failCode, failMsg]


def no_other_fields(envelope: dict[str, Any]) -> object:
    return task(**envelope["data"])


def takes_times_for_granted(envelope: dict[str, Any]) -> object:
    return envelope["data"]["state"] == "success" and envelope["data"]["costTime"] / 1000


def takes_a_null_for_a_result(envelope: dict[str, Any]) -> object:
    return "resultJson" in envelope["data"] and json.loads(envelope["data"]["resultJson"])


def cuts_the_url_out(envelope: dict[str, Any]) -> object:
    data = envelope["data"]
    return data["state"] == "success" and data["resultJson"].split('"resultUrls":["')[1]


def three_in_the_envelope(envelope: dict[str, Any]) -> object:
    code, message, data = envelope.values()
    return code, message, data


def reports_a_failure_by_its_reason(envelope: dict[str, Any]) -> object:
    return envelope["data"]["state"] == "failed" and envelope["data"]["failMsg"].upper()


def leaves(envelope: dict[str, Any]) -> object:
    return sys.exit(1) if envelope["data"]["state"] == "failed" else None


@pytest.mark.parametrize(
    ("parse", "rule", "kind", "error"),
    [
        (knows_four_states, "CLI-9", "statusTask/processing/unknown state", KeyError),
        (no_other_fields, "CLI-9", "statusTask/pending/unknown field", TypeError),
        (takes_times_for_granted, "CLI-9", "statusTask/success/missing field", KeyError),
        (takes_a_null_for_a_result, "CLI-9", "statusTask/pending/null field", TypeError),
        (cuts_the_url_out, "CLI-4", "statusTask/success", IndexError),
        (three_in_the_envelope, "CLI-9", "statusTask/pending/unknown field of the envelope", ValueError),
        (reports_a_failure_by_its_reason, "CLI-9", "statusTask/failed/missing field", KeyError),
        (leaves, "CLI-5", "statusTask/failed", SystemExit),
    ],
)
def test_a_planted_bug_is_found_by_rule_and_kind(
    parse: Callable[[Any], Any], rule: str, kind: str, error: type[Exception]
) -> None:
    failure = broken(parse, kinds=["statusTask"])
    assert (failure.rule, failure.kind, type(failure.error)) == (rule, kind, error)
    with pytest.raises(error):
        parse(failure.answer.body)


def test_a_failure_shows_the_smallest_answer_what_was_raised_and_what_else_broke() -> None:
    failure = broken(knows_four_states, seed=3, max_examples=1)
    assert str(failure).splitlines()[:7] == [
        "GEN-17: knows_four_states failed on a response of the kind generateTask",
        "  expected: a response that the client understands",
        "  actual:   KeyError: 'state'",
        "  story:",
        '    response: {"code": 200, "message": "success", "data": {"taskId": "task_0"}}',
        "    again: kinds=['generateTask'], seed=3",
        "    also error/400: TypeError: 'NoneType' object is not subscriptable",
    ]
    failure = broken(knows_four_states, kinds=["statusTask", "callback"])
    task = {"taskId": "task_0", "state": "processing_r2", "createTime": 1767965610929}
    assert failure.answer.body == GOOD | {"data": task}
    assert failure.story[1:] == ("again: kinds=['statusTask/processing/unknown state'], seed=0",)


def test_a_judge_says_what_is_wrong_by_raising_or_by_false() -> None:
    def no_result_of_a_failure(answer: Answer, parsed: object) -> None:
        assert answer.means.state != "failed" or parsed is None

    lax = lambda envelope: (envelope["data"] or {}).get("taskId")  # noqa: E731 - its name is told
    failure = broken(lax, kinds=["statusTask", "error"], judge=no_result_of_a_failure)
    assert (failure.kind, failure.rule) == ("statusTask/failed", "CLI-5")
    assert failure.title == "what <lambda> returned is wrong on a response of the kind statusTask/failed"
    failure = broken(lax, kinds=["callback"], judge=lambda answer, _: answer.means.state != "success")
    assert (failure.kind, failure.actual) == ("callback/success", "AssertionError: the judge rejects 'task_0'")


def test_what_is_allowed_is_allowed_on_the_kinds_that_are_named_or_on_all() -> None:
    def strict(envelope: dict[str, Any]) -> None:
        if envelope["data"]["state"] not in {"pending", "processing"}:
            raise VideoFailedError

    fuzz_responses(strict, kinds=["statusTask"], allowed=(VideoFailedError,))
    ended: dict[str, list[type[Exception]]] = {
        "statusTask/failed": [VideoFailedError],
        "statusTask/success": [VideoFailedError],
    }
    assert broken(strict, kinds=["statusTask"], allowed=ended).kind == "statusTask/processing/unknown state"
    failure = broken(strict, kinds=["statusTask/failed"], allowed=[KeyError])
    assert failure.expected == "a task in the state failed, or KeyError"


def thrown(**options: Any) -> list[Any]:
    seen: list[Any] = []
    fuzz_responses(seen.append, **options)
    return seen


def test_every_kind_is_thrown_and_each_answer_is_a_copy_of_its_own() -> None:
    seen: list[str] = []
    fuzz_responses(lambda body: body.clear(), judge=lambda answer, _: seen.append(answer.kind), max_examples=1)
    assert set(seen) == set(ANSWERS)
    fuzz_responses(lambda _: None, judge=lambda answer, _: {*answer.body} >= {"code", "message", "data"})


def test_bytes_are_the_answers_in_several_spellings() -> None:
    for raw in thrown(raw=True, kinds=["error"], max_examples=400):
        assert isinstance(raw, bytes)
        assert (json.loads(raw)["data"] or {"error": ""}).keys() == {"error"}
    assert {b"\n" in raw for raw in thrown(raw=True, kinds=["error"])} == {True, False}
    failure = broken(lambda raw: raw.decode("ascii"), raw=True, kinds=["error"])
    assert isinstance(failure.error, UnicodeDecodeError)


def test_another_seed_throws_other_answers_and_the_same_the_same() -> None:
    assert thrown(seed=1) == thrown(seed=1) != thrown(seed=2)


def test_what_is_thrown_does_not_depend_on_what_else_is_loaded() -> None:
    script = (
        "import json; from ltx_mock_contracts import fuzz_responses; seen = [];"
        "fuzz_responses(seen.append, seed=7); print(json.dumps(seen))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300, env=clean_environment()
    )
    assert json.loads(done.stdout) == thrown(seed=7)


def test_what_is_drawn_is_the_same_for_every_version_of_hypothesis() -> None:
    parts = [st.integers(1, 9), st.booleans(), st.sampled_from("abc"), st.text("xyz", max_size=3), st.floats(0.5, 2)]
    drawn = draw(st.tuples(*parts, st.lists(st.integers(max_value=4), max_size=2), st.binary(max_size=2)), 3, "a", 1)
    assert drawn == DRAWN
    assert draw(st.tuples(*parts), 2, "b") == draw(st.tuples(*parts), 5, "b")[:2]
    assert len(draw(st.integers().filter(lambda number: number % 5 == 0), 40, "c")) == 40


@settings(max_examples=5, suppress_health_check=[HealthCheck.nested_given])
@given(data=st.data())
def test_it_can_be_used_among_tests_of_hypothesis(data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 3))
    fuzz_responses(good, kinds=["error/429"], allowed=[ApiError], seed=seed, max_examples=3)


def test_a_function_that_is_not_the_same_each_time_is_still_told_of() -> None:
    calls: list[object] = []

    def fickle(envelope: object) -> None:
        calls.append(envelope)
        if len(calls) == 5:
            raise KeyError("once")

    failure = broken(fickle, kinds=["statusTask/success"])
    assert (failure.actual, failure.kind) == ("KeyError: 'once'", "statusTask/success")


def test_a_failure_can_be_sent_to_another_process() -> None:
    failure = broken(knows_four_states, kinds=["statusTask"])
    again = pickle.loads(pickle.dumps(failure))
    assert (str(again), again.answer, again.kind) == (str(failure), failure.answer, failure.kind)
    assert type(again.error) is KeyError


def test_what_cannot_be_thrown_at_is_said() -> None:
    async def later(envelope: object) -> None: ...

    with pytest.raises(TypeError, match="plain function"):
        fuzz_responses(later)
    with pytest.raises(ValueError, match=r"no kind 'statustask' \(did you mean 'statusTask'\?\); there are generateTa"):
        fuzz_responses(good, kinds=["statustask"])
    with pytest.raises(ValueError, match="no kind 'statusTask/fail'"):
        fuzz_responses(good, allowed={"statusTask/fail": [KeyError]})
    with pytest.raises(TypeError, match=r"write \['error'\]"):
        fuzz_responses(good, kinds="error")


@pytest.mark.parametrize("kind", ANSWERS)
def test_documented_answers_have_no_findings_and_means_fit_the_answers(kind: str) -> None:
    family = ANSWERS[kind]
    for body in draw(family.bodies, 30, kind):
        answer = Answer(kind=kind, body=body, means=family.means)
        way, status = family.means.way or "statusTask", family.means.status
        found = validate_callback(body) if way == "callback" else validate_response(way, status or 200, body)
        assert found == [] or family.means.tolerated
        assert family.means.tolerated is (kind.count("/") - (way != "generateTask") == 1)
        assert (answer.fail_code is None) is (family.means.state != "failed")
        assert bool(answer.urls) is (family.means.state == "success")
        assert (answer.task_id is None) is kind.startswith("error")
        assert body["code"] == (status or 200)
