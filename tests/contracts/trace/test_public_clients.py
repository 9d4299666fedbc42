"""Recordings of real public clients are judged as they should be: what no document states is broken by nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from ltx_mock import ContractFailure, MockServer
from ltx_mock.testing.tenant import World
from ltx_mock_contracts import check_trace, read_ndjson
from support.traces import generate, journal, lines, trace

CLIENTS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "data").joinpath("public_clients.json").read_text("utf-8")
)["clients"]

ENVELOPE = {"ENV-1", "ENV-2", "ENV-4"}
ACCEPTED = {"GEN-1", "GEN-2", "GEN-6", "GEN-7", "GEN-8", "GEN-9", "GEN-10", "GEN-17"}
LIFE = {"TASK-1", "TASK-2", "TASK-3", "TASK-4", "TASK-5", "TASK-8", "TASK-11"}


class Expected(NamedTuple):
    """What is to be said of a client.

    Attributes:
        kept: The rules that the recording shows to be kept; none is broken or observed.
        polls: How often it asks for the status.
        advice: How its polls go against the documents' advice (CLI-2), the first of them.
        advisories: What its request has against an advice (GEN-16).
    """

    kept: set[str]
    polls: int
    advice: str | None = None
    advisories: tuple[str, ...] = ()


WEBHOOK = 'webhook is not a field that the API knows; did you mean "callback_url"? As it is, no callback is sent'
SOUND = ("input.sound is not a field that the API knows", "input.web_search is not a field that the API knows")
STORY = ENVELOPE | ACCEPTED | LIFE

EXPECTED = {
    "vendors MCP server": Expected(STORY | {"BAL-1"}, 4, "8 s after submitting"),
    "image studio": Expected(STORY | {"BAL-1", "GEN-11"}, 22, "3 s after submitting"),
    "image studio, local image": Expected({"ENV-1", "ENV-3", "ENV-4", "GEN-12"}, 0),
    "video factory": Expected(STORY | {"GEN-11"}, 4),
    "webhook watcher": Expected(STORY | {"GEN-16"}, 2, "30 s after submitting", (WEBHOOK,)),
    "game site": Expected(STORY - {"TASK-2"} | {"GEN-3", "GEN-4", "GEN-5", "GEN-11", "GEN-16"}, 1, advisories=SOUND),
}


def run(client: dict[str, Any], mock: MockServer, world: World) -> None:
    """Send what a client sends, when it does, by the fake's clock."""
    headers = {"authorization": f"Bearer {world.api_key}"}
    base = getattr(mock, client["base"])
    with httpx.Client(base_url=base, transport=world.transport, headers=headers) as http:
        for request in client["requests"]:
            answer = http.request(request["method"], request["path"], json=request.get("body"))
        if answer.status_code == 200:
            poll(http, client["polls"], answer.json()["data"]["taskId"], world)


def poll(http: httpx.Client, polls: dict[str, Any], task_id: str, world: World) -> None:
    waited = polls["first"]
    world.clock.advance(waited)
    while waited <= polls["limit"]:
        data = http.get(polls["path"], params={"taskId": task_id}).json()["data"]
        if data["state"] in {"success", "failed"}:
            return
        world.clock.advance(polls["every"])
        waited += polls["every"]


@pytest.mark.parametrize("name", CLIENTS)
def test_a_public_client_is_judged_as_it_should_be(name: str) -> None:
    expected = EXPECTED[name]
    with MockServer(clock="manual", seed=0) as mock:
        world = mock.tenant("key-of-a-public-client")
        run(CLIENTS[name], mock, world)
        report = check_trace(trace(journal(world)))
        findings = [finding for request in world.requests for finding in request.findings]
        try:
            world.assert_polled_politely()
            advice = None
        except ContractFailure as failure:
            advice = str(failure)
        polls = [request for request in world.requests if request.operation == "statusTask"]
    assert (report.broken, report.having("observed"), report.notes) == ((), (), ())
    assert set(report.having("kept")) == expected.kept
    assert len(polls) == expected.polls
    assert (advice is None) == (expected.advice is None)
    assert (expected.advice or "") in (advice or "")
    assert tuple(each.message for each in findings if each.severity == "advisory") == expected.advisories


@pytest.mark.parametrize("name", CLIENTS)
def test_a_public_client_recorded_at_a_server_that_takes_what_it_sends_breaks_nothing_there(name: str) -> None:
    bodies = [request["body"] for request in CLIENTS[name]["requests"] if "body" in request]
    report = check_trace(trace(generate(number, f"t{number}", body) for number, body in enumerate(bodies)))
    assert report.broken == ()
    assert report.having("observed") == (("GEN-12",) if "local" in name else ())  # whether data: URLs are taken


def test_a_client_that_gives_up_after_ten_minutes_is_no_fault_of_its_own() -> None:
    with MockServer(clock="manual", seed=0) as mock:
        world = mock.tenant("key-of-a-public-client")
        world.scenarios.add("stuck")
        run(CLIENTS["image studio"], mock, world)
        entries = journal(world)
    polls = [entry for entry in entries if entry.get("operation") == "statusTask"]
    assert len(polls) == 200
    report = check_trace(trace(entries))
    assert report.broken == ("TASK-8",)  # the server's, which never ended it


def test_lines_that_a_killed_client_left_unfinished_change_nothing_of_the_verdict() -> None:
    with MockServer(clock="manual", seed=0) as mock:
        world = mock.tenant("key-of-a-public-client")
        run(CLIENTS["video factory"], mock, world)
        whole = check_trace(trace(journal(world)))
        text = lines(journal(world))
    cut = check_trace(read_ndjson(text + '{"at": 17679'))
    assert cut.verdicts == whole.verdicts
    assert cut.skipped == 1
