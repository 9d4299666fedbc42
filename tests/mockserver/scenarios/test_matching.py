"""Which scenario happens to which request: by match and count, by header and prompt, for a key and for all of them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.errors import SettingsError
from ltx_mock.scenarios import MESSAGES, NAMED, Scenario
from ltx_mock.testing.tenant import World
from support.bodies import GENERATE, IMAGE, STATUS, ask, message_of, post, request_body, submit
from support.receivers import Receiver

NAME, CODE = "x-mock-scenario", "prefer"


def statuses(client: httpx.Client, *bodies: dict[str, Any]) -> list[int]:
    return [post(client, body).status_code for body in bodies]


# ---- match


def test_only_a_mode(world: World, client: httpx.Client) -> None:
    world.scenarios.add(status=500, mode="image-to-video", times="forever")
    assert statuses(client, request_body(), request_body(IMAGE), request_body()) == [200, 500, 200]
    assert client.get(STATUS).status_code == 400


def test_only_prompts_with_a_text(world: World, client: httpx.Client) -> None:
    world.scenarios.add(fail_code="CONTENT_VIOLATION", prompt="sea", times="forever")
    for prompt in ("a calm sea", "a city"):
        submit(client, prompt=prompt)
    assert [task.fail_code for task in world.tasks] == ["CONTENT_VIOLATION", None]


def test_only_a_request_type(world: World, client: httpx.Client) -> None:
    world.scenarios.add(status=503, request_type="callback")
    callback = request_body() | {"request_type": "callback", "callback_url": "http://127.0.0.1:9/"}
    assert statuses(client, request_body(), callback, callback) == [200, 503, 200]


def test_a_match_of_prompt_and_mode_concerns_what_is_asked_about_the_task_too(
    world: World, client: httpx.Client
) -> None:
    sea, city = submit(client, prompt="a calm sea"), submit(client, prompt="a city")
    world.scenarios.add(status=500, operation="statusTask", prompt="sea", times="forever")
    assert client.get(STATUS, params={"taskId": sea}).status_code == 500
    assert client.get(STATUS, params={"taskId": city}).status_code == 200
    assert client.get(STATUS).status_code == 400


def test_the_nth_request_and_so_many_from_there(world: World, client: httpx.Client) -> None:
    world.scenarios.add(status=500, operation="statusTask", nth=3, times=2)
    assert [client.get(STATUS).status_code for _ in range(6)] == [400, 400, 500, 500, 400, 400]
    assert list(world.scenarios) == []


def test_one_scenario_of_a_kind_for_a_request_and_the_next_for_the_next(world: World, client: httpx.Client) -> None:
    world.scenarios.add("server-error")
    world.scenarios.add("unavailable", operation="statusTask")
    world.scenarios.add("rate-limited")
    assert [client.get(STATUS).status_code for _ in range(4)] == [500, 503, 429, 400]


def test_those_of_several_kinds_happen_to_one_request(world: World, client: httpx.Client) -> None:
    for fields in (
        {"delay": 50},
        {"fail_code": "INVALID_LORA_URL", "generation": 7_000},
        {"drift": {"extra": {"x": 1}}},
    ):
        world.scenarios.add(**fields)
    answer = post(client, request_body())
    assert answer.json()["x"] == 1
    (task,) = world.tasks
    assert (task.fail_code, task.end_time - task.create_time) == ("INVALID_LORA_URL", 7_000)
    assert task.cause == "scenario fail with INVALID_LORA_URL"
    assert (world.requests[0].cause or "").split("; ") == [
        "scenario delay: 50 ms late (not delayed: the clock is stopped)",
        "scenario drift",
    ]


def test_chance_is_drawn_from_the_seed(server: MockServer) -> None:
    def run(seed: int) -> list[int]:
        world = server.tenant(seed=seed)
        world.scenario("flaky")
        with world.client() as client:
            return [client.get(STATUS).status_code for _ in range(60)]

    assert run(1) == run(1) != run(2)
    assert 6 <= run(1).count(503) <= 30


def test_generation_is_drawn_from_the_seed(server: MockServer) -> None:
    def run(seed: int) -> list[int]:
        shape = {"type": "lognormal", "median": 90_000, "sigma": 0.5}
        world = server.tenant(seed=seed, scenario={"generation": shape, "times": 5})
        with world.client() as client:
            for _ in range(5):
                submit(client)
        return [task.end_time - task.create_time for task in world.tasks]

    assert run(1) == run(1) != run(2)
    assert len(set(run(1))) == 5


# ---- headers


@pytest.mark.parametrize("code", MESSAGES)
def test_prefer_asks_for_any_documented_error(code: int, world: World, client: httpx.Client) -> None:
    answer = client.get(STATUS, headers={CODE: f"code={code}"})
    assert message_of(answer, code) == MESSAGES[code]
    assert post(client, request_body()).status_code == 200
    assert client.post(GENERATE, json=request_body(), headers={CODE: f"code={code}"}).status_code == code
    assert len(world.tasks) == 1
    assert world.requests[0].cause == f"Prefer: code={code}"


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("code=200", 400),
        ("respond-async", 400),
        ("", 400),
        ("respond-async, code=503", 503),
        ('respond-async; wait=10, Code = "503"', 503),
        ("barcode=503", 400),
    ],
)
def test_what_prefer_says_besides_is_left_alone(value: str, status: int, client: httpx.Client) -> None:
    assert client.get(STATUS, headers={CODE: value}).status_code == status


@pytest.mark.parametrize(
    ("header", "value", "problem"),
    [
        (
            CODE,
            "code=418",
            "Prefer: code must be one of 400, 401, 403, 404, 405, 413, 429, 500, 502, 503, 504, not '418'",
        ),
        (CODE, "code=", "Prefer: code must be one of 400, "),
        (
            NAME,
            "rate-limit",
            "X-Mock-Scenario: unknown scenario 'rate-limit' (did you mean 'rate-limited'?); known are ",
        ),
        (NAME, "stuck, nonsense", "X-Mock-Scenario: unknown scenario 'nonsense'; known are content-violation, "),
        (NAME, "", "X-Mock-Scenario: unknown scenario ''; known are "),
    ],
)
def test_a_header_that_names_nothing_is_answered_with_400(
    header: str, value: str, problem: str, world: World, client: httpx.Client
) -> None:
    for method, path in (("GET", STATUS), ("POST", GENERATE)):
        answer = client.request(method, path, json=request_body(), headers={header: value})
        assert message_of(answer, 400).startswith(problem)
    assert world.tasks == []
    assert {request.cause for request in world.requests} == {
        f"header {'Prefer' if header == CODE else 'X-Mock-Scenario'}"
    }


def test_a_header_names_a_scenario_for_its_request(world: World, client: httpx.Client) -> None:
    assert client.get(STATUS, headers={NAME: "server-error"}).status_code == 500
    assert client.get(STATUS).status_code == 400
    assert world.requests[0].cause == "X-Mock-Scenario: server-error"
    task_id = submit(client)
    told = client.get(STATUS, params={"taskId": task_id}, headers={NAME: "extra-fields, missing-fields"}).json()
    assert told["data"]["progress"] == 42


def test_a_header_of_all_requests_concerns_those_that_it_can(world: World) -> None:
    with world.client(headers={NAME: "content-violation"}) as client:
        task_id = submit(client)
        world.clock.advance(60)
        assert ask(client, task_id)["failCode"] == "CONTENT_VIOLATION"


def test_what_generate_task_asks_for_stays_with_its_task(world: World, client: httpx.Client) -> None:
    headers = {NAME: "unknown-state, cut-download"}
    task_id = client.post(GENERATE, json=request_body(), headers=headers).json()["data"]["taskId"]
    other = submit(client)
    world.clock.advance(10)
    assert ask(client, task_id)["state"] == ask(client, task_id)["state"] == "processing_r2"
    assert ask(client, other)["state"] == "processing"
    world.clock.advance(60)
    url = json.loads(ask(client, task_id)["resultJson"])["resultUrls"][0]
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(url)
    assert client.get(url).status_code == 200
    assert list(world.scenarios) == []


def test_headers_do_nothing_for_who_has_no_access(server: MockServer) -> None:
    for headers in ({NAME: "nonsense"}, {CODE: "code=500"}):
        assert httpx.get(server.base_url + STATUS, headers=headers, trust_env=False).status_code == 401


# ---- prompts


@pytest.mark.parametrize("name", ["rate-limited", "stuck", "lost-callback", "unknown-state", "expired-result"])
def test_a_prompt_names_a_scenario(name: str, world: World, client: httpx.Client) -> None:
    answer = post(client, request_body(prompt=f"a calm sea [[{name}]]"))
    if name == "rate-limited":
        assert answer.status_code == 429
        assert world.requests[0].cause == "directive [[rate-limited]] in the prompt"
        return
    world.clock.advance(10)
    assert (ask(client, answer.json()["data"]["taskId"])["state"] == "processing_r2") == (name == "unknown-state")
    assert (world.tasks[0].end_state == "processing") == (name == "stuck")


def test_a_prompt_may_name_several_and_what_is_no_name_is_text(world: World, client: httpx.Client) -> None:
    submit(client, prompt="[[slow]] [[nonsense]] [[missing-fields]] [[]] [[")
    assert set(ask(client, world.tasks[0].id)) == {"taskId", "state"}
    assert world.tasks[0].end_time - world.tasks[0].create_time == 600_000


def test_a_prompt_goes_before_what_is_armed_and_does_not_use_it_up(world: World, client: httpx.Client) -> None:
    world.fail_next("INVALID_LORA_URL")
    submit(client, prompt="[[content-violation]]")
    submit(client)
    assert [task.fail_code for task in world.tasks] == ["CONTENT_VIOLATION", "INVALID_LORA_URL"]


# ---- one key or all


def test_without_a_key_all_have_it_those_to_come_too() -> None:
    with MockServer(clock="manual") as mock:
        first = mock.tenant()
        with httpx.Client(base_url=f"{mock.url}/__admin", trust_env=False) as admin:
            armed = admin.post("/scenarios", json={"name": "server-error", "times": 2}).json()
            second = mock.tenant()
            for world in (first, second, mock):
                with world.client() as client:
                    assert [client.get(STATUS).status_code for _ in range(3)] == [500, 500, 400]
            listed = admin.get("/scenarios").json()["scenarios"]
            assert listed == [{"tenant": None, "key": None, **armed}]
            assert admin.delete("/scenarios").json() == {"scenarios": []}
            third = mock.tenant()
            with third.client() as client:
                assert client.get(STATUS).status_code == 400


def test_settings_arm_each_world_and_a_reset_arms_them_again() -> None:
    with MockServer(clock="manual", scenario=["server-error", {"fail_code": "INVALID_IMAGE_URL"}]) as mock:
        for _ in range(2):
            with mock.client() as client:
                assert [client.get(STATUS).status_code for _ in range(2)] == [500, 400]
                submit(client)
            assert [task.fail_code for task in mock.tasks] == ["INVALID_IMAGE_URL"]
            mock.reset()
        assert [scenario.name for scenario in mock.scenarios] == ["server-error", "fail with INVALID_IMAGE_URL"]


@pytest.mark.memory_store("others keep every tenant, also idle ones")
def test_a_flood_of_made_up_keys_is_forgotten_though_each_begins_with_a_scenario() -> None:
    with MockServer(clock="manual", scenario="flaky") as mock:
        engine = mock._server_thread.engine

        async def flood() -> None:
            for number in range(10_100):
                await engine.store.tenant(f"key-{number}")

        mock._server_thread.wait_for(flood())
        assert len(engine.store.tenants()) < 10_050


def test_the_library_is_there_for_other_tools(server: MockServer) -> None:
    listed = httpx.get(f"{server.url}/__admin/scenarios/library", trust_env=False).json()["scenarios"]
    assert [each["name"] for each in listed] == list(NAMED)


# ---- from Python


def test_scenarios_are_added_listed_and_cleared(world: World) -> None:
    assert world.scenarios.add("slow") == NAMED["slow"]
    own = world.scenarios.add(status=503, retry_after=7, times=3, nth=2, mode="text-to-video", prompt="sea")
    assert isinstance(own, Scenario)
    assert list(world.scenarios) == [NAMED["slow"], own]
    assert len(world.scenarios) == 2
    world.scenarios.clear()
    assert list(world.scenarios) == []


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "give what happens: name, delay, status, fault, restart, failCode, "),
        ({"statuss": 1}, "unknown field 'statuss' (did you mean 'status'?); known are name, operation, "),
        ({"status": 500, "fault": "EMPTY_RESPONSE"}, "give one of status and fault: a scenario does one thing"),
        ({"message": "x"}, "message needs status, which is missing"),
        (
            {"fail_code": "X", "operation": "statusTask"},
            "operation must be generateTask for failCode, not 'statusTask'",
        ),
        ({"fail_code": ""}, "failCode must "),
        ({"stuck": True, "operation": "statusTask"}, "operation must be generateTask for stuck, not 'statusTask'"),
        ({"stuck": True, "generation": 5}, "a stuck task does not end: leave out stuck, or failCode and "),
        (
            {"delay": {"type": "unifrom"}},
            "delay.type must be one of fixed, uniform, lognormal, not 'unifrom' (did you mean",
        ),
        ({"delay": {"type": "uniform", "lower": 5, "upper": 4}}, "delay.lower must not be more than upper, but 5 is"),
        ({"delay": {"type": "uniform", "lower": 5}}, "delay.upper is missing"),
        (
            {"delay": "long"},
            'delay must be milliseconds or a table such as {"type": "fixed", "milliseconds": 500}, not',
        ),
        (
            {"callback": {"copy": 2}},
            "unknown field 'copy' in callback (did you mean 'copies'?); known are lost, first, ",
        ),
        ({"callback": {"copies": 0}}, "callback.copies must be a whole number from 1 to 10, not 0"),
        ({"status": 500, "times": "ever"}, "times must be a whole number from 1 or \"forever\", not 'ever'"),
        ({"cut": 2}, "cut must be a number from 0 to 1, not 2"),
        ({"status": 410, "operation": "statusTask"}, "operation must be download for status, not 'statusTask'"),
        ({"drift": {"omit": ["createTim"]}}, "drift.omit must be one of taskId, state, resultJson, "),
        (
            {"drift": {"malformed": True}, "operation": "download"},
            "operation must be generateTask, statusTask or callback for drift",
        ),
        ({"delay": 5, "operation": "callback"}, "operation callback is for drift only; use the field callback"),
        ({"restart": 0, "status": 500}, "give one of status and restart: a scenario does one thing"),
        ({"restart": 60_001}, "restart must be a whole number from 0 to 60000, not 60001"),
        (
            {"restart": 0, "operation": "balance"},
            "operation must be generateTask or statusTask for restart, not 'balance'",
        ),
        ({"restart": 0, "fault": "NO_ANSWER"}, "a restart breaks connections: give restart or the fault NO_ANSWER"),
        ({"after_commit": True}, "afterCommit needs fault, which is missing"),
        ({"after_commit": True, "afterCommit": True, "fault": "NO_ANSWER"}, "afterCommit is given twice"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(fields: dict[str, Any], problem: str, world: World) -> None:
    with pytest.raises(SettingsError) as error:
        world.scenarios.add(**fields)
    assert str(error.value).startswith(problem)
    assert "\n" not in str(error.value)


# ---- callbacks


def test_copies_are_tried_again_each_for_itself(world: World, client: httpx.Client) -> None:
    world.scenario("duplicate-callback")
    with Receiver(200, 500, 200) as receiver:
        post(client, request_body() | {"request_type": "callback", "callback_url": receiver.url})
        world.clock.run_until_idle()
        assert len(receiver.take_all()) == 3
    assert [len(delivery.attempts) for delivery in world.callbacks] == [1, 2]


def test_a_late_callback_stays_late_when_its_task_is_finished_by_hand(world: World, client: httpx.Client) -> None:
    world.scenario("late-callback")
    with Receiver() as receiver:
        post(client, request_body() | {"request_type": "callback", "callback_url": receiver.url})
        world.finish(world.tasks[0])
        world.clock.advance(119)
        assert receiver.take_all() == []
        world.clock.advance(1)
        assert len(receiver.take_all()) == 1


def test_a_callback_that_comes_first_may_tell_of_a_failure(world: World, client: httpx.Client) -> None:
    world.scenarios.add(fail_code="CONTENT_VIOLATION", callback={"first": True})
    with Receiver() as receiver:
        post(client, request_body() | {"request_type": "callback", "callback_url": receiver.url})
        assert json.loads(receiver.received.get_nowait().body)["data"]["failCode"] == "CONTENT_VIOLATION"


def test_stuck_tasks_keep_their_slots_and_the_refusal_names_no_moment(server: MockServer) -> None:
    world = server.tenant(max_concurrent=1, scenario="stuck")
    with world.client() as client:
        submit(client)
        answer = post(client, request_body())
    assert message_of(answer, 429) == "Too many concurrent tasks: 1 are unfinished. Wait for one to finish"
    assert answer.headers["retry-after"] == "1"
