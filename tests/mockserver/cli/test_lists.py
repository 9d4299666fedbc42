"""The lists of a running server: what they show, at which widths, in colour on a terminal only."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from support.bodies import IMAGE_LORA, TEXT, post, request_body, submit
from support.processes import LTX_MOCK, Process, Served, ltx_mock, serving
from support.terminals import CONTROL, on_terminal, terminal
from support.waiting import SECONDS

pytestmark = pytest.mark.sample(6)

PROMPT = "a calm sea at dawn with many gulls, and a boat far out"
HOOK = {"request_type": "callback", "callback_url": "https://your-server.com/hook"}


def client(url: str, key: str = "any-key") -> httpx.Client:
    return httpx.Client(base_url=f"{url}/api/v1", headers={"authorization": f"Bearer {key}"}, trust_env=False)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A server with three tasks of two keys, and a refused request."""
    with serving("--clock", "manual", "--seed", "1") as running:
        with client(running.url) as mine, client(running.url, "other-key") as other:
            submit(mine, TEXT, prompt=PROMPT)
            submit(other, IMAGE_LORA, prompt="[[content-violation]] x", resolution="1080p", duration=20)
            post(mine, request_body(TEXT, duration=25))
            post(mine, request_body(TEXT) | HOOK)
        ltx_mock("clock", "advance", "20", "--url", running.url)
        yield running


def lines(served: Served, *args: str, columns: int | None = None) -> list[str]:
    """Return what a command prints, with tasks and times masked."""
    env = {"LTX_MOCK_URL": served.url} | ({"COLUMNS": str(columns)} if columns else {})
    code, out, _ = ltx_mock(*args, env=env)
    assert code == 0
    return re.sub(r" \d\d:\d\d:\d\d", " TT:TT:TT", re.sub(r"task_\w{12}", "task_123456789012", out)).splitlines()


def test_tasks_have_date_mode_key_and_prompt_in_eighty_columns(served: Served) -> None:
    assert lines(served, "tasks", columns=80) == [
        "Created              Task               State       End",
        "  Mode                            Key         Prompt",
        "2026-01-09 TT:TT:TT  task_123456789012  processing  success at TT:TT:TT",
        "  text-to-video 480p 5 s          …key (t1)   a calm sea at dawn with many gull…",
        "2026-01-09 TT:TT:TT  task_123456789012  processing  success at TT:TT:TT",
        "  text-to-video 480p 5 s          …key (t1)   a futuristic city with flying car…",
        "2026-01-09 TT:TT:TT  task_123456789012  failed      CONTENT_VIOLATION directive",
        "                                                    [[content-violation]] in the",
        "                                                    prompt",
        "  image-to-video-LoRA 1080p 20 s  …-key (t2)  [[content-violation]] x",
    ]  # fmt: skip


def test_a_pipe_gets_each_task_in_one_line(served: Served) -> None:
    head, *rows = lines(served, "tasks")
    assert head.split() == ["Created", "Task", "State", "End", "Mode", "Key", "Prompt"]
    assert len(rows) == 3
    assert rows[0].endswith(PROMPT)


def test_requests_have_the_reason_of_a_refusal_below_them(served: Served) -> None:
    told = lines(served, "requests", "--status", "400", columns=80)
    assert told == [
        "No  Time                 Request            HTTP  Mode",
        "  Key        Prompt",
        " 3  2026-01-09 TT:TT:TT  POST generateTask  400   text-to-video 480p 25 s",
        "  …key (t1)  a futuristic city with flying cars at sunset",
        "    ! input.duration must be a whole number of seconds from 5 to 20, but is 25",
        "    (GEN-10)",
    ]


def test_callbacks_have_the_reason_below_them(served: Served) -> None:
    told = lines(served, "callbacks")
    assert told[0].split() == ["Task", "State", "Attempts", "Key", "URL"]
    assert told[1].split() == ["task_123456789012", "withheld", "0", "…key", "(t1)", HOOK["callback_url"]]
    assert told[2].startswith("    your-server.com is not this machine")


@pytest.mark.parametrize("command", ["tasks", "requests", "callbacks", "scenarios", "scenarios list", "rules"])
@pytest.mark.parametrize("columns", [40, 80])
def test_no_list_is_wider_than_the_terminal(served: Served, command: str, columns: int) -> None:
    ltx_mock("scenarios", "add", "rate-limited", "--url", served.url)
    told = lines(served, *command.split(), columns=columns)
    assert told
    assert max(map(len, told)) <= columns


@pytest.mark.posix
def test_colours_are_for_terminals(served: Served) -> None:
    listed = ("tasks", "--url", served.url)
    code, shown = on_terminal(*listed, columns=80)
    assert (code, "\x1b[32m" in shown or "\x1b[31mfailed" in shown) == (0, True)
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in on_terminal(*listed, columns=80, **env)[1]
    assert "\x1b" not in ltx_mock(*listed)[1]
    narrow = CONTROL.sub("", on_terminal(*listed, columns=40)[1])
    assert max(map(len, narrow.splitlines())) <= 40


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("tasks", "no tasks\n"),
        ("tasks --state failed", "no failed tasks\n"),
        ("requests", "no requests\n"),
        ("requests --status 404", "no requests like these\n"),
        ("callbacks", "no callbacks\n"),
        ("scenarios list", "no scenario is active\n"),
    ],
)
def test_an_empty_list_says_so(command: str, told: str) -> None:
    with serving() as empty:
        assert ltx_mock(*command.split(), "--url", empty.url) == (0, "", told)


def test_watched_requests_come_as_lines() -> None:
    with serving("--clock", "manual") as other, client(other.url) as mine:
        for form in ("--json", "--operation=generateTask"):
            watching = Process([*LTX_MOCK, "requests", "--watch", form, "--url", other.url])
            try:
                submit(mine)
                first = watching.line()
                submit(mine, prompt="the second one")
                following = [watching.line() for _ in range(1 if form == "--json" else 3)]
                assert any("the second one" in line for line in following)
                assert json.loads(first)["operation"] == "generateTask" if form == "--json" else "Prompt" in first
                assert watching.end(signal.SIGINT) == 130
                assert watching.stderr() == ""
            finally:
                watching.kill()


@pytest.mark.posix
def test_watched_tasks_change_in_their_place_on_a_terminal() -> None:
    with serving("--clock", "manual") as other, client(other.url) as mine:
        with terminal("tasks", "--watch", "--url", other.url, columns=120) as shown:
            shown.wait_for("waiting for tasks")
            task_id = submit(mine)
            shown.wait_for(f"{task_id}  pending")
            ltx_mock("clock", "advance", "100", "--url", other.url)
            shown.wait_for(f"{task_id}  success")
            assert "\x1b[1F\x1b[J" in shown.output
            shown.send(signal.SIGINT)
            assert shown.end() == 130
        assert "Traceback" not in shown.output


@pytest.mark.posix
def test_a_watch_ends_quietly_with_its_reader_and_in_one_line_with_its_server() -> None:
    with serving("--clock", "manual") as other, client(other.url) as mine:
        submit(mine)
        command = [*LTX_MOCK, "tasks", "--watch", "--url", other.url]
        done = subprocess.run(
            ["sh", "-c", '"$@" | head -n 1', "sh", *command],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
        watching = Process([*command, "--json"])
        try:
            watching.line()
            other.end()
            told = watching.wait_for_error_line("no ltx-mock")
            assert told.string.startswith(f"ltx-mock: no ltx-mock at {other.url}")
        finally:
            watching.kill()
    assert (done.stdout.split()[0], done.stderr) == ("Created", "")
