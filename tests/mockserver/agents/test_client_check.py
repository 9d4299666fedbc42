"""`check_client`: a program of the user, judged; it never outlives the session."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from support.agents import INITIALIZE, Agent, RawSession, with_agent
from support.waiting import until

pytestmark = pytest.mark.sample  # each starts three programs

ROOT = Path(__file__).parents[3]
CLIENT = [sys.executable, str(ROOT / "examples" / "python" / "httpx_client.py"), "a calm sea"]
HASTY = """
import json, os, urllib.request
ask = lambda path, data=None: json.load(urllib.request.urlopen(urllib.request.Request(
    os.environ["ROOT"] + path, data, {"Authorization": "Bearer " + os.environ["APIXO_API_KEY"]})))
body = {"input": {"mode": "text-to-video", "prompt": "a sea", "resolution": "480p", "duration": 4}}
try:
    ask("/generateTask/ltx-2-19b", json.dumps(body).encode())
except urllib.error.HTTPError:
    print("something is wrong")
"""
SLEEPER = """
import os, sys, threading
open(sys.argv[1] + ".new", "w").write(str(os.getpid()))
os.rename(sys.argv[1] + ".new", sys.argv[1])
threading.Event().wait()
"""


def test_a_good_client_passes_and_each_case_is_reported_as_progress() -> None:
    async def work(agent: Agent) -> None:
        found = await agent.use("check_client", command=CLIENT, cases=["success", "unauthorized"])
        assert (found["ok"], found["cases"], found["broken"], found["failedCases"]) == (True, 2, [], [])
        assert [progress[:2] for progress in agent.progress] == [(1, 2), (2, 2)]
        assert {str(progress[2]).partition(":")[0] for progress in agent.progress} == {"success", "unauthorized"}

    with_agent(work)


def test_a_bad_client_is_told_the_rule_and_what_it_did() -> None:
    async def work(agent: Agent) -> None:
        found = await agent.use(
            "check_client", command=[sys.executable, "-c", HASTY], cases=["success"], env={"ROOT": "{base_url}"}
        )
        assert found["ok"] is False
        deviations = [each for rule in found["broken"] for each in rule["deviations"]]
        assert any("GEN-10: input.duration must be" in each["title"] for each in deviations), deviations
        [failed] = found["failedCases"]
        assert (failed["case"], failed["output"]) == ("success", "something is wrong\n")

    with_agent(work)


@pytest.mark.posix
def test_the_client_ends_with_the_call(tmp_path: Path) -> None:
    async def work(agent: Agent) -> None:
        async with anyio.create_task_group() as calls:
            calls.start_soon(_check_sleeper, agent, tmp_path / "pid")
            pid = await _pid_in(tmp_path / "pid")
            calls.cancel_scope.cancel()
        until(lambda: not _runs(pid))
        assert (await agent.use("search_rules", query="GEN-1"))["found"] == 1, "the session goes on"

    with_agent(work)


@pytest.mark.posix
def test_the_client_ends_with_the_session(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with RawSession() as session:
        _begin_check(session, note)
        assert session.leave() == 0
    until(lambda: not _runs(int(note.read_text())))


@pytest.mark.posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_client_ends_when_a_signal_ends_the_session(number: signal.Signals, tmp_path: Path) -> None:
    with RawSession() as session:
        _begin_check(session, tmp_path / "pid")
        assert session.end_with(number) == 130
    pid = int((tmp_path / "pid").read_text())
    until(lambda: not _runs(pid))


async def _check_sleeper(agent: Agent, note: Path) -> None:
    await agent.use("check_client", command=[sys.executable, "-c", SLEEPER, str(note)], cases=["success"])


def _begin_check(session: RawSession, note: Path) -> None:
    session.ask("initialize", INITIALIZE)
    check = {"command": [sys.executable, "-c", SLEEPER, str(note)], "cases": ["success"]}
    session.send("tools/call", {"name": "check_client", "arguments": check})
    until(note.exists)


async def _pid_in(note: Path) -> int:
    await to_thread.run_sync(until, note.exists)
    return int(await anyio.Path(note).read_text())


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
