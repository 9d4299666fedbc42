"""Near misses tell why something did not work."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.agents.near_misses import idle_scenarios, lost_callbacks, requests_with_problems
from support.bodies import request_body, submit


def views(mock: MockServer, what: str) -> list[Any]:
    return httpx.get(f"{mock.url}/__admin/{what}").json()[what]  # type: ignore[no-any-return]


def test_refused_requests_and_advisories_are_there_newest_first_and_good_requests_are_not() -> None:
    with MockServer(clock="manual") as mock, mock.client() as client:
        submit(client)
        client.post("/generateTask/ltx-2-19b", json=request_body(duration=25))
        client.post("/generateTask/ltx-2-19b", json=request_body() | {"webhook": "https://example.com"})
        client.get("/taskStatus/ltx-2-19b")
        httpx.get(f"{mock.base_url}/statusTask/ltx-2-19b")
        found = list(requests_with_problems(views(mock, "requests")))
    assert sorted((each["status"], each["operation"]) for each in found) == [
        (200, "generateTask"),
        (400, "generateTask"),
        (401, "statusTask"),
        (404, "other"),
    ]
    [refused] = [each for each in found if each["status"] == 400]
    assert refused["message"] == "input.duration must be a whole number of seconds from 5 to 20, but is 25"
    assert (refused["findings"][0]["got"], refused["findings"][0]["rule"]) == ("25", "GEN-10")
    [advised] = [each for each in found if each["status"] == 200]
    assert "callback_url" in advised["findings"][0]["message"]
    assert [each["number"] for each in found] == sorted((each["number"] for each in found), reverse=True)


def test_an_error_that_a_scenario_made_is_no_near_miss() -> None:
    with MockServer(clock="manual") as mock, mock.client() as client:
        mock.scenario("rate-limited")
        assert client.post("/generateTask/ltx-2-19b", json=request_body()).status_code == 429
        assert list(requests_with_problems(views(mock, "requests"))) == []


def idle(mock: MockServer) -> list[dict[str, Any]]:
    return list(idle_scenarios(views(mock, "scenarios"), views(mock, "requests")))


def test_a_scenario_that_nothing_matched_names_the_nearest_request_and_the_difference() -> None:
    with MockServer(clock="manual") as mock, mock.client() as client:
        submit(client)
        mock.scenarios.add(fail_code="CONTENT_VIOLATION", prompt="a cat", mode="text-to-video")
        mock.scenarios.add(status=503, operation="balance")
        [failing, unasked] = idle(mock)
        assert failing["why"] == "no task matches; the nearest is that of request 1"
        assert [each["field"] for each in failing["differences"]] == ["prompt"]
        assert failing["differences"][0]["expected"] == "matching /a\\ cat/"
        assert unasked["why"] == "there was no balance request with this key"


@pytest.mark.parametrize("seen", [0, 1, 2])
def test_a_scenario_for_a_later_request_says_how_many_matched(seen: int) -> None:
    with MockServer(clock="manual") as mock, mock.client() as client:
        mock.scenarios.add(status=503, operation="generateTask", nth=3)
        for _ in range(seen):
            submit(client)
        [waiting] = idle(mock)
        expected = (
            f"{seen} request{'s' * (seen > 1)} matched; it applies from number 3 on"
            if seen
            else "there was no generateTask "
        )
        assert waiting["why"].startswith(expected)


def test_a_scenario_that_has_applied_is_no_near_miss() -> None:
    with MockServer(clock="manual") as mock, mock.client() as client:
        mock.scenarios.add(fail_code="CONTENT_VIOLATION", times="forever")
        submit(client)
        assert idle(mock) == []


def test_a_scenario_of_future_keys_counts_only_if_there_is_no_key_yet() -> None:
    with MockServer(clock="manual") as mock:
        httpx.post(f"{mock.url}/__admin/scenarios", json={"name": "stuck"})
        [waiting] = idle(mock)
        assert waiting["why"].startswith("there was no generateTask request")


def test_callbacks_that_did_not_arrive_say_why() -> None:
    body = request_body() | {"request_type": "callback"}
    with MockServer(clock="manual") as mock, mock.client() as client:
        client.post("/generateTask/ltx-2-19b", json=body | {"callback_url": "https://example.com/hook"})
        client.post("/generateTask/ltx-2-19b", json=body | {"callback_url": "http://127.0.0.1:1/hook"})
        mock.clock.advance(600)
        failed, withheld = lost_callbacks(views(mock, "callbacks"))  # newest first
    assert (failed["state"], failed["attempts"]) == ("failed", 4)
    assert "nothing listens" in failed["lastAttempt"]["error"]
    assert (withheld["state"], withheld["attempts"], withheld["lastAttempt"]) == ("withheld", 0, None)
    assert "example.com" in withheld["reason"]
