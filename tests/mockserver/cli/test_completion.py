"""Completion in real shells, and what it completes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from ltx_mock import MockServer
from ltx_mock.cli import cli
from ltx_mock.client_checks import CASES
from ltx_mock.core.shipped import examples
from ltx_mock.scenarios import NAMED
from ltx_mock_contracts import RULES
from support.bodies import submit
from support.processes import clean_environment, ltx_mock
from support.receivers import Receiver
from support.terminals import Terminal
from support.waiting import SECONDS

PATH = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


def completed(*words: str) -> list[str]:
    """Return what is offered for the last word."""
    *args, incomplete = words
    return [each.value for each in ShellComplete(cli, {}, "ltx-mock", "X").get_completions(args, incomplete)]


def shell(command: list[str]) -> str:
    done = subprocess.run(
        command, env=clean_environment(**PATH), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.posix
@needs("bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("ltx-mock check-", ["check-client", "check-trace"]),
        ("ltx-mock rules gen-10", ["GEN-10"]),
        ("ltx-mock scenarios add rate-", ["rate-limited"]),
        ("ltx-mock check-client --case connection-", [c.name for c in CASES if c.name.startswith("connection-")]),
    ],
)
def test_bash_completes(words: str, offered: list[str]) -> None:
    script = f"""
        eval "$(ltx-mock completion bash)"
        COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        $(complete -p ltx-mock | sed 's/.*-F \\([^ ]*\\).*/\\1/') ltx-mock
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    assert shell(["bash", "--norc", "-c", script]).split() == offered


@pytest.mark.posix
@needs("fish")
def test_fish_completes_with_descriptions() -> None:
    script = 'ltx-mock completion fish | source; complete -C "ltx-mock rules GEN-10"'
    assert shell(["fish", "--no-config", "-c", script]).split("\t")[0] == "GEN-10"


@pytest.mark.posix
@needs("zsh")
def test_zsh_completes_at_the_tab_key(tmp_path: Path) -> None:
    typing = Terminal(["zsh", "-f", "-i"], 120, PATH | {"HOME": str(tmp_path), "PS1": "ready> "})
    try:
        typing.wait_for("ready> ")
        typing.type('autoload -Uz compinit && compinit -D -u; eval "$(ltx-mock completion zsh)"; echo do""ne\n')
        typing.wait_for("done")
        typing.type("ltx-mock schema generate-resp\t")
        typing.wait_for("ltx-mock schema generate-response")
    finally:
        typing.close()


def test_the_shell_may_be_that_of_the_environment() -> None:
    assert ltx_mock("completion", env={"SHELL": "/bin/zsh"})[1].startswith("#compdef ltx-mock")
    told = "ltx-mock: name the shell: ltx-mock completion bash|zsh|fish\n"
    assert ltx_mock("completion", env={"SHELL": "/bin/ksh"}) == (2, "", told)


@pytest.mark.parametrize(
    ("words", "all_of_them"),
    [
        (("scenarios", "add", ""), set(NAMED)),
        (("serve", "--scenario", ""), set(NAMED)),
        (("check-client", "--case", ""), {case.name for case in CASES}),
        (("check", "http://x", "--rule", ""), set(RULES) | {rule.group for rule in RULES.values()}),
        (("check-trace", "x", "--exclude-rule", "GEN-1"), {rule for rule in RULES if rule.startswith("GEN-1")}),
        (("requests", "--finding", "an"), {"any"}),
        (("tasks", "x", "--finish", ""), {"success", "failed"}),
        (("tasks", "x", "--fail-code", "CONTENT"), {"CONTENT_VIOLATION"}),
        (("completion", ""), {"bash", "zsh", "fish"}),
        (("examples", "node"), {"node", *(name for name in examples() if name.startswith("node/"))}),
        (("docs", "make-"), {"make-it-fail"}),
    ],
)
def test_names_are_completed(words: tuple[str, ...], all_of_them: set[str]) -> None:
    assert set(completed(*words)) == all_of_them


@pytest.mark.parametrize("words", [("scenarios", "add", "my"), ("check-trace", "x"), ("check", "u", "--output", "x")])
def test_files_are_completed_by_the_shell(words: tuple[str, ...]) -> None:
    *args, incomplete = words
    found = ShellComplete(cli, {}, "ltx-mock", "X").get_completions(args, incomplete)
    assert [(each.type, each.value) for each in found] == [("file", incomplete)]


def test_tasks_of_the_running_server_are_completed_the_newest_first() -> None:
    with MockServer(clock="manual") as mock, mock.client() as client:
        made = [submit(client) for _ in range(3)]
        at = ("--url", mock.url)
        assert completed("tasks", *at, "") == made[::-1]
        assert completed("requests", *at, "--task", made[0]) == [made[0]]
        assert completed("callbacks", "redeliver", *at, "") == []


def test_without_a_server_there_are_no_tasks_and_no_error() -> None:
    with Receiver() as gone:
        pass
    assert completed("tasks", "--url", gone.root, "") == []
    assert completed("tasks", "--url", "not a url", "") == []


def test_every_option_that_takes_a_name_of_ours_is_completed() -> None:
    """A list of names that is only in the help has to be typed by hand."""
    missing = []
    for path, option in options_of(cli):
        names = option.metavar in {"ID", "TASK_ID", "NAME", "RULE", "NAME|FILE", "FILE"} or option.name == "name"
        if names and option.name != "tenant":
            custom = option._custom_shell_complete or isinstance(option.type, click.Path)
            missing += [] if custom else [f"{path} {option.name}"]
    assert missing == []


def options_of(command: click.Command, path: str = "ltx-mock") -> list[tuple[str, click.Parameter]]:
    found: list[tuple[str, click.Parameter]] = [(path, each) for each in command.params]
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            inner = command.get_command(click.Context(command), name)
            assert inner is not None
            found += options_of(inner, f"{path} {name}")
    return found
