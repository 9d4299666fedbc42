"""What a scenario did stands in the journal as its cause, and in recordings that can be judged."""

from __future__ import annotations

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.scenarios import NAMED
from ltx_mock.testing.tenant import World
from ltx_mock_contracts import check_trace
from support.bodies import STATUS, post, request_body
from support.receivers import Receiver
from support.scenario_runs import live
from support.traces import journal, trace
from support.waiting import GIVES_UP, SECONDS

DRIFTING = {name for name, scenario in NAMED.items() if scenario.outcome.drift}
# These may break a rule too: of the time of a task, or of its callback.
OF_CALLBACKS = {name for name, scenario in NAMED.items() if scenario.outcome.callback}
ODD = DRIFTING | OF_CALLBACKS | {"slow", "stuck", "unknown-fail-code"}


@pytest.mark.parametrize("name", sorted(NAMED))
def test_each_scenario_leaves_its_cause_and_a_recording_that_can_be_judged(name: str, world: World) -> None:
    world.scenario(name)
    with Receiver() as receiver:
        # Only where no answer comes may a client lose its patience: else a busy machine would break what is good.
        live(world, receiver, GIVES_UP if NAMED[name].outcome.fault == "NO_ANSWER" else SECONDS)
    of_requests = [request.cause for request in world.requests if request.cause]
    of_callbacks = [delivery.reason for delivery in world.callbacks if delivery.reason]
    assert any(f"scenario {name}" in cause for cause in of_requests + of_callbacks)
    report = check_trace(trace(journal(world)))
    deviations = [deviation for verdict in report.verdicts for deviation in verdict.deviations]
    if name not in ODD:
        assert deviations == []
    if name in DRIFTING - {"extra-fields"}:
        assert deviations


def test_a_request_without_an_answer_has_no_status(world: World, client: httpx.Client) -> None:
    world.scenario("empty-response")
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(STATUS)
    (request,) = world.requests
    assert (request.status, request.answer) == (None, None)
    assert str(request).endswith("-> no response")


def test_a_download_is_no_request_unless_a_scenario_happened_to_it(world: World, client: httpx.Client) -> None:
    task_id = post(client, request_body()).json()["data"]["taskId"]
    world.clock.advance(60)
    url = f"{world.url}/files/results/{task_id}.mp4"
    assert client.get(url).status_code == 200
    assert [request.operation for request in world.requests] == ["generateTask"]
    world.scenario("expired-result")
    assert client.head(url).status_code == 200
    assert client.get(url).status_code == 410
    assert client.get(url, headers={"x-mock-scenario": "nonsense"}).status_code == 400
    assert [(request.status, request.cause) for request in world.requests[1:]] == [
        (410, "scenario expired-result"),
        (400, "header X-Mock-Scenario"),
    ]


def test_the_journal_tells_how_much_of_a_result_went_out(client: httpx.Client, world: World) -> None:
    task_id = post(client, request_body()).json()["data"]["taskId"]
    url = f"{world.url}/files/results/{task_id}.mp4"
    assert client.get(url).status_code == 404
    world.clock.advance(60)
    whole = len(client.get(url).content)
    assert client.get(url, headers={"range": "bytes=0-99"}).status_code == 206
    told = httpx.get(f"{world.url}/__admin/requests", params={"key": world.api_key, "kind": "download"}).json()
    assert [(each["status"], each["taskId"]) for each in told["requests"]] == [
        (404, task_id),
        (200, task_id),
        (206, task_id),
    ]
    assert [each["answer"] for each in told["requests"][1:]] == [
        {"sent": whole, "size": whole},
        {"sent": 100, "size": 100},
    ]


def test_two_servers_with_the_same_seed_give_the_same_bytes_on_a_bad_day() -> None:
    def day() -> list[bytes]:
        with MockServer(clock="manual", seed=9, scenario=["flaky", "extra-fields"]) as mock, mock.client() as client:
            told = [post(client, request_body(prompt=f"sea {number}")).content for number in range(10)]
            ids = [task.id for task in mock.tasks]
            return told + [client.get(STATUS, params={"taskId": task_id}).content for task_id in ids]

    assert day() == day()
