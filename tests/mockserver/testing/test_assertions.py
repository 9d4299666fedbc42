"""Assertions of a world: when they hold, and the whole text of those that fail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ltx_mock import ContractFailure, MockServer, SettingsError
from ltx_mock.control.expectation import FIELDS, Expectation
from ltx_mock.control.from_json import Exchange
from ltx_mock.testing.polling import polling_violations
from ltx_mock.testing.tenant import World
from support.bodies import LORAS, STATUS, TEXT_LORA, ask, post, request_body, submit


def text_of(failure: pytest.ExceptionInfo[ContractFailure]) -> str:
    """Return the text with task ids numbered, as they are drawn from the world's key."""
    found: dict[str, str] = {}
    return re.sub(
        r"task_[0-9a-f]{12}", lambda hit: found.setdefault(hit[0], f"task_{len(found) + 1}"), str(failure.value)
    )


def snapshot(text: str) -> str:
    """Take the indentation of this file out of an expected text."""
    return "\n".join(line.removeprefix(" " * 8) for line in text.strip("\n").split("\n")).rstrip()


@pytest.fixture
def world() -> Iterator[World]:
    """A world on a server of its own: requests have the numbers of the server's journal."""
    with MockServer(clock="manual") as mock:
        yield mock


@pytest.fixture
def busy(world: World, client: httpx.Client) -> World:
    """A world with two submissions, one refusal, and a poll."""
    first = submit(client, prompt="a calm sea", aspect_ratio="16:9")
    submit(client, TEXT_LORA, prompt="a stormy sea at sunset", duration=8)
    post(client, request_body(prompt="a wild sea", duration=25))
    world.clock.advance(70)
    ask(client, first)
    return world


# ---- assert_requested


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"times": 4},
        {"operation": "generateTask", "times": 3},
        {"operation": "generateTask", "status": 200, "times": 2},
        {"prompt": "a calm sea"},
        {"prompt": re.compile("sunset$"), "mode": "text-to-video-LoRA", "loras": LORAS},
        {"duration": lambda seconds: seconds > 20, "status": 400},
        {"operation": "statusTask", "state": "success", "method": "GET"},
        {"mode": "image-to-video", "times": 0},
    ],
)
def test_it_holds_when_such_a_request_was_made(fields: dict[str, Any], busy: World) -> None:
    busy.assert_requested(**fields)


def test_the_nearest_request_is_shown_field_by_field(busy: World) -> None:
    with pytest.raises(ContractFailure) as failure:
        busy.assert_requested(
            "generateTask",
            mode="text-to-video-LoRA",
            prompt=re.compile("sunrise"),
            duration=8,
            resolution=lambda value: value == "720p",
            aspect_ratio="9:16",
        )
    assert text_of(failure) == snapshot("""
        expected a request with operation "generateTask", mode "text-to-video-LoRA", prompt matching /sunrise/, \
duration 8, resolution accepted by a function, aspect_ratio "9:16"
        the nearest of 4 is request 2: POST /api/v1/generateTask/ltx-2-19b -> 200
            operation     "generateTask"          ok
            mode          "text-to-video-LoRA"    ok
            prompt        matching /sunrise/      got "a stormy sea at sunset"
            duration      8                       ok
            resolution    accepted by a function  got "480p"
            aspect_ratio  "9:16"                  got nothing
    """)


def test_too_few_are_told_with_those_that_were_there_and_the_nearest_other(busy: World) -> None:
    with pytest.raises(ContractFailure) as failure:
        busy.assert_requested("generateTask", times=3, status=200)
    assert text_of(failure) == snapshot("""
        expected exactly 3 requests with operation "generateTask", status 200
        but there are 2:
          request 1: POST /api/v1/generateTask/ltx-2-19b -> 200
          request 2: POST /api/v1/generateTask/ltx-2-19b -> 200
        the nearest of the others is request 3: POST /api/v1/generateTask/ltx-2-19b -> 400
            operation  "generateTask"  ok
            status     200             got 400
    """)


def test_one_too_many_is_told(busy: World) -> None:
    with pytest.raises(ContractFailure) as failure:
        busy.assert_requested("statusTask", times=0)
    assert text_of(failure) == snapshot("""
        expected no request with operation "statusTask"
        but there are 1:
          request 5: GET /api/v1/statusTask/ltx-2-19b?taskId=task_1 -> 200
    """)


def test_no_request_at_all_is_told(world: World) -> None:
    with pytest.raises(ContractFailure) as failure:
        world.assert_requested(prompt=re.compile("sea"))
    assert text_of(failure) == snapshot("""
        expected a request with prompt matching /sea/
        but there was no request
    """)


def test_the_only_request_is_the_nearest(world: World, client: httpx.Client) -> None:
    client.get(STATUS)
    with pytest.raises(ContractFailure) as failure:
        world.assert_requested("generateTask", prompt="x", loras=[{"path": "a"}])
    assert text_of(failure) == snapshot("""
        expected a request with operation "generateTask", prompt "x", loras [{'path': 'a'}]
        the nearest is request 1: GET /api/v1/statusTask/ltx-2-19b -> 400
            operation  "generateTask"   got "statusTask"
            prompt     "x"              got nothing
            loras      [{'path': 'a'}]  got nothing
    """)


def test_many_matches_are_told_in_short(world: World, client: httpx.Client) -> None:
    for _ in range(12):
        client.get(STATUS)
    with pytest.raises(ContractFailure, match=r"request 10: .*\n  and 2 more$"):
        world.assert_requested("statusTask", times=0)


