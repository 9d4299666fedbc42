"""The timeline is a pure function with documented bounds."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock.core.cause import Cause
from ltx_mock.core.failures import Failure, failure
from ltx_mock.core.timeline import Timeline, plan, result_fingerprint
from ltx_mock_contracts.model import FAIL_CODES
from ltx_mock_contracts.request import GenerateRequest
from support.bodies import IMAGE, TEXT_LORA, request_body

SECOND = 1000
DOCUMENTED = {"480p": (40, 60), "720p": (60, 90), "1080p": (90, 120)}
ORDER = ["pending", "processing", "success", "failed"]

SIZES = st.sampled_from(sorted(DOCUMENTED))
PICTURES = st.binary(min_size=16, max_size=16)
SEEDS = st.integers(0, 2**64)
MOMENTS = st.integers(0, 2**45)
FAILURES = st.none() | st.sampled_from(FAIL_CODES).map(lambda code: failure(code, Cause("request", "a test")))
PLANS = st.fixed_dictionaries(
    {
        "resolution": SIZES,
        "lora": st.booleans(),
        "picture": PICTURES,
        "seed": SEEDS,
        "created": MOMENTS,
        "failure": FAILURES,
    }
)


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    return drawn(draw(PLANS))


@pytest.mark.rule("TASK-8")
@given(SIZES, st.booleans(), PICTURES, SEEDS, MOMENTS)
def test_a_success_takes_the_documented_time(size: str, lora: bool, picture: bytes, seed: int, created: int) -> None:
    low, high = DOCUMENTED[size]
    extra = (10, 20) if lora else (0, 0)
    line = plan(size, lora=lora, picture=picture, seed=seed, created=created, failure=None)
    assert (low + extra[0]) * SECOND <= line.cost_time <= (high + extra[1]) * SECOND


@pytest.mark.rule("TASK-8")
def test_the_whole_of_the_documented_range_is_used() -> None:
    costs = [
        plan("480p", lora=False, picture=b"p", seed=seed, created=0, failure=None).cost_time for seed in range(2000)
    ]
    assert min(costs) < 40_500
    assert max(costs) > 59_500
    thirds = [sum(low <= cost < low + 6667 for cost in costs) for low in (40_000, 46_667, 53_334)]
    assert min(thirds) > 500


@pytest.mark.rule("TASK-1")
@given(timelines())
def test_it_is_created_then_started_then_ended(line: Timeline) -> None:
    assert line.created < line.started < line.ended


@pytest.mark.rule("TASK-1")
@given(timelines(), st.lists(st.integers(-SECOND, 150 * SECOND), max_size=20))
def test_states_only_move_forward_and_end_in_one(line: Timeline, offsets: list[int]) -> None:
    states = [line.state(line.created + offset) for offset in sorted(offsets)]
    assert states == sorted(states, key=ORDER.index)
    assert not {"success", "failed"} <= set(states)
    assert line.state(line.ended) == line.state(line.ended + 10**12) == ("failed" if line.failure else "success")


@given(timelines(), st.integers(-SECOND, 150 * SECOND))
def test_the_next_transition_is_the_next_moment_at_which_the_state_changes(line: Timeline, offset: int) -> None:
    now = line.created + offset
    following = line.next_transition(now)
    if following is None:
        assert line.state(now) in {"success", "failed"}
    else:
        assert now < following
        assert line.state(now) == line.state(following - 1) != line.state(following)


@given(timelines(), st.lists(st.integers(0, 200 * SECOND), min_size=2, max_size=6))
def test_transitions_over_many_spans_are_those_over_the_whole(line: Timeline, cuts: list[int]) -> None:
    """Also where a span ends at the very moment of a change."""
    moments = sorted([line.started, line.ended, *(line.created + cut for cut in cuts)])
    parts = [each for after, until in pairwise(moments) for each in line.transitions(after, until)]
    assert parts == line.transitions(moments[0], moments[-1])


@given(PLANS, st.integers(0, 2**40))
def test_a_later_creation_moves_the_whole_life_and_changes_nothing_else(wanted: dict[str, object], later: int) -> None:
    first = drawn(wanted)
    moved = drawn(wanted | {"created": first.created + later})
    assert moved == Timeline(first.created + later, first.started + later, first.ended + later, first.failure)


@pytest.mark.rule("TASK-9")
@given(PLANS)
def test_the_same_request_and_seed_give_the_same_life(wanted: dict[str, object]) -> None:
    assert drawn(wanted) == drawn(dict(wanted))


@pytest.mark.rule("TASK-9")
def test_the_result_of_a_file_on_this_machine_does_not_depend_on_its_port() -> None:
    def fingerprints(url: str) -> tuple[bytes, bytes]:
        image = request_body(IMAGE, image_urls=[url])
        lora = request_body(TEXT_LORA, loras=[{"path": url, "scale": 1.0}])
        return fingerprint(image), fingerprint(lora)

    def fingerprint(body: dict[str, Any]) -> bytes:
        return result_fingerprint(GenerateRequest.from_body(body), 7)

    first = fingerprints("http://127.0.0.1:41111/1")
    assert fingerprints("http://127.0.0.1:42222/1") == first
    for other in ("http://127.0.0.1:41111/2", "http://example.com:41111/1", "http://example.com:42222/1"):
        assert set(fingerprints(other)).isdisjoint(first)


@given(PLANS)
def test_pictures_and_seeds_have_lives_of_their_own(wanted: dict[str, object]) -> None:
    wanted |= {"failure": None}
    lives = {drawn(wanted | {"seed": seed}).ended for seed in range(20)}
    others = {drawn(wanted | {"picture": bytes([number]) * 16}).ended for number in range(20)}
    assert min(len(lives), len(others)) > 5


@given(timelines(), st.integers(0, 300 * SECOND), FAILURES)
def test_a_life_cut_short_ends_there_and_not_before(line: Timeline, offset: int, how: Failure | None) -> None:
    now = line.created + offset
    cut = line.finished_at(now, how)
    assert (cut.created, cut.ended, cut.failure) == (line.created, now, how)
    assert cut.created <= cut.started <= cut.ended
    assert cut.state(now) == ("failed" if how else "success")


def drawn(wanted: dict[str, object]) -> Timeline:
    return plan(**wanted)  # type: ignore[arg-type]
