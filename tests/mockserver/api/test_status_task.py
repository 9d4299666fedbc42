"""statusTask over HTTP: the life of a task as a client sees it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.testing.tenant import World
from support.bodies import (
    GENERATE,
    IMAGE_LORA,
    MINUTE,
    STATUS,
    TEXT_LORA,
    ask,
    data_of,
    message_of,
    request_body,
    submit,
)

STATES = ["pending", "processing", "success", "failed"]
DOCUMENTED_SECONDS = {"480p": (40, 60), "720p": (60, 90), "1080p": (90, 120)}


@pytest.mark.rule("TASK-1", "TASK-2", "TASK-3", "TASK-5")
def test_a_task_is_pending_then_processing_then_success(client: httpx.Client, world: World) -> None:
    task_id = submit(client)
    line = world.tasks[0]
    waiting = {"taskId": task_id, "state": "pending", "createTime": line.create_time}
    moments = [line.create_time, line.processing_time - 1, line.processing_time, line.end_time - 1]
    seen = []
    for moment in moments:
        world.clock.advance((moment - world.clock.now) / 1000)
        seen.append(ask(client, task_id))
    assert seen == [waiting, waiting, waiting | {"state": "processing"}, waiting | {"state": "processing"}]

    world.clock.advance(0.001)
    done = ask(client, task_id)
    assert list(done) == ["taskId", "state", "resultJson", "createTime", "completeTime", "costTime"]
    assert (done["state"], done["completeTime"]) == ("success", line.end_time)
    assert done["costTime"] == done["completeTime"] - done["createTime"]


@pytest.mark.rule("TASK-1")
@pytest.mark.parametrize("prompt", ["a city", "[[content-violation]]"])
def test_a_finished_task_answers_the_same_for_ever(client: httpx.Client, world: World, prompt: str) -> None:
    task_id = submit(client, prompt=prompt)
    world.clock.advance(2 * MINUTE)
    done = client.get(STATUS, params={"taskId": task_id}).content
    for days in (1, 14, 100, 3000):
        world.clock.advance(days * 86_400)
        assert client.get(STATUS, params={"taskId": task_id}).content == done


@pytest.mark.rule("TASK-4")
def test_result_json_is_text_that_decodes_to_absolute_urls(client: httpx.Client, world: World) -> None:
    task_id = submit(client)
    world.clock.advance(MINUTE)
    result = ask(client, task_id)["resultJson"]
    assert isinstance(result, str)
    assert json.loads(result) == {"resultUrls": [f"{world.url}/files/results/{task_id}.mp4"]}


@pytest.mark.rule("TASK-4")
@pytest.mark.parametrize(
    ("host", "root"),
    [
        ("mock.test:8080", "http://mock.test:8080"),
        ("[::1]:80", "http://[::1]:80"),
        ("a b", None),
        ('x"onload="', None),
        ("a.test:65535", "http://a.test:65535"),
        ("a.test:65536", None),
        ("", None),
    ],
)
def test_result_urls_lead_where_the_client_came_from_unless_that_is_no_host(
    client: httpx.Client, world: World, host: str, root: str | None
) -> None:
    task_id = data_of(client.post(GENERATE, json=request_body(), headers={"host": host}))["taskId"]
    world.clock.advance(MINUTE)
    (url,) = json.loads(ask(client, task_id)["resultJson"])["resultUrls"]
    assert url == f"{root or world.url}/files/results/{task_id}.mp4"


@pytest.mark.rule("TASK-6", "TASK-7")
@pytest.mark.parametrize("code", ["CONTENT_VIOLATION", "INVALID_IMAGE_URL", "INVALID_LORA_URL"])
def test_a_failed_task_carries_code_and_message_and_nothing_else(client: httpx.Client, world: World, code: str) -> None:
    task_id = submit(client, prompt=f"[[{code.lower().replace('_', '-')}]]")
    world.clock.advance(MINUTE)
    failed = ask(client, task_id)
    assert list(failed) == ["taskId", "state", "failCode", "failMsg"]
    assert (failed["state"], failed["failCode"]) == ("failed", code)
    assert failed["failMsg"]


@pytest.mark.rule("TASK-8")
@pytest.mark.parametrize("size", DOCUMENTED_SECONDS)
@pytest.mark.parametrize("source", [None, TEXT_LORA, IMAGE_LORA], ids=["plain", "text LoRA", "image LoRA"])
def test_generation_takes_the_documented_time(
    client: httpx.Client, world: World, size: str, source: dict[str, Any] | None
) -> None:
    low, high = DOCUMENTED_SECONDS[size]
    if source is not None:
        low, high = low + 10, high + 20
    ids = [submit(client, source or request_body()["input"], resolution=size, seed=seed) for seed in range(1, 11)]
    world.clock.advance(low - 0.001)
    assert {ask(client, task_id)["state"] for task_id in ids} == {"processing"}
    world.clock.advance(high - low + 0.001)
    costs = {ask(client, task_id)["costTime"] for task_id in ids}
    assert all(low * 1000 <= cost <= high * 1000 for cost in costs)
    assert len(costs) > 5


@pytest.mark.rule("TASK-11")
@pytest.mark.parametrize("query", ["", "?", "?taskId", "?taskId=", "?taskid=task_1", "?id=x", "?taskId=&taskId="])
def test_without_a_task_id_it_is_a_400_that_says_how_to_ask(client: httpx.Client, query: str) -> None:
    assert "?taskId=" in message_of(client.get(STATUS + query), 400)


@pytest.mark.rule("TASK-11")
@pytest.mark.parametrize(
    "asked", ["task_12345678", "task_' OR 1=1", "é", "%00", "a+b", "x" * 5000, "\U0001f600", "%ff"]
)
def test_a_task_that_nobody_made_is_a_404(client: httpx.Client, asked: str) -> None:
    message = message_of(client.get(f"{STATUS}?taskId={asked}"), 404)
    assert message.startswith("Task not found")
    assert len(message) < 200


def test_a_task_id_may_be_percent_encoded_and_stand_anywhere_in_the_query(client: httpx.Client) -> None:
    task_id = submit(client)
    for query in (f"?x=1&taskId={task_id}", f"?taskId={task_id}&_=123", f"?task%49d={task_id.replace('_', '%5F')}"):
        assert data_of(client.get(STATUS + query))["taskId"] == task_id


@pytest.mark.rule("TASK-12")
def test_asking_changes_nothing(client: httpx.Client, world: World) -> None:
    task_id = submit(client)
    before = world.tasks, world.clock.now
    first, *others = [client.get(STATUS, params={"taskId": task_id}).content for _ in range(5)]
    assert others == [first] * 4
    assert (world.tasks, world.clock.now) == before


def test_head_answers_like_get_without_the_body(client: httpx.Client) -> None:
    params = {"taskId": submit(client)}
    got, head = client.get(STATUS, params=params), client.head(STATUS, params=params)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(got.content)))
    assert client.head(STATUS).status_code == 400


@pytest.mark.rule("TASK-1")
def test_with_an_auto_clock_each_reading_shows_the_next_state() -> None:
    with MockServer(clock="auto") as mock, mock.client(verify=False) as client:
        good, bad = submit(client), submit(client, prompt="[[invalid-image-url]]")
        assert [ask(client, good)["state"] for _ in range(4)] == ["pending", "processing", "success", "success"]
        assert ask(client, bad)["state"] == "failed"


@pytest.mark.rule("TASK-1")
def test_a_task_finished_by_hand_ends_at_once_and_stays_so(client: httpx.Client, world: World) -> None:
    good, bad = submit(client), submit(client)
    world.clock.advance(20)
    world.finish(good)
    world.finish(bad, "failed", "INVALID_LORA_URL")
    done, failed = ask(client, good), ask(client, bad)
    assert (done["state"], done["costTime"]) == ("success", 20_000)
    assert failed["failCode"] == "INVALID_LORA_URL"
    world.clock.advance(600)
    assert (ask(client, good), ask(client, bad)) == (done, failed)
