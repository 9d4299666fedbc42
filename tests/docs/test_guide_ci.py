"""The guide "Check the contract in CI": its commands run, its tables are true."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest
import yaml

from contracts.conformance import test_prism as prism
from ltx_mock import MockServer
from ltx_mock.cli import CANNOT_RUN, CLEAN, FINDINGS
from ltx_mock_contracts.conformance import Options
from ltx_mock_contracts.rules import RULES
from support.pages import blocks, page, run_commands

ROOT = Path(__file__).parents[2]
GUIDE = page("check-in-ci.md")
COMMANDS = blocks(GUIDE, "sh")
SHOWN = 1
BIN = Path(sys.executable).parent
OWN = {"--rule", "--json", "--output", "--github", "--seed", "--documented-only", "--baseline"}


def run(block: str, folder: Path, url: str) -> str:
    """Run the commands of a block with few examples, and return what they say."""
    script = block.replace("http://127.0.0.1:8219", url)
    script = re.sub(r"^ltx-mock check (?=http)", "ltx-mock check --max-examples 1 ", script, flags=re.MULTILINE)
    script = re.sub(r"^pytest ", "pytest -p no:asyncio --ltx-max-examples 2 ", script, flags=re.MULTILINE)
    return run_commands(script, folder)


@pytest.mark.slow
@pytest.mark.parametrize("number", [number for number in range(len(COMMANDS)) if number != SHOWN])
def test_the_commands_of_the_guide_do_what_it_says(number: int, tmp_path: Path) -> None:
    with MockServer() as mock:
        said = run(COMMANDS[number], tmp_path, mock.url)
    assert "broken" not in re.sub(r"\b0 broken", "", said)
    if "report.json" in COMMANDS[number]:
        report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
        jsonschema.validate(report, json.loads((tmp_path / "schema.json").read_text(encoding="utf-8")))
        assert (tmp_path / "junit.xml").read_text(encoding="utf-8").startswith("<?xml")


def test_the_table_of_the_guide_is_what_is_printed(tmp_path: Path) -> None:
    shown = re.findall(r"^([A-Z]+-\d+) +(\w+) ", GUIDE.partition("```text\nRule ")[2].partition("```")[0], re.MULTILINE)
    with MockServer() as mock:
        said = run(COMMANDS[SHOWN], tmp_path, mock.url)
    assert re.findall(r"^([A-Z]+-\d+) +(\w+) ", said, re.MULTILINE) == shown


def test_the_guide_names_no_option_that_is_not_there() -> None:
    there = {f"--{each.name.replace('_', '-')}" for each in fields(Options) if each.metadata} | OWN
    elsewhere = {"--pyargs", "--junitxml", "--url", "--clock", "--max-concurrent", "--ltx-base-url"}
    named = {name.replace("--ltx-", "--") for name in re.findall(r"--[a-z][a-z-]*[a-z]", GUIDE.replace("`--ltx-`", ""))}
    assert named - there - {name.replace("--ltx-", "--") for name in elsewhere} == set()


def test_the_exit_codes_are_those_of_the_guide() -> None:
    table = GUIDE.partition("## Exit codes")[2]
    assert {
        int(code): meaning for code, meaning in re.findall(r"^\| ([012]) \| ([a-z ]+[a-z])", table, re.MULTILINE)
    } == {
        CLEAN: "no rule is broken",
        FINDINGS: "some rules are broken",
        CANNOT_RUN: "nothing could be checked",
    }


def test_the_guide_tells_what_prism_breaks() -> None:
    table = GUIDE.partition("## What the checks find")[2]
    told = {rule for row in re.findall(r"^\| ([A-Z].*?) \|", table, re.MULTILINE) for rule in row.split(", ")}
    assert told == {*prism.BROKEN, "CB-3"}
    assert told <= set(RULES)


def test_the_yaml_of_the_guide_is_yaml() -> None:
    texts = blocks(GUIDE, "yaml")
    assert len(texts) == 3
    assert all(yaml.safe_load(text) for text in texts)
