"""The guide "The command line": its commands run, and print what it shows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from ltx_mock.cli import COMMANDS, cli
from support.pages import blocks, page, run_commands

GUIDE = page("cli.md")


def test_the_commands_run_and_print_what_the_guide_shows(tmp_path: Path) -> None:
    told = [run_commands(block, tmp_path) for block in blocks(GUIDE, "sh")]
    assert blocks(GUIDE, "text")[0] in told[0]
    checks = json.loads((tmp_path / "doctor.json").read_text(encoding="utf-8"))["checks"]
    assert set(checks[0]) == {"name", "text", "advice", "ok"}


def test_the_guide_names_commands_and_options_that_are_there() -> None:
    table = GUIDE.partition("| to | command |")[2].partition("##")[0]
    named = {word for code in re.findall(r"`([^`]+)`", table) for word in code.removeprefix("ltx-mock ").split()[:1]}
    assert named - set(COMMANDS) == set()
    there = {option for command in all_commands(cli) for each in command.params for option in each.opts}
    rows = GUIDE.partition("## Options mean")[2].partition("##")[0]
    options = set(re.findall(r"`(--?[a-z-]+)", rows))
    assert options - there == set()


def all_commands(command: click.Command) -> list[click.Command]:
    found = [command]
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            inner = command.get_command(click.Context(command), name)
            assert inner is not None
            found += all_commands(inner)
    return found
