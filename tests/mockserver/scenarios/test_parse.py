"""Scenarios from plain data: whatever is given, it is read, or refused in one line; and what is shown is read again."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltx_mock import MockServer
from ltx_mock.engine.submissions import Submission
from ltx_mock.errors import SettingsError
from ltx_mock.scenarios import NAMED, Scenario, as_dict, from_dict
from ltx_mock.scenarios.matching import ActiveScenario, MatchPoint, RequestFacts, activate, concerns, take_next
from ltx_mock.scenarios.model import FAULTS, MAX_MS, OPERATIONS
from ltx_mock.scenarios.parse import FIELDS
from ltx_mock.scenarios.sampling import milliseconds
from support.scenario_data import DELAYS, SCENARIOS

MAX_LINE = 1000

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))
JSON = st.recursive(
    st.one_of(SCALARS, st.sampled_from([*NAMED, *FAULTS])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from([*FIELDS, "type", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)
BODIES = st.one_of(
    st.binary(),
    JSON.map(json.dumps).map(str.encode),
    JSON.map(lambda each: b'{"input":%b}' % json.dumps(each).encode()),
)
FIELD_NAMES = st.one_of(st.sampled_from(FIELDS), st.text(max_size=12))


@given(SCENARIOS)
def test_what_is_good_is_read_and_what_is_shown_is_read_as_the_same(given_: dict[str, Any]) -> None:
    scenario = from_dict(given_)
    shown = as_dict(scenario)
    assert from_dict(shown) == scenario
    assert from_dict(json.loads(json.dumps(shown))) == scenario


@given(SCENARIOS)
def test_names_in_snake_case_are_the_same(given_: dict[str, Any]) -> None:
    snake = {re.sub("[A-Z]", lambda each: f"_{each[0].lower()}", name): value for name, value in given_.items()}
    assert from_dict(snake) == from_dict(given_)


def outcome_of(given_: Any) -> Scenario | str:
    """Return the scenario, or the line that refuses it."""
    try:
        return from_dict(given_)
    except SettingsError as error:
        return str(error)


@given(st.one_of(JSON, st.dictionaries(FIELD_NAMES, JSON, max_size=4)))
def test_whatever_is_given_is_read_or_refused_in_one_line(given_: Any) -> None:
    read = outcome_of(given_)
    if isinstance(read, str):
        assert read.isprintable()
        assert 0 < len(read) < MAX_LINE
    else:
        assert from_dict(as_dict(read)) == read


@given(SCENARIOS, st.sampled_from(FIELDS), JSON)
def test_one_field_that_is_anything_is_read_or_refused_in_one_line(
    given_: dict[str, Any], field: str, value: Any
) -> None:
    read = outcome_of(given_ | {field: value})
    assert isinstance(read, Scenario) or (read.isprintable() and len(read) < MAX_LINE)


ODDITIES = {
    "nothing": None,
    "a number": 1,
    "a text": "flaky",
    "a list": [1],
    "a name that is a number": {"name": 7},
    "a long name": {"name": "x" * 10_000},
    "a field that is a number": {1: 2},
    "a long field": {"x" * 10_000: 1},
    "a number of thousands of digits": {"status": 10**6000},
    "a lone surrogate": {"drift": {"extra": {"\ud800": 1}}},
    "no number": {"drift": {"extra": {"x": float("nan")}}},
    "no header": {"callback": {"contentType": "text/plain\r\nx: y"}},
}


@pytest.mark.parametrize("what", ODDITIES)
def test_oddities_are_refused_shortly(what: str) -> None:
    refused = outcome_of(ODDITIES[what])
    assert isinstance(refused, str)
    assert refused.isprintable()
    assert len(refused) < MAX_LINE


def test_the_control_plane_answers_anything_with_200_or_a_line() -> None:
    with MockServer(clock="manual") as mock, httpx.Client(base_url=f"{mock.url}/__admin", trust_env=False) as plane:

        @given(st.one_of(JSON, SCENARIOS))
        @settings(max_examples=50)
        def ask(body: Any) -> None:
            answer = plane.post("/scenarios", content=json.dumps(body))
            assert answer.status_code == 200 or (answer.status_code == 400 and answer.json()["error"].isprintable())
            assert plane.get("/scenarios").status_code == 200
            plane.delete("/scenarios")

        ask()


# ---- delays


@given(DELAYS, st.binary(min_size=16, max_size=16))
def test_a_delay_is_drawn_within_its_bounds_and_the_same_with_the_same_dice(shape: Any, random_bytes: bytes) -> None:
    delay = from_dict({"delay": shape}).outcome.delay
    assert delay is not None
    drawn = milliseconds(delay, random_bytes)
    assert drawn == milliseconds(delay, random_bytes)
    assert 0 <= drawn <= MAX_MS
    if isinstance(shape, dict) and shape["type"] == "uniform":
        assert shape["lower"] <= drawn <= shape["upper"]


def test_extra_fields_are_a_copy_with_the_types_of_json() -> None:
    inner = [1]
    extra: dict[Any, Any] = {1: (2, 3), "a": inner}
    drift = from_dict({"drift": {"extra": extra}}).outcome.drift
    inner.append(2)
    assert drift is not None
    assert drift.extra == {"1": [2, 3], "a": [1]}


# ---- whose turn it is


@given(SCENARIOS, st.sampled_from(OPERATIONS), st.integers(1, 30))
def test_a_scenario_happens_from_the_nth_on_and_so_many_times(
    given_: dict[str, Any], operation: Any, calls: int
) -> None:
    scenario = from_dict(given_ | {"chance": 1})
    match = scenario.match
    subject = RequestFacts(match.mode or "text-to-video", match.request_type or "callback", match.prompt or "")
    call = MatchPoint(operation, scenario.outcome.moment, subject, "processing")
    waiting: tuple[ActiveScenario, ...] = (activate(scenario),)
    happened = []
    for number in range(1, calls + 1):
        waiting, claimed = take_next(waiting, call, lambda: b"")
        happened += [number] if claimed else []
    times = calls if match.times == "forever" else int(match.times)
    expected = [*range(1, calls + 1)][match.nth - 1 :][:times] if concerns(scenario, call) else []
    assert happened == expected


@given(
    st.one_of(
        st.binary(),
        JSON.map(lambda body: json.dumps(body).encode()),
        JSON.map(lambda each: json.dumps({"input": each}).encode()),
    )
)
def test_a_body_of_any_kind_can_be_looked_into(body: bytes) -> None:
    assert all(isinstance(part, str) for part in Submission.of(body).subject)
