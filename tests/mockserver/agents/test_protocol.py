"""`ltx-mock mcp` as agents use it: a process, and the SDK's own client."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import TextResourceContents

from ltx_mock import MockServer
from ltx_mock.agents.tools import TOOLS
from ltx_mock.core.shipped import guides
from support.agents import INITIALIZE, Agent, RawSession, with_agent
from support.bodies import submit
from support.processes import ltx_mock

pytestmark = pytest.mark.sample  # each starts a program

ROOT = Path(__file__).parents[3]
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("advance_clock", {"seconds": "60"}, "seconds must be a number of seconds from 0 to 315360000, not '60'"),
    ("advance_clock", {}, "seconds is missing"),
    ("advance_clock", {"second": 60}, "unknown field 'second' (did you mean 'seconds'?); known are seconds"),
    ("start_fake", {"clock": "fast"}, "clock must be one of auto, manual, real, not 'fast'"),
    ("start_fake", {"settings": {"strict": "yes"}}, "strict must be true or false, not 'yes'"),
    ("start_fake", {"settings": {"host": "0.0.0.0"}}, "unknown setting 'host'; known are "),
    ("submit_example", {"example": "citty"}, "example must be one of text, city, "),
    ("submit_example", {"changes": [1]}, "changes must be a table of names and values, not [1]"),
    ("activate_scenario", {"name": "stuk"}, "unknown scenario 'stuk' (did you mean 'stuck'?); known are "),
    ("activate_scenario", {}, "give either name or definition; list_scenarios has the names"),
    ("activate_scenario", {"definition": {"status": 200}}, "status must be one of 400, 401, "),
    ("list_tasks", {"state": "done"}, "state must be one of pending, processing, success, failed, not 'done'"),
    ("list_tasks", {"limit": 0}, "limit must be a whole number from 1 to 1000, not 0"),
    ("task_history", {"taskId": "task_1"}, "task_1"),
    ("near_misses", {"expected": {"colour": "red"}}, "unknown field 'colour'; known are operation, "),
    ("check_client", {"command": "node client.mjs"}, "command must be a list of the program and its arguments"),
    ("check_client", {"command": ["no-such-program"]}, "cannot run 'no-such-program': "),
    ("check_client", {"command": ["true"], "cases": ["succes"]}, "unknown case 'succes' (did you mean 'success'?)"),
    ("check_client", {"command": ["true"], "folder": "nowhere"}, "folder must be a folder that exists"),
    ("attach_fake", {"url": "ftp://x"}, "url must be the http or https URL of a server"),
    ("attach_fake", {"url": "http://127.0.0.1:1"}, "start one with start_fake, or with: ltx-mock serve"),
    ("start", {}, "unknown tool 'start'"),
]


def test_tools_are_described_for_an_agent() -> None:
    async def work(agent: Agent) -> list[Any]:
        assert "near_misses" in (agent.client.instructions or "")
        return (await agent.client.list_tools()).tools

    tools = with_agent(work)
    assert [tool.name for tool in tools] == list(TOOLS)
    for tool in tools:
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        assert len(tool.description) > 20
        assert all(each["description"] for each in tool.input_schema["properties"].values())
        assert tool.annotations.read_only_hint == TOOLS[tool.name].reads_only
    for hint in ("open_world_hint", "destructive_hint"):
        assert {tool.name for tool in tools if getattr(tool.annotations, hint)} == {"check_client"}
    assert sum(len(tool.model_dump_json()) for tool in tools) < 16_000, "agents read this in each session"


def test_an_agent_makes_a_task_fail_and_reads_why() -> None:
    async def work(agent: Agent) -> None:
        fake = await agent.use("start_fake", clock="manual", settings={"seed": 7, "credits": 100})
        assert fake["env"]["APIXO_BASE_URL"] == fake["url"]
        activated = await agent.use("activate_scenario", name="content-violation", times=2)
        assert activated["activated"]["times"] == 2
        sent = await agent.use("submit_example", example="city", changes={"input": {"resolution": "480p"}})
        assert (sent["status"], sent["findings"], sent["request"]["input"]["resolution"]) == (200, [], "480p")
        task_id = sent["response"]["data"]["taskId"]
        assert [task["state"] for task in (await agent.use("list_tasks"))["tasks"]] == ["pending"]
        advanced = await agent.use("advance_clock", seconds=180)
        assert [(event["taskId"], event["state"]) for event in advanced["fired"]] == [
            (task_id, "processing"),
            (task_id, "failed"),
        ]
        assert (await agent.use("list_tasks", state="success"))["tasks"] == []
        history = await agent.use("task_history", taskId=task_id)
        assert (history["state"], history["failCode"]) == ("failed", "CONTENT_VIOLATION")
        assert [step["event"] for step in history["story"]] == ["request", "state", "state"]
        assert "scenario content-violation" in history["cause"]
        listed = await agent.use("list_scenarios", query="violation")
        assert [row["name"] for row in listed["library"]] == ["content-violation"]
        assert {each["key"]: each["times"] for each in listed["active"]} == {"…-key": 1, None: 2}
        assert await agent.use("clear_scenarios") == {"cleared": ["content-violation"]}

    with_agent(work)


@pytest.fixture(scope="module")
def refusals() -> list[str]:
    """The errors of one session, which no error ends."""

    async def work(agent: Agent) -> list[str]:
        return [await agent.refused(tool, **arguments) for tool, arguments, _ in REFUSED]

    return with_agent(work)


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=lambda number: f"{number}-{REFUSED[number][0]}")
def test_bad_input_gets_an_error_that_says_what_to_change(refusals: list[str], number: int) -> None:
    assert REFUSED[number][2] in refusals[number]
    assert "\n" not in refusals[number]


def test_the_guides_are_resources() -> None:
    async def work(agent: Agent) -> None:
        listed = {each.name: each for each in (await agent.client.list_resources()).resources}
        assert set(listed) == {name for name in guides() if "/" not in name}
        assert listed["make-it-fail"].title == "Make it fail"
        for each in listed.values():
            [content] = (await agent.client.read_resource(each.uri)).contents
            assert isinstance(content, TextResourceContents)
            assert content.text == (ROOT / "docs" / f"{each.name}.md").read_text(encoding="utf-8")
        with pytest.raises(MCPError, match="did you mean 'ltx-mock://guides/stores'"):
            await agent.client.read_resource("ltx-mock://guides/store")

    with_agent(work)


def test_it_attaches_to_a_running_fake_which_goes_on_when_it_ends() -> None:
    with MockServer(clock="manual") as mock, mock.client() as client:
        mine = submit(client)
        with mock.tenant("other").client() as others:
            submit(others)

        async def all_keys(agent: Agent) -> None:
            assert len((await agent.use("list_tasks"))["tasks"]) == 2
            attached = await agent.use("attach_fake", url=mock.base_url, key=mock.api_key)
            assert (attached["url"], attached["startedHere"]) == (mock.url, False)
            assert [task["id"] for task in (await agent.use("list_tasks"))["tasks"]] == [mine]
            await agent.use("advance_clock", seconds=200)

        with_agent(all_keys, "--url", mock.url)
        assert [task.state for task in mock.tasks] == ["success"]
        assert [task.state for task in mock.tenant("other").tasks] == ["pending"]


def test_an_attached_fake_may_need_a_token() -> None:
    with MockServer(admin_token="letmein") as mock:

        async def work(agent: Agent) -> None:
            assert "token" in await agent.refused("attach_fake", url=mock.url)
            assert (await agent.use("attach_fake", url=mock.url, adminToken="letmein"))["url"] == mock.url

        with_agent(work)
        with_agent(work, "--url", mock.url, env={"LTX_MOCK_ADMIN_TOKEN": "letmein"})


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--url", "http://127.0.0.1:1"], "ltx-mock: no response from http://127.0.0.1:1: "),
        (["--url", "ftp://x"], "ltx-mock: --url must be the http or https URL of a server"),
        (["--key", "x"], "ltx-mock: --admin-token and --key go with --url; see ltx-mock mcp --help"),
    ],
)
def test_it_does_not_start_with_a_fake_that_is_not_there(options: list[str], error: str) -> None:
    code, out, err = ltx_mock("mcp", *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(error)


def test_stdout_has_the_protocol_and_nothing_else_and_the_fake_ends_with_the_session() -> None:
    chatty = {"command": [sys.executable, "-c", "print('hello from the client')"], "cases": ["success"]}
    with RawSession() as session:
        assert session.ask("initialize", INITIALIZE)["result"]["serverInfo"]["name"] == "ltx-mock"
        session.write('{"jsonrpc": "2.0", "method": "notifications/initialized"}')
        started = session.ask("tools/call", {"name": "start_fake", "arguments": {}})
        url = started["result"]["structuredContent"]["url"]
        assert httpx.get(f"{url}/__admin/health").status_code == 200
        assert session.ask("tools/call", {"name": "submit_example", "arguments": {}})["result"]["isError"] is False
        checked = session.ask("tools/call", {"name": "check_client", "arguments": chatty})
        assert checked["result"]["structuredContent"]["ok"] is False
        assert session.ask("no/such/method", {})["error"]["code"] == -32601
        assert (session.leave(), session.rest) == (0, "")
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/__admin/health")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("this is no JSON", -32700),
        ('{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "list_tasks"', -32700),
        ('{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": ["list_tasks"]}', -32600),
        ("[]", -32600),
    ],
)
def test_a_line_that_is_no_message_gets_an_error_and_the_session_goes_on(line: str, code: int) -> None:
    with RawSession() as session:
        session.ask("initialize", INITIALIZE)
        session.write('{"jsonrpc": "2.0", "method": "notifications/initialized"}')
        session.write(line)
        answer = session.read()
        assert (answer["id"], answer["error"]["code"]) == (None, code)
        assert "result" in session.ask("tools/list", {})
        assert (session.leave(), session.rest) == (0, "")


def test_a_lone_surrogate_and_an_endless_id_get_a_short_answer() -> None:
    with RawSession() as session:
        session.ask("initialize", INITIALIZE)
        session.write('{"jsonrpc": "2.0", "method": "notifications/initialized"}')
        for task_id in ("task_\ud800", "x" * 100_000):
            told = session.ask("tools/call", {"name": "task_history", "arguments": {"taskId": task_id}})["result"]
            assert told["isError"] is True
            assert len(told["content"][0]["text"]) < 500
        assert session.leave() == 0
