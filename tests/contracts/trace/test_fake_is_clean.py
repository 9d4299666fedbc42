"""What the true fake does is clean, however its clock runs and whatever its seed."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltx_mock import MockServer
from ltx_mock.cli.console import json_lines
from ltx_mock.core.journal_entry import Entry
from ltx_mock.store.observers import Observer
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts import Report, Trace, check_trace, parse_body, read_ndjson, strategies, write_ndjson
from ltx_mock_contracts.strategies import Observation
from ltx_mock_contracts.trace import parse_trace
from support.bodies import GENERATE, STATUS, TEXT, post, request_body, submit
from support.receivers import Receiver
from support.traces import busy_day, journal, lines, trace

CLOCKS: list[dict[str, Any]] = [{"clock": "manual"}, {"clock": "auto"}, {"clock": "real", "speed": 60}]


def clean(report: Report) -> bool:
    """Tell whether nothing at all was found; a test that fails shows what was."""
    assert [deviation for verdict in report.verdicts for deviation in verdict.deviations] == []
    return report.ok


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver(500, "close", 404, 200, 500, 200) as running:
        yield running


@pytest.mark.sample(2)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pace", CLOCKS, ids=lambda pace: pace["clock"])
def test_a_busy_day_of_the_fake_is_clean(pace: dict[str, Any], seed: int) -> None:
    with Receiver(500, "close", 404, 500, 500, 200) as receiver, MockServer(seed=seed, **pace) as mock:
        world = mock.tenant("abc", max_concurrent=13)
        busy_day(world, receiver)
        entries = journal(world)
    report = check_trace(trace(entries))
    assert clean(report)
    seen = {"ENV-1", "ENV-4", "ENV-5", "GEN-10", "GEN-14", "GEN-16", "GEN-17", "TASK-1", "TASK-5", "TASK-6", "TASK-8"}
    assert seen <= set(report.having("kept"))
    assert {"TASK-11", "CB-1", "CB-2", "CB-3", "CB-4"} <= set(report.having("kept"))
    assert "LIM-3" in report.having("kept") or pace["clock"] != "manual"  # another may have ended a task by then


def test_a_receiver_that_never_answers_well_gives_a_clean_recording_too() -> None:
    with Receiver(500) as receiver, MockServer(clock="manual") as mock:
        busy_day(mock, receiver)
        report = check_trace(trace(journal(mock)))
    assert clean(report)
    assert report.of("CB-2").seen > 1


def test_two_keys_that_ask_for_each_others_tasks_are_clean(server: MockServer) -> None:
    one, other = server.tenant("first-key-0001"), server.tenant("other-key-0002")
    with one.client(transport=server.transport) as mine, other.client(transport=server.transport) as theirs:
        task_id = submit(mine)
        theirs.get(STATUS, params={"taskId": task_id})
        mine.get(STATUS, params={"taskId": task_id})
    report = check_trace(trace(journal(one) + journal(other)))
    assert clean(report)
    assert report.of("AUTH-4").outcome == "kept"


@pytest.mark.parametrize("form", ["ndjson", "har"])
def test_keys_that_end_alike_are_told_apart_in_an_export(form: str) -> None:
    """One asks for the task of the other and gets 404, which would be a fault for its own."""
    with MockServer(clock="manual") as mock:
        one, other = mock.tenant("any-key"), mock.tenant("app-key")
        with one.client() as mine, other.client() as theirs:
            task_id = submit(mine)
            theirs.get(STATUS, params={"taskId": task_id})
            mine.get(STATUS, params={"taskId": task_id})
            exported = mine.get(f"{mock.url}/__admin/requests", params={"format": form}).text
    report = check_trace(parse_trace(exported))
    assert clean(report)
    assert report.of("AUTH-4").outcome == "kept"


def test_limits_and_credits_are_clean() -> None:
    with MockServer(clock="manual", rate_limit="4/minute", credits=7) as mock, mock.client() as client:
        for _ in range(6):
            post(client, request_body(TEXT))
        report = check_trace(trace(journal(mock)))
    assert clean(report)
    assert {"GEN-15", "LIM-3"} <= set(report.having("kept"))


def test_errors_that_a_scenario_asks_for_are_clean() -> None:
    with MockServer(clock="manual") as mock, mock.client() as client:
        mock.respond_next(400)
        post(client, request_body(TEXT))
        task_id = submit(client)
        for status in (404, 429, 500):
            mock.respond_next(status)
            client.get(STATUS, params={"taskId": task_id})
        assert clean(check_trace(trace(journal(mock))))


def test_strict_mode_is_observed_and_breaks_nothing() -> None:
    with MockServer(clock="manual", strict=True) as mock, mock.client() as client:
        post(client, request_body(TEXT, unknown=1))
        report = check_trace(trace(journal(mock)))
    assert report.ok
    assert report.having("observed") == ("GEN-16",)


def test_the_lines_of_serve_and_the_answer_of_the_control_plane_say_the_same() -> None:
    printed: queue.Queue[str] = queue.Queue()

    class Lines(Observer):
        def entry_recorded(self, tenant: Tenant, entry: Entry) -> None:
            printed.put(json_lines(tenant, [entry])[0])

    with MockServer(clock="manual") as mock, mock.client() as client, Receiver() as receiver:
        mock._server_thread.engine.observers.add(Lines())
        busy_day(mock, receiver)
        answer = client.get(f"{mock.url}/__admin/requests", params={"key": mock.api_key, "limit": 10**6}).text
        text = "\n".join(printed.queue)
    from_lines = [each for each in parse_trace(text) if each.key != "…"]
    assert list(parse_trace(answer)) == from_lines
    assert list(parse_trace(json.dumps(json.loads(answer)["requests"]))) == from_lines
    assert parse_trace(answer).counted_in == "entry"
    assert parse_trace(text).counted_in == "line"


def test_what_is_written_is_read_back(server: MockServer, receiver: Receiver) -> None:
    world = server.tenant()
    busy_day(world, receiver)
    recorded = trace(journal(world))
    assert len(recorded) > 50
    again = read_ndjson(write_ndjson(recorded))
    assert again == recorded
    assert check_trace(again) == check_trace(recorded)


def test_the_order_of_the_lines_does_not_matter_where_the_times_tell() -> None:
    with MockServer(clock="manual") as mock, mock.client() as client:
        task_id = submit(client)
        for _ in range(5):
            mock.clock.advance(20)
            client.get(STATUS, params={"taskId": task_id})
        entries = journal(mock)
    assert clean(check_trace(trace(reversed(entries))))


def told_as_a_trace(story: list[Observation]) -> Trace:
    task_id = story[0].body["data"]["taskId"]
    return trace(
        {
            "at": look.at,
            "method": "GET",
            "target": str(httpx_url(task_id)),
            "status": 200,
            "answer": look.body,
        }
        for look in story
    )


def httpx_url(task_id: str) -> object:
    import httpx

    return httpx.URL("http://x/api/v1/statusTask/ltx-2-19b", params={"taskId": task_id})


@pytest.mark.slow
@given(strategies.task_stories())
def test_every_story_is_clean(story: list[Observation]) -> None:
    assert clean(check_trace(told_as_a_trace(story)))


@given(st.lists(strategies.task_stories(), max_size=3, unique_by=lambda story: story[0].body["data"]["taskId"]))
@settings(max_examples=30)
def test_stories_told_together_are_clean(stories: list[list[Observation]]) -> None:
    assert clean(check_trace([each for story in stories for each in told_as_a_trace(story)]))


@given(strategies.valid_requests() | strategies.minimal_requests())
@settings(max_examples=40)
def test_every_good_request_that_is_accepted_is_clean(body: dict[str, Any]) -> None:
    entry = {"at": 1, "method": "POST", "target": GENERATE, "status": 200, "request": body}
    entry["answer"] = {"code": 200, "message": "success", "data": {"taskId": "t"}}
    assert clean(check_trace(trace([entry])))


@given(strategies.invalid_requests())
@settings(max_examples=60)
def test_every_bad_request_is_caught_by_its_rule_when_it_is_accepted(invalid: strategies.InvalidRequest) -> None:
    entry = {"at": 1, "method": "POST", "target": GENERATE, "status": 200, "request": invalid.body}
    refused = entry | {"status": 400, "answer": {"code": 400, "message": "No", "data": None}}
    entry["answer"] = {"code": 200, "message": "success", "data": {"taskId": "t"}}
    report = check_trace(trace([entry]))
    assert invalid.rule in (report.broken if invalid.binding else report.having("observed"))
    assert report.ok or invalid.binding
    assert clean(check_trace(trace([refused])))


def test_a_body_as_deep_as_the_fake_takes_it_can_be_read_from_its_journal() -> None:
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    with MockServer(clock="manual") as mock, mock.client() as client:
        assert post(client, request_body(TEXT, deep=deep)).status_code == 200
        assert clean(check_trace(parse_trace(lines(journal(mock)))))


@given(strategies.malformed_bodies())
@settings(max_examples=30)
def test_bodies_that_are_no_json_are_rightly_refused(malformed: strategies.MalformedBytes) -> None:
    text = malformed.raw.decode(errors="replace")
    try:
        body = parse_body(text.encode())
    except ValueError:
        body = text
    entry = {"at": 1, "method": "POST", "target": GENERATE, "status": 400, "request": body}
    entry["answer"] = {"code": 400, "message": "No", "data": None}
    report = check_trace(trace([entry]))
    assert report.ok or report.broken == ("GEN-17",)
