"""`ltx-mock serve` as people run it, and the commands that talk to it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ltx_mock import RemoteServer, SettingsError
from ltx_mock.cli.serve import banner, new_admin_token
from ltx_mock.core.settings import Settings
from ltx_mock.server.app import new_engine
from ltx_mock.server.http import HttpServer
from ltx_mock_contracts.polling import POLL_EVERY_MS
from ltx_mock_contracts.receiver import HttpReceiver, Request, Response
from support.bodies import TEXT, request_body
from support.processes import Served, clean_environment, ltx_mock, serving
from support.receivers import Receiver
from support.waiting import SECONDS, until

pytestmark = pytest.mark.sample(4)

GENERATE = "/api/v1/generateTask/ltx-2-19b"
STATUS = "/api/v1/statusTask/ltx-2-19b"
KEY = {"authorization": "Bearer any-key"}
BANNER = """\
ltx-mock VERSION answers at URL  (manual clock, seed 1)

  base URL      URL/api/v1   (the host alone works too)
  API key       any
  dashboard     URL/__admin/
  sample files  URL/files/
  other shells  export LTX_MOCK_URL=URL   (for ltx-mock tasks, clock, …)

  Try it:
    curl URL/api/v1/generateTask/ltx-2-19b -H "Authorization: Bearer any-key" \\
      -H 'Content-Type: application/json' \\
      -d '{"input": {"mode": "text-to-video", "prompt": "a calm sea at dawn", "resolution": "480p", "duration": 5}}'

  Ctrl-C stops the server."""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving("--clock", "manual", "--seed", "1") as running:
        yield running


def call(url: str, method: str = "GET", path: str = STATUS, **options: object) -> httpx.Response:
    with httpx.Client(base_url=url, headers=KEY, trust_env=False, verify=False) as client:
        return client.request(method, path, **options)  # type: ignore[arg-type]


def make(url: str, prompt: str = "a city", **top: str) -> str:
    answer = call(url, "POST", GENERATE, json=request_body(TEXT, prompt=prompt) | top)
    task_id: str = answer.json()["data"]["taskId"]
    return task_id


def test_no_note_at_the_start_commands_a_ci(tmp_path: Path) -> None:
    (tmp_path / "##[error]owned.json").write_text("[]")
    with serving("--recordings", str(tmp_path)) as running:
        assert f"ltx-mock: {tmp_path}: ## [error]owned.json: " in running.stderr()


def masked(text: str, *ids: str) -> str:
    text = re.sub(r"\d\d:\d\d:\d\d", "TIME", re.sub(r"ltx-mock \d\S+", "ltx-mock VERSION", text))
    text = re.sub(r"http://127\.0\.0\.1:\d+", "URL", text)
    for number, task_id in enumerate(ids, 1):
        text = text.replace(task_id, f"task_{number}")
    return text


def test_the_banner_says_where_it_is_and_how_to_call_it(served: Served) -> None:
    assert masked(served.stderr()) == BANNER


@pytest.mark.posix
def test_open_shows_the_dashboard_in_the_browser(tmp_path: Path) -> None:
    told, browser = tmp_path / "told", tmp_path / "browser"
    os.mkfifo(told)
    browser.write_text(f'#!/bin/sh\necho "$1" > {told}\n')
    browser.chmod(0o755)
    with serving("--open", env={"BROWSER": str(browser)}) as served:
        assert told.read_text() == f"{served.url}/__admin/\n"
        assert call(served.url, path="/__admin/").status_code == 200


def test_a_control_plane_that_the_network_reaches_needs_a_token_that_is_printed_and_new_each_time() -> None:
    tokens = []
    for _ in range(2):
        with serving("--host", "0.0.0.0", "--clock", "manual") as served:
            (token,) = re.findall(r"admin token   ([0-9a-f]{24}) ", served.stderr())
            assert call(served.url, path="/__admin/tasks").status_code == 401
            shell = {"LTX_MOCK_URL": served.url, "LTX_MOCK_ADMIN_TOKEN": token}
            assert ltx_mock("tasks", env=shell)[0] == 0
            assert f"export LTX_MOCK_URL={served.url} LTX_MOCK_ADMIN_TOKEN={token} " in served.stderr()
            tokens.append(token)
    assert tokens[0] != tokens[1]


@pytest.mark.parametrize(
    "settings",
    [Settings(), Settings(host="::1"), Settings(host="localhost"), Settings(host="0.0.0.0", admin_token="x")],
)
def test_no_token_is_generated_on_loopback_or_beside_a_given_one(settings: Settings) -> None:
    assert new_admin_token(settings) is None
    assert "token" not in banner(settings, "http://127.0.0.1:8219")


def test_request_lines_tell_what_happens(served: Served) -> None:
    task_id = make(served.url, "[[content-violation]]", extra="x")
    call(served.url, params={"taskId": task_id})
    assert ltx_mock("clock", "advance", "100", "--url", served.url)[0] == 0
    call(served.url, params={"taskId": task_id})
    call(served.url, path="/nothing")
    lines = [masked(served.line(), task_id) for _ in range(5)]
    assert re.sub(r"in \d+ s", "in N s", lines[0]) == (
        "TIME  POST generateTask 200  task_1  text-to-video 480p 16:9 5 s → CONTENT_VIOLATION in N s"
    )
    assert lines[1].startswith("          ! extra is not a field that the API knows")
    assert lines[2] == "TIME  GET  statusTask   200  task_1  pending"
    assert lines[3].startswith("TIME  GET  statusTask   200  task_1  pending → failed  directive [[content-violation]]")
    assert lines[4].startswith("TIME  GET  other        404  Nothing at '/nothing'")


def test_the_remote_commands_show_and_drive_a_running_server() -> None:
    with serving("--clock", "manual", "--seed", "1") as served:
        at = {"LTX_MOCK_URL": f"{served.url}/api/v1"}
        url = "https://your-server.com/callback"
        task_id = make(served.url, request_type="callback", callback_url=url)
        assert ltx_mock("clock", env=at) == (0, "2026-01-09T13:33:30.929+00:00  manual\n", "")
        code, out, err = ltx_mock("tasks", env=at)
        assert (code, err) == (0, "1 task\n")
        assert masked(out.splitlines()[1], task_id).startswith("2026-01-09 TIME  task_1  pending  success at TIME  ")
        assert json.loads(ltx_mock("tasks", task_id, "--json", env=at)[1])["id"] == task_id
        code, out, err = ltx_mock("clock", "advance", "100", env=at)
        assert masked(out, task_id) == "TIME  task_1  processing\nTIME  task_1  success\n"
        assert masked(err) == "TIME  now\n"
        code, out, _ = ltx_mock("callbacks", env=at)
        assert out.splitlines()[1].startswith(f"{task_id}  withheld")
        requests = ltx_mock("requests", env=at)[1].splitlines()
        assert masked(requests[1], task_id).startswith(" 1  2026-01-09 TIME  POST generateTask  200   task_1  pending")
        failing = make(served.url)
        told = json.loads(ltx_mock("tasks", failing, "--fail-code", "INVALID_LORA_URL", "--json", env=at)[1])
        assert (told["state"], told["failCode"]) == ("failed", "INVALID_LORA_URL")
        assert json.loads(ltx_mock("settings", env=at)[1])["clock"] == "manual"
        assert ltx_mock("clock", "set", "--speed", "60", "scaled", env=at)[1].endswith("  60 times\n")
        assert ltx_mock("reset", env=at) == (0, "", "reset\n")
        assert ltx_mock("tasks", "--json", env=at)[1] == '{\n  "tasks": [],\n  "truncated": false\n}\n'
        assert served.end() == 0


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["tasks", "task_none"], "no task 'task_none'"),
        (["tasks", "..?x#y"], "no task '..?x#y'"),
        (
            ["clock", "advance", "nan"],
            "Invalid value for 'SECONDS': 'nan' is not a number; see ltx-mock clock advance --help",
        ),
        (["clock", "advance", "inf"], "seconds must be a number from 0 to 315360000, not inf"),
        (["clock", "set", "--speed", "0"], "speed must be a number more than 0 and at most 1000000, not 0.0"),
        (["clock", "set"], "give mode, speed or both"),
    ],
)
def test_what_the_server_refuses_is_one_line(served: Served, args: list[str], told: str) -> None:
    assert ltx_mock(*args, env={"LTX_MOCK_URL": served.url}) == (2, "", f"ltx-mock: {told}\n")


def test_where_nobody_answers_it_is_one_line() -> None:
    with Receiver() as gone:
        pass
    code, out, err = ltx_mock("tasks", "--url", gone.root)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"ltx-mock: no ltx-mock at {gone.root}/__admin (no connection: ")
    assert err.endswith("start it with: ltx-mock serve; or give its address with --url\n")


@pytest.mark.parametrize("body", [b"", b"hello", b"{}", b"[]", b'{"name": "other"}', b"null"])
def test_another_server_is_told_from_ours_before_anything_is_posted(body: bytes) -> None:
    asked: list[str] = []

    def other(request: Request) -> Response:
        asked.append(request.method)
        return Response(200, {}, body)

    with HttpReceiver(other) as receiver:
        code, out, err = ltx_mock("reset", "--url", f"http://127.0.0.1:{receiver.port}")
    assert (code, out, asked) == (2, "", ["GET"])
    assert "is not an ltx-mock: /__admin/health responded with HTTP 200" in err


def test_a_port_that_another_program_has_is_one_line() -> None:
    with HttpReceiver(lambda _: Response(200, {}, b"hello")) as other:
        code, out, err = ltx_mock("serve", "--port", str(other.port))
    told = f"ltx-mock: cannot listen on 127.0.0.1:{other.port}: Address already in use; try --port 0\n"
    assert (code, out, err) == (2, "", told)


@pytest.mark.parametrize("command", [("serve",), ("proxy", "http://127.0.0.1:9")])
def test_a_port_that_an_ltx_mock_has_is_told_with_its_dashboard(served: Served, command: tuple[str, ...]) -> None:
    port = served.url.rpartition(":")[2]
    code, out, err = ltx_mock(*command, "--port", port)
    told = (
        f"ltx-mock: cannot listen on 127.0.0.1:{port}: an ltx-mock answers there already, "
        f"see http://127.0.0.1:{port}/__admin/; try --port 0\n"
    )
    assert (code, out, err) == (2, "", told)


def test_the_first_message_shows_no_request_that_costs_money_or_is_refused(tmp_path: Path) -> None:
    url = "http://127.0.0.1:8219"
    assert "Try it" in banner(Settings(recordings=tmp_path), url)
    assert "Try it" not in banner(Settings(recordings=tmp_path, recordings_only=True), url)
    told = banner(Settings(recordings=tmp_path), url, costs_money=True)
    assert "Try it" not in told
    assert "  API key       your own: tasks cost money\n" in told


def test_a_ready_file_is_there_while_it_answers(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    with serving("--ready-file", str(ready)) as served:
        assert json.loads(ready.read_text()) == {"url": served.url, "pid": served.pid}
        assert served.end() == 0
    assert list(tmp_path.iterdir()) == []


def test_a_ready_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    code, out, err = ltx_mock("serve", "--port", "0", "--ready-file", str(tmp_path / "no" / "file"))
    assert (code, out) == (2, "")
    assert err == f"ltx-mock: cannot write the ready file {tmp_path}/no/file: No such file or directory\n"


def test_quiet_prints_no_line_and_json_one_object_each() -> None:
    with serving("--quiet") as quiet, serving("--json") as lines:
        for each in (quiet, lines):
            make(each.url, "a \u2028 city")
            assert each.end() == 0
        assert quiet.rest() == []
        (line,) = lines.rest()
    assert json.loads(line)["operation"] == "generateTask"


def test_a_terminal_without_unicode_gets_lines_too() -> None:
    with serving(env={"PYTHONIOENCODING": "ascii"}) as served:
        make(served.url, "城市")
        assert "5 s -> success in" in served.line()
        assert served.end() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_whatever_is_open(number: signal.Signals) -> None:
    with Receiver("hang") as receiver, serving("--speed", "10000", "--callback-timeout", "600") as served:
        host, port = served.url.removeprefix("http://").split(":")
        idle, half, kept = (socket.create_connection((host, int(port))) for _ in range(3))
        with idle, half, kept:
            half.sendall(f"POST {GENERATE} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n".encode())
            half.sendall(b"Authorization: Bearer any-key\r\n\r\n{")
            kept.sendall(b"GET /__admin/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert kept.recv(10_000).startswith(b"HTTP/1.1 200")
            make(served.url, request_type="callback", callback_url=receiver.url)
            receiver.take()
            assert served.end(number) == 0
        assert "Traceback" not in served.stderr()


def test_several_signals_at_once_end_it_no_worse() -> None:
    with serving() as served:
        assert served.end(signal.SIGTERM, signal.SIGINT, signal.SIGTERM, signal.SIGINT) == 0
        assert "Traceback" not in served.stderr()


@pytest.mark.rule("CLI-2")
def test_a_connection_outlives_the_pause_between_two_polls() -> None:
    server = HttpServer(new_engine(Settings()))
    assert server.config.timeout_keep_alive >= 2 * POLL_EVERY_MS / 1000


def test_it_runs_without_a_stdout(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = f'exec "{sys.executable}" -m ltx_mock serve --port 0 --ready-file "{ready}" >&-'
    with subprocess.Popen(["sh", "-c", command], env=clean_environment()) as served:
        until(lambda: ready.exists() or served.poll() is not None)
        url = json.loads(ready.read_text())["url"]
        assert call(url).status_code == 400
        served.terminate()
        assert served.wait(SECONDS) == 0


def test_a_reader_that_does_not_read_makes_nobody_wait(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "ltx_mock", "serve", "--port", "0", "--ready-file", str(ready)]
    with subprocess.Popen(
        command, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as served:
        until(lambda: ready.exists() or served.poll() is not None)
        url = json.loads(ready.read_text())["url"]
        with httpx.Client(headers=KEY, trust_env=False, verify=False) as client:
            for _ in range(300):
                assert client.get(f"{url}{STATUS}", params={"taskId": "x" * 300}).status_code == 404
        served.terminate()
        assert served.wait(SECONDS) == 0
        assert served.stdout
        assert b"404" in served.stdout.readline()


@pytest.mark.parametrize("scheme", ["", "//", "http://"])
def test_a_url_without_a_scheme_means_http(served: Served, scheme: str) -> None:
    place = served.url.removeprefix("http://")
    for url in (f"{scheme}{place}", f"{scheme}{place}/api/v1"):
        assert ltx_mock("clock", "--url", url)[0] == 0
    assert ltx_mock("clock", env={"LTX_MOCK_URL": f"{scheme}{place}/"})[0] == 0


@pytest.mark.parametrize("url", ["ftp://127.0.0.1:80", "http://", "127.0.0.1:99999", "127.0.0.1:0", "a b"])
def test_what_is_no_url_of_a_server_is_one_line(url: str) -> None:
    assert ltx_mock("clock", "--url", url) == (
        2,
        "",
        f"ltx-mock: --url must be the http or https URL of a server, such as http://127.0.0.1:8219, not {url!r}\n",
    )


def test_a_server_elsewhere_is_found_without_a_scheme(served: Served) -> None:
    server = RemoteServer(served.url.removeprefix("http://"))
    assert server.why_not_ours() is None
    assert server.url == served.url
    with pytest.raises(SettingsError, match="url must be the http or https URL of a server"):
        RemoteServer("ftp://127.0.0.1")
