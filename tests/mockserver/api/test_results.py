"""The video of a finished task: where it is, what it is, how long it is there."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.testing.tenant import World
from support.bodies import DAY, IMAGE, IMAGE_LORA, LORAS, MINUTE, TEXT, TEXT_LORA, ask, message_of, submit


def result_url(client: httpx.Client, task_id: str) -> str:
    (url,) = json.loads(ask(client, task_id)["resultJson"])["resultUrls"]
    return str(url)


def finished(client: httpx.Client, world: World, source: dict[str, Any] = TEXT, /, **changes: Any) -> str:
    """Have a task made and finished, and return the URL of its video."""
    task_id = submit(client, source, **changes)
    world.clock.advance(3 * MINUTE)
    return result_url(client, task_id)


@pytest.mark.rule("TASK-4", "TASK-10")
def test_a_result_is_an_mp4_for_whoever_has_the_url(client: httpx.Client, world: World) -> None:
    video = httpx.get(finished(client, world))
    assert (video.status_code, video.headers["content-type"]) == (200, "video/mp4")
    assert video.content[4:8] == b"ftyp"
    assert video.headers["content-length"] == str(len(video.content))


def test_head_tells_all_but_the_video(client: httpx.Client, world: World) -> None:
    url = finished(client, world)
    video, head = httpx.get(url), httpx.head(url)
    assert head.content == b""
    for name in ("content-type", "content-length", "etag", "accept-ranges"):
        assert head.headers[name] == video.headers[name]


@pytest.mark.parametrize(("wanted", "start", "stop"), [("0-99", 0, 100), ("100-", 100, None), ("-7", -7, None)])
def test_a_part_can_be_had_alone(client: httpx.Client, world: World, wanted: str, start: int, stop: int | None) -> None:
    url = finished(client, world)
    whole = httpx.get(url).content
    part = httpx.get(url, headers={"range": f"bytes={wanted}"})
    assert (part.status_code, part.content) == (206, whole[start:stop])
    assert part.headers["content-range"].endswith(f"/{len(whole)}")


def test_a_part_beyond_the_end_is_a_416_and_a_known_version_a_304(client: httpx.Client, world: World) -> None:
    url = finished(client, world)
    etag = httpx.head(url).headers["etag"]
    assert httpx.get(url, headers={"range": "bytes=99999999-"}).status_code == 416
    assert httpx.get(url, headers={"if-none-match": etag}).status_code == 304


def test_a_browser_app_may_read_it(client: httpx.Client, world: World) -> None:
    video = httpx.get(finished(client, world), headers={"origin": "http://localhost:3000", "range": "bytes=0-9"})
    assert video.headers["access-control-allow-origin"] == "*"
    assert "Content-Range" in video.headers["access-control-expose-headers"]


@pytest.mark.rule("TASK-10")
def test_it_is_gone_after_fifteen_days_and_not_a_moment_sooner(client: httpx.Client, world: World) -> None:
    task_id = submit(client)
    world.clock.advance(2 * MINUTE)
    done, url = ask(client, task_id), result_url(client, task_id)
    until = done["completeTime"] + 15 * DAY * 1000
    world.clock.advance((until - world.clock.now) / 1000 - 0.001)
    assert httpx.get(url).status_code == 200
    world.clock.advance(0.001)
    assert "15 days" in message_of(httpx.get(url), 410)
    assert httpx.get(url, headers={"range": "bytes=0-9"}).status_code == 410
    assert ask(client, task_id) == done, "the status stays"


@pytest.mark.rule("TASK-10")
@pytest.mark.parametrize(
    ("prompt", "seconds", "reason"),
    [("a city", 0, "pending"), ("a city", 20, "processing"), ("[[content-violation]]", 60, "failed")],
)
def test_there_is_no_file_but_for_a_success(
    client: httpx.Client, world: World, prompt: str, seconds: int, reason: str
) -> None:
    task_id = submit(client, prompt=prompt)
    world.clock.advance(seconds)
    assert reason in message_of(httpx.get(f"{world.url}/files/results/{task_id}.mp4"), 404)


@pytest.mark.parametrize("name", ["task_nobody.mp4", "task_nobody", ".mp4", "%00.mp4", "x" * 3000 + ".mp4", "a/b.mp4"])
def test_a_file_of_no_task_is_a_404_in_the_envelope(server: MockServer, name: str) -> None:
    message_of(httpx.get(f"{server.url}/files/results/{name}"), 404)


@pytest.mark.rule("ENV-5")
@pytest.mark.parametrize("path", ["/files/", "/files/images/reference.jpg", "/files/results/task_x.mp4"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_files_are_only_read(server: MockServer, method: str, path: str) -> None:
    answer = httpx.request(method, server.url + path)
    assert message_of(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.rule("TASK-9")
@pytest.mark.parametrize("source", [TEXT, IMAGE, TEXT_LORA, IMAGE_LORA], ids=lambda source: str(source["mode"]))
def test_the_same_seed_prompt_and_parameters_give_the_same_bytes(server: MockServer, source: dict[str, Any]) -> None:
    """It does not matter whose task it is, when it is made, or how the request is written down."""
    videos = []
    for outer, pause in (({}, 0), ({"duration": 5.0}, 1000)):
        world = server.tenant()
        world.clock.advance(pause)
        with world.client(verify=False) as client:
            submit(client)
            videos.append(httpx.get(finished(client, world, {**source, **outer}, seed=77)))
    assert videos[0].content == videos[1].content
    assert videos[0].headers["etag"] == videos[1].headers["etag"]


@pytest.mark.rule("TASK-9", "GEN-13")
def test_whatever_else_is_asked_for_is_another_video(client: httpx.Client, world: World) -> None:
    sources: list[dict[str, Any]] = [
        {**TEXT, "seed": 77},
        {**TEXT, "seed": 78},
        {**TEXT, "seed": 77, "prompt": "another"},
        {**TEXT, "seed": 77, "duration": 6},
        {**TEXT, "seed": 77, "aspect_ratio": "9:16"},
        {**TEXT, "seed": 77, "resolution": "720p"},
        {**IMAGE, "seed": 77},
        {**IMAGE, "seed": 77, "image_urls": ["https://example.com/other.jpg"]},
        {**TEXT_LORA, "seed": 77},
        {**TEXT_LORA, "seed": 77, "loras": [{**LORAS[0], "scale": 0.7}]},
        TEXT,
        {**TEXT, "seed": -1},
    ]
    videos = [httpx.get(finished(client, world, source)).content for source in sources]
    alike = [(one, other) for (one, a), (other, b) in combinations(enumerate(videos), 2) if a == b]
    assert not alike


@pytest.mark.rule("FAIL-2", "FAIL-3")
def test_the_sample_files_do_what_their_names_say(client: httpx.Client, world: World) -> None:
    listed = httpx.get(f"{world.url}/files/").json()["files"]
    assert listed == sorted(listed)
    ends = {}
    for url in listed:
        changes = {"loras": [{"path": url, "scale": 1}]} if "/loras/" in url else {"image_urls": [url]}
        task_id = submit(client, TEXT_LORA if "/loras/" in url else IMAGE, **changes)
        world.clock.advance(2 * MINUTE)
        told = ask(client, task_id)
        ends[url.rpartition("/files/")[2]] = told.get("failCode", "success")
    assert ends["images/too-large.jpg"] == "INVALID_IMAGE_URL"
    assert ends["images/reference.jpg"] == "success"
    assert set(ends.values()) == {"success", "INVALID_IMAGE_URL"}
