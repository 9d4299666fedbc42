"""Tasks that replay recordings: their responses, callbacks and results, and what a user can still change."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer, SettingsError
from ltx_mock.core.settings import MAX_RESULT_BYTES
from ltx_mock.testing.options import TenantSettings
from ltx_mock.testing.tenant import World
from ltx_mock_contracts.recordings import Body, RecordedCallback, RecordedResponse, RecordedResult, Recording
from support.bodies import GENERATE, STATUS, TEXT, ask, data_of, message_of, post, request_body, submit
from support.lives import LIFE, TASK, URL, answer, body_of, envelope, recording, save, state, success
from support.receivers import Receiver
from support.waiting import SECONDS

Replaying = Callable[..., World]
ERROR = {"code": 429, "message": "太多", "data": None}


@pytest.fixture(scope="module")
def patient() -> Iterator[MockServer]:
    with MockServer(clock="manual", callback_timeout=SECONDS) as running:
        yield running


@pytest.fixture
def replaying(patient: MockServer, tmp_path: Path) -> Replaying:
    """A function that opens a world which replays some recordings."""

    def replay(*recordings: Recording, **settings: Any) -> World:
        return patient.tenant(recordings=save(tmp_path, *recordings), **settings)

    return replay


def client_of(world: World) -> httpx.Client:
    return world.client(verify=False)


def test_a_task_lives_its_recorded_life_on_the_virtual_clock(replaying: Replaying) -> None:
    world = replaying(LIFE)
    with client_of(world) as client:
        task_id = submit(client)
        assert task_id != TASK
        states = [ask(client, task_id)["state"]]
        for seconds in (2.999, 0.001, 52.499, 0.001):
            world.clock.advance(seconds)
            states.append(ask(client, task_id)["state"])
        told = ask(client, task_id)
    assert states == ["pending", "pending", "processing", "processing", "success"]
    created = world.tasks[0].create_time
    assert (told["createTime"], told["completeTime"], told["costTime"]) == (created, created + 55_500, 55_500)


def test_a_repeated_idempotency_key_gets_the_recorded_response_again_and_takes_no_recording(
    replaying: Replaying,
) -> None:
    recorded = envelope(taskId=TASK) | {"trace": "x"}
    pair = [recording(name=name, response=recorded, retry_after="1") for name in ("one", "two")]
    world = replaying(*pair, idempotency=True)
    with client_of(world) as client:
        sent = [client.post(GENERATE, json=request_body(TEXT), headers={"idempotency-key": key}) for key in "aab"]
    first, again, other = [each.json() for each in sent]
    assert first == again == recorded | {"data": {"taskId": world.tasks[0].id}}
    assert [each.headers["retry-after"] for each in sent] == ["1"] * 3
    assert other["data"]["taskId"] == world.tasks[1].id
    assert [each.cause for each in world.tasks] == ["recording one", "recording two"]


def test_each_entry_of_the_journal_says_which_recording_it_is(replaying: Replaying) -> None:
    world = replaying(LIFE)
    with client_of(world) as client:
        ask(client, submit(client))
    assert [(each.cause, each.cause_kind) for each in world.requests] == [("recording life", "recording")] * 2
    assert world.tasks[0].cause == "recording life"


def test_another_request_is_answered_by_the_fake(replaying: Replaying) -> None:
    world = replaying(LIFE)
    with client_of(world) as client:
        ask(client, submit(client, prompt="another one"))
    assert [each.cause for each in world.requests] == [None, None]


def test_asked_twice_it_answers_twice_with_other_ids(replaying: Replaying) -> None:
    world = replaying(LIFE)
    with client_of(world) as client:
        first, second = submit(client), submit(client)
        world.clock.advance(60)
        assert (ask(client, first)["state"], ask(client, second)["state"]) == ("success", "success")
    assert first != second


def test_recordings_of_the_same_request_are_replayed_in_turn_and_the_last_for_ever(replaying: Replaying) -> None:
    recordings = [
        replace(recording(answer(0, state(name)), name=name), recorded=f"2026-11-2{day}T00:00:00.000Z")
        for day, name in enumerate(["b", "a", "c"])
    ]
    world = replaying(*recordings)
    with client_of(world) as client:
        assert [ask(client, submit(client))["state"] for _ in range(5)] == ["b", "a", "c", "c", "c"]
        world.reset()
        assert ask(client, submit(client))["state"] == "b"


def test_odd_fields_unknown_states_and_errors_are_as_recorded(replaying: Replaying) -> None:
    odd = envelope(taskId=TASK, state="processing_r2", progress=0.5, nested={"id": f"x-{TASK}"}) | {"requestId": None}
    html = answer(20_000, b"<h1>502 Bad Gateway</h1>", status=502, content_type="text/html; charset=utf-8")
    world = replaying(recording(answer(0, odd), answer(10_000, ERROR, status=429, retry_after="7"), html))
    with client_of(world) as client:
        task_id = submit(client)

        def asked() -> httpx.Response:
            return client.get(STATUS, params={"taskId": task_id})

        assert asked().json() == json.loads(json.dumps(odd).replace(TASK, task_id))
        world.clock.advance(10)
        assert (asked().status_code, asked().json(), asked().headers["retry-after"]) == (429, ERROR, "7")
        world.clock.advance(10)
        page = asked()
    assert (page.status_code, page.text) == (502, "<h1>502 Bad Gateway</h1>")
    assert page.headers["content-type"] == "text/html; charset=utf-8"


def test_a_lost_answer_breaks_the_connection(replaying: Replaying) -> None:
    world = replaying(recording(answer(0, state("pending")), answer(5000, b"", status=None), answer(9000, state("x"))))
    with client_of(world) as client:
        task_id = submit(client)
        world.clock.advance(5)
        with pytest.raises(httpx.TransportError):
            ask(client, task_id)
        world.clock.advance(4)
        assert ask(client, task_id)["state"] == "x"
    assert [each.fault for each in world.requests if each.status is None] == ["CONNECTION_RESET_BY_PEER"]


def test_a_refused_request_is_refused_as_recorded(replaying: Replaying) -> None:
    body = request_body(TEXT, prompt="too much")
    refused = recording(request=body, response=ERROR, status=429, task_id=None, retry_after="20")
    world = replaying(refused)
    with client_of(world) as client:
        response = post(client, body)
    assert (message_of(response, 429), response.headers["retry-after"]) == ("太多", "20")
    assert world.tasks == []


def test_a_request_whose_response_was_lost_breaks_the_connection(replaying: Replaying) -> None:
    lost = RecordedResponse(status=None, headers={}, body=Body.of(b""), latency=0, problem="ReadTimeout")
    world = replaying(replace(LIFE, task_id=None, response=lost, answers=(), end=None, results=()))
    with client_of(world) as client, pytest.raises(httpx.TransportError):
        post(client, request_body(TEXT))


def test_what_the_api_accepted_is_accepted_even_if_the_documents_refuse_it(replaying: Replaying) -> None:
    body = request_body(TEXT, duration=99, resolution="4k")
    world = replaying(replace(LIFE, request=replace(LIFE.request, body=body_of(body))))
    with client_of(world) as client:
        task_id = data_of(post(client, body))["taskId"]
        world.clock.advance(60)
        url = json.loads(ask(client, task_id)["resultJson"])["resultUrls"][0]
        assert len(client.get(url).content) == 300_000
    assert [finding.rule for finding in world.requests[0].findings][:1] == ["GEN-9"]
    assert world.spend.spent > 0


def test_strict_mode_still_refuses_what_the_documents_advise_against(replaying: Replaying) -> None:
    body = request_body(TEXT, prompt="x" * 5000) | {"unknown": 1}
    world = replaying(replace(LIFE, request=replace(LIFE.request, body=body_of(body))), strict=True)
    with client_of(world) as client:
        assert post(client, body).status_code == 400


def test_only_recordings_refuses_all_other_requests_and_shows_the_nearest(replaying: Replaying) -> None:
    world = replaying(LIFE, recordings_only=True)
    with client_of(world) as client:
        task_id = submit(client)
        message = message_of(post(client, request_body(TEXT, prompt="another one")), 404)
        assert ask(client, task_id)["state"] == "pending"
    assert "life" in message
    assert [each.cause_kind for each in world.requests] == ["recording"] * 3


def test_limits_hold_for_replayed_tasks_too(replaying: Replaying) -> None:
    world = replaying(LIFE, max_concurrent=1)
    with client_of(world) as client:
        submit(client)
        message_of(post(client, request_body(TEXT)), 429)
        world.clock.advance(55.5)
        submit(client)


def test_an_auto_clock_jumps_from_answer_to_answer(replaying: Replaying) -> None:
    world = replaying(
        recording(
            answer(0, state("pending")), answer(4000, state("odd")), answer(9000, success(9000)), end=("success", 9000)
        ),
        clock="auto",
    )
    with client_of(world) as client:
        task_id = submit(client)
        assert [ask(client, task_id)["state"] for _ in range(4)] == ["pending", "odd", "success", "success"]


# ---- what a user changes


def test_a_scenario_that_ends_the_task_otherwise_wins(replaying: Replaying) -> None:
    world = replaying(LIFE)
    world.fail_next("CONTENT_VIOLATION")
    with client_of(world) as client:
        first, second = submit(client), submit(client)
        world.clock.advance(100)
        assert [ask(client, each)["state"] for each in (first, second)] == ["failed", "success"]


def test_scenarios_for_responses_come_on_top(replaying: Replaying) -> None:
    world = replaying(LIFE)
    world.respond_next(503, operation="statusTask")
    world.scenarios.add("missing-fields")
    with client_of(world) as client:
        task_id = submit(client)
        message_of(client.get(STATUS, params={"taskId": task_id}), 503)
        assert list(ask(client, task_id)) == ["taskId", "state"]
    assert str(world.requests[-1].cause).startswith("recording life; ")


@pytest.mark.parametrize(
    "body",
    [
        b"no JSON",
        b"[]",
        b"{}",
        b'{"data":5}',
        envelope(taskId=TASK, resultJson="[}"),
        envelope(taskId=TASK, resultJson="[" * 200_000),
    ],
    ids=range(6),
)
def test_a_drift_leaves_alone_what_is_no_envelope(replaying: Replaying, body: Any) -> None:
    world = replaying(recording(answer(0, body)))
    world.scenarios.add(operation="statusTask", drift={"results": 2, "nulls": True}, times="forever")
    with client_of(world) as client:
        task_id = submit(client)
        assert client.get(STATUS, params={"taskId": task_id}).status_code == 200


def test_a_task_can_be_finished_by_hand(replaying: Replaying) -> None:
    world = replaying(LIFE)
    with client_of(world) as client:
        task_id = submit(client)
        world.finish(task_id, fail_code="MODEL_UNAVAILABLE")
        assert ask(client, task_id)["failCode"] == "MODEL_UNAVAILABLE"


# ---- callbacks


def calling(url: str) -> dict[str, Any]:
    return request_body(TEXT) | {"request_type": "callback", "callback_url": url}


def life_with(*callbacks: RecordedCallback) -> Recording:
    body = request_body(TEXT) | {"request_type": "callback", "callback_url": "https://app.example.com/hook"}
    return replace(LIFE, request=replace(LIFE.request, body=body_of(body)), callbacks=callbacks)


def callback(after: int, body: Any, status: int = 200, kind: str = "application/json") -> RecordedCallback:
    return RecordedCallback(after=after, headers={"content-type": kind}, body=body_of(body), status=status)


def test_callbacks_are_sent_as_recorded(replaying: Replaying) -> None:
    odd = success(55_500) | {"event": "done"}
    with Receiver() as receiver:
        world = replaying(life_with(callback(57_000, odd, kind="text/plain"), callback(90_000, odd)))
        with client_of(world) as client:
            task_id = data_of(post(client, calling(receiver.url)))["taskId"]
        world.clock.advance(56.999)
        assert receiver.take_all() == []
        world.clock.advance(0.001)
        (first,) = receiver.take_all()
        world.clock.advance(33)
        (second,) = receiver.take_all()
    assert (first.headers["content-type"], second.headers["content-type"]) == ("text/plain", "application/json")
    told = json.loads(first.body)
    assert (told["event"], told["data"]["taskId"], told["data"]["state"]) == ("done", task_id, "success")
    assert json.loads(told["data"]["resultJson"])["resultUrls"][0].startswith(world.url)


def test_a_callback_is_tried_again_only_if_it_is_not_received_now(replaying: Replaying) -> None:
    missed, again = callback(56_000, success(55_500), 500), callback(86_000, success(55_500), 200)
    for script, count in (((200,), 1), ((500, 200), 2)):
        with Receiver(*script) as receiver:
            world = replaying(life_with(missed, again))
            with client_of(world) as client:
                post(client, calling(receiver.url))
            world.clock.advance(500)
            assert len(receiver.take_all()) == count


def test_without_recorded_callbacks_the_documented_one_comes_at_the_end(replaying: Replaying) -> None:
    with Receiver() as receiver:
        world = replaying(life_with())
        with client_of(world) as client:
            task_id = data_of(post(client, calling(receiver.url)))["taskId"]
            world.clock.advance(55.5)
            (received,) = receiver.take_all()
            assert json.loads(received.body)["data"] == ask(client, task_id)


def test_scenarios_for_callbacks_come_on_top(replaying: Replaying) -> None:
    with Receiver() as receiver:
        world = replaying(life_with(callback(56_000, success(55_500))))
        world.scenario("duplicate-callback")
        with client_of(world) as client:
            post(client, calling(receiver.url))
        world.clock.advance(500)
        assert len({received.body for received in receiver.take_all()}) == 1
    assert len(world.callbacks) == 2


def test_a_task_without_an_end_has_its_callbacks_all_the_same(replaying: Replaying) -> None:
    life = replace(life_with(callback(8000, state("completed"))), answers=(answer(9000, state("completed")),), end=None)
    with Receiver() as receiver:
        world = replaying(life)
        with client_of(world) as client:
            post(client, calling(receiver.url))
        world.clock.advance(8)
        assert json.loads(receiver.take().body)["data"]["state"] == "completed"


# ---- results


def urls_of(world: World, client: httpx.Client) -> list[str]:
    task_id = submit(client)
    world.clock.advance(60)
    urls = json.loads(ask(client, task_id)["resultJson"])["resultUrls"]
    assert all(url.startswith(world.url) for url in urls)
    return [str(url) for url in urls]


def test_a_result_that_was_not_kept_is_a_video_of_the_same_size_and_length(replaying: Replaying) -> None:
    world = replaying(LIFE)
    with client_of(world) as client:
        video = client.get(urls_of(world, client)[0])
    assert (len(video.content), video.headers["content-type"]) == (300_000, "video/mp4")
    assert b"ftypisom" in video.content[:16]


def test_each_kept_result_is_served(replaying: Replaying, tmp_path: Path) -> None:
    (tmp_path / "one.mp4").write_bytes(b"one")
    other = f"{URL}-2"
    results = [
        RecordedResult(url=URL, file="one.mp4", bytes=3, media_type="video/mp4"),
        RecordedResult(url=other, bytes=5, media_type="video/webm"),
    ]
    answers = (answer(0, state("pending")), answer(55_500, success(55_500, URL, f"{other}?sig=1")))
    world = replaying(replace(LIFE, results=tuple(results), answers=answers))
    with client_of(world) as client:
        first, second = [client.get(url) for url in urls_of(world, client)]
        task_id = world.tasks[0].id
        assert client.get(f"{world.url}/files/results/{task_id}.mp4?result=3").status_code == 200
    assert first.content == b"one"
    assert (len(second.content), second.headers["content-type"]) == (5, "video/webm")


@pytest.mark.posix
def test_only_a_file_in_the_folder_itself_is_served(replaying: Replaying, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "secret")
    (tmp_path / "endless.mp4").symlink_to("/dev/zero")
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    files = ["link.mp4", "endless.mp4", "folder.mp4", "pipe.mp4"]
    results = tuple(RecordedResult(url=f"{URL}-{number}", file=file, bytes=5) for number, file in enumerate(files))
    told = success(55_500, *(each.url for each in results))
    world = replaying(replace(LIFE, results=results, answers=(answer(0, state("pending")), answer(55_500, told))))
    with client_of(world) as client:
        assert [client.get(url).content for url in urls_of(world, client)] == [b"\0\0\0\x10f"] * len(files)


def test_a_kept_file_is_served_by_ranges(replaying: Replaying, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    (tmp_path / "one.mp4").write_bytes(content)
    world = replaying(replace(LIFE, results=(RecordedResult(url=URL, file="one.mp4"),)))
    with client_of(world) as client:
        (url,) = urls_of(world, client)
        assert client.get(url).content == content
        part = client.get(url, headers={"range": "bytes=1000-100000"})
        assert (part.status_code, part.content) == (206, content[1000:100_001])
        assert client.head(url).headers["content-length"] == str(len(content))


@pytest.mark.parametrize(
    ("given", "served"),
    [
        ("video/webm", "video/webm"),
        ("image/png", "image/png"),
        (None, "video/mp4"),
        *((other, "application/octet-stream") for other in ("text/html", "image/svg+xml", "video/mp4, text/html", "")),
    ],
)
def test_a_result_is_no_page_of_this_origin(
    given: str | None, served: str, replaying: Replaying, tmp_path: Path
) -> None:
    (tmp_path / "one.mp4").write_bytes(b"<script>")
    world = replaying(replace(LIFE, results=(RecordedResult(url=URL, file="one.mp4", media_type=given),)))
    with client_of(world) as client:
        headers = client.get(urls_of(world, client)[0]).headers
    assert headers["content-type"] == served
    assert (headers["x-content-type-options"], headers["content-security-policy"]) == ("nosniff", "sandbox")


def test_a_large_stand_in_is_not_in_memory(replaying: Replaying) -> None:
    world = replaying(replace(LIFE, results=(RecordedResult(url=URL, bytes=10**15),)))
    with client_of(world) as client:
        (url,) = urls_of(world, client)
        tracemalloc.start()
        try:
            part = client.get(url, headers={"range": "bytes=0-0"})
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert (part.status_code, part.headers["content-range"]) == (206, f"bytes 0-0/{MAX_RESULT_BYTES}")
    assert most < MAX_RESULT_BYTES // 4


def test_results_are_there_only_when_an_answer_has_told_their_url(replaying: Replaying) -> None:
    world = replaying(LIFE)
    with client_of(world) as client:
        url = f"{world.url}/files/results/{submit(client)}.mp4"
        world.clock.advance(55.499)
        assert client.get(url).status_code == 404
        world.clock.advance(0.001)
        assert client.get(url).status_code == 200


# ---- folders


def test_bad_recordings_are_one_line_each_and_the_rest_is_served(tmp_path: Path) -> None:
    save(tmp_path, LIFE)
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "newer.json").write_text(json.dumps(LIFE.to_json() | {"version": 2}))
    with pytest.warns(UserWarning, match="json: ") as warned:
        server = MockServer(clock="manual", recordings=tmp_path)
    with server, client_of(server) as client:
        assert ask(client, submit(client))["state"] == "pending"
        assert server.requests[0].cause == "recording life"
    lines = [str(each.message) for each in warned]
    assert [line.partition(": ")[2].partition(":")[0] for line in lines] == ["broken.json", "newer.json"]
    assert "version" in lines[1]


def test_a_recording_edited_into_nonsense_breaks_nothing(replaying: Replaying) -> None:
    evil = {"x-evil": "1", "content-length": "9", "transfer-encoding": "chunked", "allow": "a\r\nx: 1"}
    answers = [
        replace(answer(-5, state("pending")), headers=evil | {"content-type": "a\nb"}),
        replace(answer(-3, b"", status=101), headers=evil),
        answer(1000, b"a body", status=204),
        answer(2000, success(10**12, "", "no url", "http://[", "http://x/" + "y" * 5000)),
    ]
    results = [RecordedResult(url="", bytes=10**15, seconds=1e6, media_type="a\nb"), RecordedResult(url=":", file="no")]
    life = recording(*answers, end=("success", -(10**12)), results=results, callbacks=[callback(-9, b"\xff", 999)])
    world = replaying(replace(life, task_id=""))
    with client_of(world) as client:
        task_id = data_of(post(client, calling("http://127.0.0.1:9/nobody")))["taskId"]
        world.clock.advance(2)
        told = client.get(STATUS, params={"taskId": task_id})
        assert (told.status_code, told.headers["content-type"]) == (200, "application/json")
        for number in range(1, 8):
            assert client.head(f"{world.url}/files/results/{task_id}.mp4?result={number}").status_code in {200, 404}


@pytest.mark.parametrize(
    "settings",
    [{"recordings": "/no/such/folder"}, {"recordings": ""}, {"match_ignore": [""]}, {"match_ignore": "a..b"}],
)
def test_settings_of_recordings_are_checked_at_once(patient: MockServer, settings: TenantSettings) -> None:
    with pytest.raises(SettingsError):
        patient.tenant(**settings)


def test_a_new_tenant_sees_the_folder_as_it_is_now(patient: MockServer, tmp_path: Path) -> None:
    world = patient.tenant(recordings=tmp_path)
    with client_of(world) as client:
        submit(client)
    save(tmp_path, LIFE)
    world = patient.tenant(recordings=tmp_path)
    with client_of(world) as client:
        client.post(GENERATE, json=request_body(TEXT))
    assert world.requests[0].cause == "recording life"


def test_a_task_goes_on_when_its_recording_is_deleted(replaying: Replaying, tmp_path: Path) -> None:
    world = replaying(LIFE)
    with client_of(world) as client:
        task_id = submit(client)
        (tmp_path / "life.json").unlink()
        world.clock.advance(60)
        assert ask(client, task_id)["costTime"] == 55_500