def test_an_unknown_field_is_an_error_with_a_suggestion(world: World) -> None:
    with pytest.raises(SettingsError, match=r"unknown field 'promt' \(did you mean 'prompt'\?\); known are operation"):
        world.assert_requested(promt="x")  # type: ignore[call-arg]


def test_an_error_in_a_matcher_is_raised_and_not_taken_for_a_no(busy: World) -> None:
    with pytest.raises(ZeroDivisionError):
        busy.assert_requested(prompt=lambda _: 1 / 0)


def test_every_difference_is_found(busy: World) -> None:
    request = busy.requests[0]
    everything = Expectation(dict.fromkeys(FIELDS, object()))
    assert [each.field for each in everything.difference(request)] == list(FIELDS)
    assert Expectation({}).difference(request) == []


@pytest.mark.parametrize(("expected", "duration", "holds"), [(True, 1, False), (8, 8.0, False), (8, 8, True)])
def test_a_boolean_is_not_a_number(expected: object, duration: object, holds: bool, busy: World) -> None:
    request = busy.requests[0]._replace(body=request_body(duration=duration))
    assert (not Expectation({"duration": expected}).difference(request)) == holds


def test_a_failed_assertion_is_an_assertion_error() -> None:
    assert issubclass(ContractFailure, AssertionError)


# ---- assert_no_advisories


def test_requests_with_advisories_are_listed_with_the_rule(world: World, client: httpx.Client) -> None:
    submit(client)
    world.assert_no_advisories()
    submit(client, TEXT_LORA, loras=[{"path": "https://example.com/x.safetensors", "scale": 3}], colour="red")
    with pytest.raises(ContractFailure) as failure:
        world.assert_no_advisories()
    head, *lines = text_of(failure).split("\n")
    assert head == "expected no advisories, but there are 3:"
    assert all(line.startswith("  request 2: input.") and line.endswith("(GEN-16)") for line in lines)


# ---- assert_polled_politely


def test_a_patient_client_is_polite(world: World, client: httpx.Client) -> None:
    first, second = submit(client, resolution="1080p"), submit(client, resolution="1080p")
    world.clock.advance(60)
    while ask(client, first)["state"] != "success":
        world.clock.advance(5)
    ask(client, second)
    world.assert_polled_politely()


def test_each_impolite_poll_is_listed(world: World, client: httpx.Client) -> None:
    task_id = submit(client)
    for seconds in (3.5, 4.999, 60, 5):
        world.clock.advance(seconds)
        ask(client, task_id)
    with pytest.raises(ContractFailure) as failure:
        world.assert_polled_politely()
    assert text_of(failure) == snapshot("""
        expected polite polling (first after 60 s, then every 5 s or slower, none after the end), but:
          request 3: poll of task_1 3.5 s after submitting
          request 5: poll of task_1 4.999 s after the one before
          request 9: poll of task_1 although its success was known
    """)
    world.reset()
    task_id = submit(client)
    world.clock.advance(3.5)
    ask(client, task_id)
    world.assert_polled_politely(first=3.5, every=1)


def test_a_poll_that_was_answered_with_an_error_counts(world: World, client: httpx.Client) -> None:
    task_id = submit(client)
    world.clock.advance(60)
    world.respond_next(429)
    client.get(STATUS, params={"taskId": task_id})
    world.clock.advance(1)
    ask(client, task_id)
    with pytest.raises(ContractFailure, match=r"request 5: poll of task_.* 1 s after the one before"):
        world.assert_polled_politely()


def test_polls_of_a_task_made_before_are_only_compared_with_each_other() -> None:
    def poll(number: int, at: int) -> Exchange:
        target = "/statusTask/ltx-2-19b?taskId=task_x"
        return Exchange(number, at, "statusTask", "GET", target, 200, "task_x", "pending", (), None, None, None)

    polls = [poll(1, 0), poll(2, 5000), poll(3, 9000)]
    assert polling_violations(polls, first=60, every=5) == ["  request 3: poll of task_x 4 s after the one before"]


# ---- assert_spent


def test_spent_credits_are_compared_and_the_bill_is_shown(world: World, client: httpx.Client) -> None:
    world.assert_spent(exactly=0)
    submit(client)
    submit(client, resolution="1080p", duration=10, prompt="[[content-violation]]")
    world.assert_spent(exactly=45)
    world.clock.advance(60)
    world.assert_spent(exactly=5)
    world.assert_spent(at_most=5)
    with pytest.raises(ContractFailure) as failure:
        world.assert_spent(at_most=4)
    assert text_of(failure) == snapshot("""
        expected at most 4 credits to be spent, but 5 were spent:
          task_1  480p  5 s  success: 5 credits
          task_2  1080p  10 s  failed: 40 credits, given back
    """)
    with pytest.raises(ContractFailure, match="expected exactly 6 credits to be spent, but 5 were spent"):
        world.assert_spent(exactly=6)


def test_nothing_spent_is_told(server: MockServer) -> None:
    with pytest.raises(ContractFailure, match=r"but 0 were spent:\n  no task was created$"):
        server.tenant().assert_spent(exactly=1)


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ({}, "give at_most, exactly or wasted"),
        ({"at_most": 1, "exactly": 1}, "give at_most or exactly, not both; wasted goes with either"),
    ],
)
def test_one_limit_must_be_given(limits: dict[str, int], problem: str, world: World) -> None:
    with pytest.raises(SettingsError, match=f"^{problem}$"):
        world.assert_spent(**limits)
