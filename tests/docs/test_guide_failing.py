"""The guide "Make it fail": its code runs, its file is read, its tables are complete."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import httpcore  # noqa: F401 - what a run inside imports first is forgotten after it, and httpx keeps its errors
import pytest

import ltx_mock.testing.pytest_report  # noqa: F401 - the same
from ltx_mock import MockServer
from ltx_mock.errors import SettingsError
from ltx_mock.fields import camel
from ltx_mock.scenarios import NAMED, from_dict
from ltx_mock.scenarios.files import read_file
from ltx_mock.scenarios.model import FAULTS, Callback, Drift
from ltx_mock.scenarios.parse import FIELDS
from support.pages import blocks, named_files, page

ROOT = Path(__file__).parents[2]
GUIDE = page("make-it-fail.md")
FILES = named_files(GUIDE)
TESTS = [name for name in FILES if name.startswith("test_")]


@pytest.fixture
def files(pytester: pytest.Pytester, server: MockServer) -> Path:
    """All files of the guide in a folder, and everything loaded that they need."""
    with server.tenant().client() as client:
        client.post("/generateTask/ltx-2-19b", json={})
    for name, text in FILES.items():
        (pytester.path / name).write_text(text)
    pytester.syspathinsert()
    return pytester.path


@pytest.mark.sample
@pytest.mark.parametrize("name", TESTS)
def test_the_tests_of_the_guide_pass(name: str, files: Path, pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess(
        "-p", "no:cacheprovider", "-p", "no:asyncio", "-W", "error", str(files / name)
    )
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"passed"}
    assert outcomes["passed"] >= len(re.findall(r"^def test_", FILES[name], re.MULTILINE))


def test_every_block_of_python_is_run() -> None:
    assert GUIDE.count("```python") == len(FILES) == len(TESTS) + 1


@pytest.mark.curl
def test_the_commands_answer_what_stands_below_them(server: MockServer) -> None:
    commands = [block.replace("http://127.0.0.1:8219", server.url) for block in blocks(GUIDE, "sh")]
    told = blocks(GUIDE, "json")[: len(commands)]
    for command, expected in zip(commands, told, strict=True):
        answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=300, check=True).stdout
        start, _, _ = expected.partition("…")
        assert answer.startswith(start.strip())


def test_the_file_is_read_and_a_mistake_in_it_told_as_it_stands_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("bad-day.toml")
    (text,) = blocks(GUIDE, "toml")
    path.write_text(text)
    assert [scenario.name for scenario in read_file(path)] == [
        "rate-limited",
        "evening",
        "fail with CONTENT_VIOLATION",
        "callback",
    ]
    path.write_text(text.replace("statusTask", "statusTsk", 1))
    with pytest.raises(SettingsError) as error:
        read_file(path)
    assert f"ltx-mock: {error.value}\n" in blocks(GUIDE, "text")


def test_the_shapes_of_delays_are_read() -> None:
    for shape in json.loads(blocks(GUIDE, "json")[-1]):
        assert from_dict({"delay": shape}).outcome.delay is not None


@pytest.mark.parametrize("name", NAMED)
def test_each_scenario_has_a_recipe(name: str) -> None:
    recipes = GUIDE.partition("## Recipes")[2].partition("## Your own")[0]
    (row,) = re.findall(rf"^\| `{name}`( ∞)? \|", recipes, re.MULTILINE)
    assert bool(row) == (NAMED[name].match.times == "forever")
    assert any(name in text for text in FILES.values())


def test_the_reference_names_all_there_is() -> None:
    named = set(re.findall(r"`(\w+)`", GUIDE.partition("### Which requests")[2]))
    nested = {camel(item.name) for table in (Callback, Drift) for item in fields(table)}
    assert {*FIELDS, *FAULTS, *nested} <= named
