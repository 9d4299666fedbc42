"""The guide "Coding agents": its configuration, code and tables are right, and the files for repositories."""

from __future__ import annotations

import asyncio
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from ltx_mock.agents.tools import TOOLS
from ltx_mock.cli import COMMANDS
from ltx_mock.scenarios import NAMED
from support.pages import BIN, blocks, page, run_commands
from support.processes import clean_environment

pytestmark = pytest.mark.sample  # some start programs

ROOT = Path(__file__).parents[2]
GUIDE = page("agents.md")
FILES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "examples" / "agents").iterdir()}


def test_the_configuration_starts_the_server() -> None:
    entries = [json.loads(block)["mcpServers"] for block in blocks(GUIDE, "json")]
    [toml] = blocks(GUIDE, "toml")
    for entry in (entries[0]["ltx-mock"], tomllib.loads(toml)["mcp_servers"]["ltx-mock"]):
        server = StdioServerParameters(**entry, env=clean_environment(PATH=f"{BIN}:/usr/bin:/bin"))

        async def names(server: StdioServerParameters = server) -> list[str]:
            async with Client(stdio_client(server)) as client:
                return [tool.name for tool in (await client.list_tools()).tools]

        assert asyncio.run(names()) == list(TOOLS)
    assert entries[1]["apixo"]["env"]["APIXO_BASE_URL"] == "http://127.0.0.1:8219"


def test_the_table_has_each_tool_in_order() -> None:
    assert re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE) == list(TOOLS)


def test_the_code_does_what_the_guide_says(tmp_path: Path) -> None:
    [code] = blocks(GUIDE, "python")
    (tmp_path / "agent.py").write_text(code, encoding="utf-8")
    address, end = run_commands("python agent.py", tmp_path).splitlines()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/api/v1", address)
    assert end == "failed CONTENT_VIOLATION"
    assert f"prints the address, and `{end}`" in GUIDE


def test_the_files_for_repositories_are_written(tmp_path: Path) -> None:
    [script] = [block for block in blocks(GUIDE, "sh") if "examples" in block]
    run_commands(script, tmp_path)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == FILES


@pytest.mark.parametrize("name", sorted(FILES))
def test_these_files_name_what_there_is(name: str) -> None:
    marked = re.findall(r"`([^`\n]+)`", FILES[name])
    assert {each.split()[1] for each in marked if each.startswith("ltx-mock ")} <= {*COMMANDS}
    assert {each for each in marked if re.fullmatch(r"[a-z]+_[a-z]+(_[a-z]+)*", each)} - {
        "ltx_mock",
        "callback_url",
    } <= {*TOOLS}
    assert {each for each in marked if re.fullmatch(r"[a-z]+(-[a-z]+)+", each)} - {"ltx-mock", "any-key"} <= {*NAMED}


def test_the_skill_says_its_name_and_when_to_use_it() -> None:
    _, head, _ = FILES["SKILL.md"].split("---\n", 2)
    about = yaml.safe_load(head)
    assert about.keys() == {"name", "description"}
    assert re.fullmatch(r"[a-z-]{1,64}", about["name"])
    assert "Use it when" in about["description"]
    assert len(about["description"]) <= 1024
