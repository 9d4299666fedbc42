"""The guide "Check your client": its commands and its code run, its tables are true."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import jsonschema
import pytest

from ltx_mock.cli.check_client import check_client as command
from ltx_mock.client_checks import CASES, FUNCTION_CASES
from ltx_mock_schemas import schema
from support.pages import blocks, named_files, page, run_commands

ROOT = Path(__file__).parents[2]
GUIDE = page("check-your-client.md")
COMMANDS = blocks(GUIDE, "sh")
FILES = named_files(GUIDE)
BIN = Path(sys.executable).parent


def run(script: str, folder: Path) -> str:
    """Run commands of the guide, with one case where it has all, and return what they say."""
    if "--case" not in script:
        script = re.sub(
            r"^ltx-mock check-client (?!--list)", "ltx-mock check-client --case success ", script, flags=re.MULTILINE
        )
    (folder / "examples").symlink_to(ROOT / "examples")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return run_commands(script, folder)


@pytest.mark.slow
@pytest.mark.parametrize("number", [each for each, text in enumerate(COMMANDS) if "hasty" not in text])
def test_the_commands_of_the_guide_find_nothing_wrong_with_the_example(number: int, tmp_path: Path) -> None:
    assert "BAD" not in run(COMMANDS[number], tmp_path)
    if "report.json" in COMMANDS[number]:
        report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
        assert json.loads((tmp_path / "schema.json").read_text(encoding="utf-8")) == schema("client-report")
        jsonschema.validate(report, schema("client-report"), cls=jsonschema.Draft202012Validator)
        assert (tmp_path / "junit.xml").read_text(encoding="utf-8").startswith("<?xml")


def test_the_report_that_the_guide_shows_is_what_is_printed(tmp_path: Path) -> None:
    [script] = [each for each in COMMANDS if "hasty" in each]
    said = run(script, tmp_path)
    [shown] = blocks(GUIDE, "text")
    assert shown in said
    assert said.endswith("exit code 1\n")


@pytest.mark.slow
def test_the_function_of_the_guide_passes_every_case(tmp_path: Path) -> None:
    said = run("pytest -q -p no:cacheprovider -p no:asyncio test_video_client.py", tmp_path)
    assert f"{len(FUNCTION_CASES)} passed" in said


@pytest.mark.slow
def test_the_object_of_the_guide_lives_through_random_stories(tmp_path: Path) -> None:
    assert "1 passed" in run("pytest -q -p no:cacheprovider -p no:asyncio test_stories.py", tmp_path)


def test_every_block_of_code_is_run() -> None:
    assert GUIDE.count("```python") == len(FILES) == 4
    assert GUIDE.count("```sh") == len(COMMANDS)


def test_the_table_has_every_case() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (.+?) \| (CLI-.+?) \| (\w+) \|$", GUIDE, re.MULTILINE)
    assert rows == [(case.name, case.about, ", ".join(case.rules), case.end) for case in CASES]


def test_the_guide_names_every_option_and_no_other() -> None:
    there = {
        option
        for each in command.params
        if not getattr(each, "hidden", False)
        for option in each.opts
        if option.startswith("--")
    }
    told = set(re.findall(r"(?<![\w-])(--[a-z]+(?:-[a-z]+)*)\b", GUIDE))
    assert there == told
