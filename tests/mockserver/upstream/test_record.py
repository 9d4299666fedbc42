"""`ltx-mock record`: one file for each task, with all that the API told about it, and nothing that is secret."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ltx_mock.client_checks.programs import free_port
from ltx_mock_contracts.recordings import Matcher, Recording, read_recordings
from support.bodies import GENERATE, STATUS, TEXT, request_body
from support.independent_server import KEYS, IndependentServer
from support.processes import LTX_MOCK, Process, ltx_mock
from support.raw_upstream import RawUpstream, response
from support.receivers import Receiver
from support.waiting import until

pytestmark = pytest.mark.sample(3)

KEY, OTHER_KEY = KEYS
TASK = b'{"code":200,"message":"success","data":{"taskId":"task_1"}}'


class Recorder(Process):
    """`ltx-mock record` before an API.

    Attributes:
        url: Its URL.
    """

    def __init__(self, api: str, out: Path, *options: str, program: list[str] = LTX_MOCK) -> None:
        super().__init__([*program, "record", api, "--output", str(out), "--port", "0", *options])
        self.url = str(self.wait_for_error_line(r"dashboard +(http://\S+)/__admin/")[1])
        self.wait_for_error_line("Ctrl-C")

    def client(self, key: str = KEY) -> httpx.Client:
        headers = {"authorization": f"Bearer {key}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, trust_env=False, timeout=30)


@contextmanager
def recording(api: str, out: Path, *options: str, program: list[str] = LTX_MOCK) -> Iterator[Recorder]:
    """Run a recorder, and wait at the end until it has written everything."""
    recorder = Recorder(api, out, *options, program=program)
    try:
        yield recorder
        assert recorder.end() == 0
    finally:
        recorder.kill()


def submit(client: httpx.Client, **changes: Any) -> str:
    return str(client.post(GENERATE, json=request_body(TEXT, **changes)).json()["data"]["taskId"])


def poll(client: httpx.Client, task_id: str) -> httpx.Response:
    return client.get(STATUS, params={"taskId": task_id})


def only_recording(out: Path) -> Recording:
    told = read_recordings(out)
    assert told.problems == ()
    (found,) = told.recordings
    return found


def test_a_recording_has_the_request_each_distinct_answer_and_the_end(tmp_path: Path) -> None:
    with IndependentServer() as api, recording(api.url, tmp_path) as recorder:
        with recorder.client() as client:
            task_id = submit(client, seed=7)
            bodies = []
            for seconds in (0, 1, 10, 1, 60, 100):
                api.advance(seconds)
                bodies.append(poll(client, task_id).json())
        recorder.wait_for_error_line(rf"recorded {task_id}, success after [\d.]+ s, in \S+{task_id}.json")
    told = only_recording(tmp_path)
    assert (told.name, told.task_id, told.upstream, told.model) == (task_id, task_id, api.url, "ltx-2-19b")
    assert told.request.body.value == request_body(TEXT, seed=7)
    assert told.request.headers == {"content-type": "application/json"}
    assert (told.response.status, told.response.body.data) == (200, {"taskId": task_id})
    assert [each.body.value for each in told.answers] == [bodies[0], bodies[2], bodies[4]]
    assert [each.body.data["state"] for each in told.answers] == ["pending", "processing", "success"]
    times = [time for each in told.answers for time in (each.after, each.until)]
    assert times == sorted(times)
    assert told.end is not None
    assert (told.end.state, told.end.after) == ("success", bodies[4]["data"]["costTime"])
    assert [each.url for each in told.results] == json.loads(bodies[4]["data"]["resultJson"])["resultUrls"]
    assert Matcher([told]).equal(json.dumps(request_body(TEXT, seed=7)).encode(), OTHER_KEY) == (told,)


def test_the_message_at_start_says_what_is_recorded_where_and_up_to_which_limits(tmp_path: Path) -> None:
    with IndependentServer() as api:
        with recording(api.url, tmp_path, "--max-tasks", "1", "--max-credits", "90") as recorder:
            said = recorder.stderr()
        with recording(api.url, tmp_path) as recorder:
            unlimited = recorder.stderr()
    assert f"forwards to {api.url}, and records\n" in said
    assert f"\n  recordings    a file for each task in {tmp_path}\n" in said
    assert "\n  limits        at most 1 task and 90 credits\n" in said
    assert "Ctrl-C stops the recording." in said
    assert "limits" not in unlimited


def test_a_refusal_is_recorded_once_and_one_of_the_key_is_not(tmp_path: Path) -> None:
    with (
        IndependentServer() as api,
        recording(api.url, tmp_path) as recorder,
        recorder.client() as client,
        recorder.client("nobodys-key") as nobody,
    ):
        for _ in range(2):
            client.post(GENERATE, json=request_body(TEXT, duration=1))
        nobody.post(GENERATE, json=request_body(TEXT))
        client.get(STATUS)
    told = only_recording(tmp_path)
    assert told.name.startswith("refused-")
    assert (told.task_id, told.response.status, told.answers, told.end) == (None, 400, (), None)


def test_what_another_key_is_told_about_a_task_is_not_in_its_recording(tmp_path: Path) -> None:
    with (
        IndependentServer() as api,
        recording(api.url, tmp_path) as recorder,
        recorder.client() as client,
        recorder.client(OTHER_KEY) as other,
    ):
        task_id = submit(client)
        assert poll(client, task_id).status_code == 200
        assert poll(other, task_id).status_code == 404
        assert poll(client, "task_unknown").status_code == 404
    assert [each.status for each in only_recording(tmp_path).answers] == [200]


def test_errors_and_lost_answers_are_answers(tmp_path: Path) -> None:
    busy = response(b"busy", "503 Service Unavailable", "Retry-After: 3", "Content-Type: text/plain", "X-Request: 1")
    with (
        RawUpstream([response(TASK)], [busy], []) as api,
        recording(api.url, tmp_path) as recorder,
        recorder.client() as client,
    ):
        submit(client)
        assert poll(client, "task_1").status_code == 503
        for _ in range(2):
            with pytest.raises(httpx.TransportError):
                poll(client, "task_1")
    first, second = only_recording(tmp_path).answers
    assert (first.status, first.body.value, first.headers) == (
        503,
        "busy",
        {"content-type": "text/plain", "retry-after": "3"},
    )
    assert (second.status, second.body.form, second.headers) == (None, "empty", {})
    assert second.problem is not None
    assert second.until >= second.after


def test_a_state_that_is_no_text_is_recorded(tmp_path: Path) -> None:
    odd = b'{"code":200,"message":"success","data":{"taskId":"task_1","state":[]}}'
    with (
        RawUpstream([response(TASK)], [response(odd)]) as api,
        recording(api.url, tmp_path) as recorder,
        recorder.client() as client,
    ):
        submit(client)
        assert poll(client, "task_1").content == odd
    assert [each.body.value for each in only_recording(tmp_path).answers] == [json.loads(odd)]


def test_a_submission_that_was_not_sent_is_not_recorded(tmp_path: Path) -> None:
    with RawUpstream([]) as api, recording(api.url, tmp_path) as recorder, recorder.client() as client:
        api.refuse_connections()
        assert client.post(GENERATE, json=request_body(TEXT)).status_code == 502
    assert list(tmp_path.glob("*.json")) == []


def test_a_poll_that_was_not_sent_is_no_answer(tmp_path: Path) -> None:
    with (
        RawUpstream([response(TASK)]) as api,
        recording(api.url, tmp_path) as recorder,
        recorder.client() as client,
    ):
        submit(client)
        api.refuse_connections()
        assert poll(client, "task_1").status_code == 502
    assert only_recording(tmp_path).answers == ()


def test_a_submission_whose_response_was_lost_is_recorded(tmp_path: Path) -> None:
    with (
        RawUpstream([]) as api,
        recording(api.url, tmp_path) as recorder,
        recorder.client() as client,
        pytest.raises(httpx.TransportError),
    ):
        client.post(GENERATE, json=request_body(TEXT))
    told = only_recording(tmp_path)
    assert (told.task_id, told.response.status) == (None, None)
    assert told.response.problem is not None


@pytest.mark.parametrize("answer", [b'{"code":200,"mess', b"", b"\xff\x00", b"<html>"])
def test_a_response_in_which_no_client_finds_a_task_is_recorded(answer: bytes, tmp_path: Path) -> None:
    with RawUpstream([response(answer)]) as api, recording(api.url, tmp_path) as recorder, recorder.client() as client:
        assert client.post(GENERATE, json=request_body(TEXT)).content == answer
    told = only_recording(tmp_path)
    assert (told.task_id, told.response.status, told.response.body.raw) == (None, 200, answer)


@pytest.mark.parametrize(
    "answer",
    [
        response(b"no gzip", "200 OK", "Content-Encoding: gzip"),
        response(rb'{"code":200,"message":"success","data":{"taskId":"\ud800"}}'),
        response(b"\x28\xb5\x2f\xfd", "200 OK", "Content-Encoding: zstd"),
        response(b"\x28\xb5\x2f\xfd", "400 Bad Request", "Content-Encoding: zstd"),
        response(TASK, "201 Created"),
        response(b" " * 1_100_000 + TASK),
        response(b"[" * 100_000),
    ],
)
def test_a_response_that_cannot_be_read_is_no_refusal(answer: bytes, tmp_path: Path) -> None:
    with RawUpstream([answer]) as api, recording(api.url, tmp_path) as recorder, recorder.client() as client:
        with client.stream("POST", GENERATE, json=request_body(TEXT)) as got:
            b"".join(got.iter_raw())
        recorder.wait_for_error_line("a generateTask is not recorded: the response ")
    assert read_recordings(tmp_path).recordings == ()


def test_callbacks_are_recorded(tmp_path: Path) -> None:
    with Receiver(503, 200) as app, IndependentServer() as api:
        port = free_port()
        public = f"http://127.0.0.1:{port}"
        with recording(api.url, tmp_path, "--port", str(port), "--callback-url", public) as recorder:
            body = request_body(TEXT) | {"request_type": "callback", "callback_url": f"{app.url}?token=secret-of-mine"}
            with recorder.client() as client:
                client.post(GENERATE, json=body)
            api.advance(200)
            sent = [json.loads(app.take().body) for _ in range(2)]
    told = only_recording(tmp_path)
    assert [(each.status, each.body.value) for each in told.callbacks] == [(503, sent[0]), (200, sent[1])]
    assert told.request.body.value["callback_url"] == f"{app.url}?REDACTED-query-1"


def test_two_processes_that_share_a_folder_lose_nothing(tmp_path: Path) -> None:
    with (
        IndependentServer() as api,
        recording(api.url, tmp_path) as one,
        recording(api.url, tmp_path) as two,
        one.client() as first,
        two.client() as second,
    ):
        ids = [submit(client, seed=number + 1) for number in range(4) for client in (first, second)]
        until(lambda: len([*tmp_path.glob("*.json")]) == len(ids))
        for turn, seconds in enumerate((0, 10, 100)):
            api.advance(seconds)
            for number, task_id in enumerate(ids):
                poll((first, second)[(number + turn) % 2], task_id)
    told = read_recordings(tmp_path)
    assert told.problems == ()
    assert {each.task_id for each in told.recordings} == set(ids)
    for each in told.recordings:
        assert [answer.body.data["state"] for answer in each.answers] == ["pending", "processing", "success"]


def test_what_another_process_cannot_redact_it_does_not_record(tmp_path: Path) -> None:
    prompt = "a fox called Pelagia"
    refusal = json.dumps({"code": 200, "data": {"taskId": "task_1", "state": "failed", "failMsg": prompt}}).encode()
    with RawUpstream([response(TASK)], [response(refusal)]) as api:
        with recording(api.url, tmp_path, "--keep-prompts", "no") as one, one.client() as client:
            submit(client, prompt=prompt)
        with recording(api.url, tmp_path, "--keep-prompts", "no") as two, two.client() as client:
            poll(client, "task_1")
    assert only_recording(tmp_path).answers == ()
    assert "Pelagia" not in (tmp_path / "task_1.json").read_text()


@pytest.mark.posix
def test_a_refusal_is_no_task_of_the_budget_before_it_is_recorded(tmp_path: Path) -> None:
    import fcntl

    refusal = response(b'{"code":400,"message":"no","data":null}', "400 Bad Request")
    with (
        RawUpstream([refusal], [response(TASK)]) as api,
        recording(api.url, tmp_path, "--max-tasks", "1") as recorder,
        recorder.client() as client,
        (tmp_path / ".lock").open("rb+") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)  # nothing is recorded as long as another process has it
        assert [client.post(GENERATE, json=request_body(TEXT)).status_code for _ in range(2)] == [400, 200]
    assert {each.response.status for each in read_recordings(tmp_path).recordings} == {400, 200}


@pytest.mark.posix
def test_a_full_disk_stops_the_recording_in_one_line_and_not_the_proxy(tmp_path: Path) -> None:
    program = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", sys.executable, "-m", "ltx_mock"]
    with IndependentServer() as api, recording(api.url, tmp_path, program=program) as recorder:
        with recorder.client() as client:
            ids = [submit(client, seed=number + 1) for number in range(3)]
            assert [poll(client, each).status_code for each in ids] == [200] * 3
        recorder.wait_for_error_line("^ltx-mock: recording has stopped: .*; requests go on to the API$")
    assert recorder.stderr().count("recording has stopped") == 1
    assert read_recordings(tmp_path).recordings == ()


def test_a_file_that_was_edited_into_nonsense_is_left_as_it_is(tmp_path: Path) -> None:
    with IndependentServer() as api, recording(api.url, tmp_path) as recorder:
        with recorder.client() as client:
            first, second = submit(client), submit(client, seed=2)
            until((tmp_path / f"{second}.json").exists)  # the recorder writes after the client has its response
            (tmp_path / f"{first}.json").write_text('{"format": "mine"}')
            poll(client, first)
            poll(client, second)
        recorder.wait_for_error_line(rf"{first}.json is left as it is: format must be ")
    assert (tmp_path / f"{first}.json").read_text() == '{"format": "mine"}'
    assert len(read_recordings(tmp_path).recordings[0].answers) == 1


def test_videos_are_kept_beside_their_recordings(tmp_path: Path) -> None:
    with IndependentServer("signed-urls") as api, recording(api.url, tmp_path, "--results") as recorder:
        with recorder.client() as client:
            task_id = submit(client, duration=6)
            api.advance(100)
            url = json.loads(poll(client, task_id).json()["data"]["resultJson"])["resultUrls"][0]
            poll(client, task_id)
        recorder.wait_for_error_line(rf"{task_id}.json: result 1: \d+ bytes in \S+{task_id}.mp4")
        video = httpx.get(url, trust_env=False)
    told = read_recordings(tmp_path)
    (result,) = told.recordings[0].results
    assert (tmp_path / str(result.file)).read_bytes() == video.content
    assert (result.bytes, result.media_type) == (len(video.content), video.headers["content-type"])
    assert (result.seconds, result.width, result.height) == (6, 854, 480)
    assert result.url == f"{url.partition('?')[0]}?Expires=REDACTED-parameter-1&Signature=REDACTED-parameter-2"
    assert {path.name for path in tmp_path.iterdir()} == {".lock", f"{task_id}.json", f"{task_id}.mp4"}


def test_a_video_of_a_host_that_is_not_public_is_not_kept(tmp_path: Path) -> None:
    result = json.dumps(
        {"resultUrls": ["http://127.0.0.2:1/v.mp4", "http://10.0.0.1/v.mp4", "http://127.0.0.1:1/v.mp4"]}
    )
    end = {"code": 200, "data": {"taskId": "task_1", "state": "success", "resultJson": result}}
    with (
        RawUpstream([response(TASK)], [response(json.dumps(end).encode())]) as api,
        recording(api.url, tmp_path, "--results") as recorder,
        recorder.client() as client,
    ):
        submit(client)
        poll(client, "task_1")
        said = [recorder.wait_for_error_line(r"result \d is not kept: .*")[0] for _ in range(3)]
    assert sorted(said) == [
        "result 1 is not kept: OSError: 127.0.0.2 is no public host",
        "result 2 is not kept: OSError: 10.0.0.1 is no public host",
        "result 3 is not kept: nothing listens on 127.0.0.1:1 (connection refused)",
    ]
    assert [each.file for each in only_recording(tmp_path).results] == [None] * 3
    assert {path.name for path in tmp_path.iterdir()} == {".lock", "task_1.json"}


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ((), "Missing option '--output'"),
        (("--output", "FILE"), "it cannot be written: File exists"),
        (("--output", "DIR", "--redact-field", "a..b"), "--redact-field 'a..b' must be the name of a field"),
        (("--output", "DIR", "--keep-prompts", "maybe"), "Invalid value for '--keep-prompts'"),
    ],
)
def test_wrong_use_is_one_line(args: tuple[str, ...], problem: str, tmp_path: Path) -> None:
    (tmp_path / "FILE").touch()
    code, out, err = ltx_mock("record", "https://api.example", *args, cwd=tmp_path)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert problem in err
