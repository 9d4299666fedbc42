"""The guide "Drift": its commands print what it shows, its code runs, and its workflow does what it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from ltx_mock.cli import COMMANDS, main
from mockserver.drift.test_drift import on
from support.pages import DOCS, blocks, page
from support.processes import LTX_MOCK
from support.recorded_lives import Reply, recorded, text, violating, write

pytestmark = pytest.mark.sample(2)

GUIDE = page("drift.md")
WORKFLOW: dict[Any, Any] = yaml.safe_load((DOCS.parent / "examples" / "github-drift.yml").read_text(encoding="utf-8"))
JOB = WORKFLOW["jobs"]["drift"]
STEPS = {step["name"]: step for step in JOB["steps"] if "name" in step}
BODIES = [*(text(prompt=f"wave {number}") for number in range(4)), violating()]


def changed(reply: Reply) -> Reply | None:
    first = on("statusTask", "success", lambda data: data.pop("costTime"))(reply)
    return first and on("statusTask", "processing", lambda data: data.update(progress=40))(first)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the recordings of the guide."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    write(recorded(bodies=BODIES, rhythm=2.0), tmp_path / "old")
    write(recorded("new-fail-codes", bodies=BODIES, seed=1, change=changed, rhythm=2.0), tmp_path / "recordings")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_the_commands_print_what_the_guide_shows(capsys: pytest.CaptureFixture[str]) -> None:
    commands = [line for block in blocks(GUIDE, "sh") for line in block.splitlines()]
    for command, shown, code in zip(commands[:2], blocks(GUIDE, "text")[:2], (1, 1), strict=True):
        with pytest.raises(SystemExit) as left:
            main(shlex.split(command)[1:])
        assert capsys.readouterr().out == shown
        assert left.value.code == code


@pytest.mark.usefixtures("folder")
def test_the_python_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    drift, timings = blocks(GUIDE, "python")
    exec(compile(drift, "drift.md", "exec"), {})
    assert "data.costTime is missing" in capsys.readouterr().out
    (learn,) = [line for block in blocks(GUIDE, "sh") for line in block.splitlines() if "timings" in line]
    with pytest.raises(SystemExit) as left:
        main(shlex.split(learn)[1:])
    assert left.value.code == 0
    exec(compile(timings, "drift.md", "exec"), {})


def test_the_options_of_the_page_are_there() -> None:
    known = {option for each in ("drift", "recordings", "serve") for option in options(each)}
    assert set(re.findall(r"(?<=`)--[a-z][a-z-]+", GUIDE)) <= known


def options(name: str) -> set[str]:
    """Return the options of a command and of its subcommands."""
    command = getattr(import_module(COMMANDS[name]), name.replace("-", "_"))
    found = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    return {option for each in found for parameter in each.params for option in parameter.opts}


def test_every_command_of_the_workflow_exists_with_its_options() -> None:
    commands = re.findall(r"^\s*ltx-mock (.*)$", "\n".join(step.get("run", "") for step in JOB["steps"]), re.MULTILINE)
    assert {command.split()[0] for command in commands} == {"record", "drift"}
    for command in commands:
        given = set(re.findall(r"(?<= )--[a-z-]+", command))
        assert given <= options(command.split()[0]), command


def test_the_workflow_is_scheduled_may_only_open_issues_and_pins_what_it_uses() -> None:
    assert WORKFLOW[True]["schedule"], "YAML reads `on` as true"
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert JOB["permissions"] == {"contents": "read", "issues": "write"}
    assert JOB["timeout-minutes"] <= 30
    used = [step["uses"] for step in JOB["steps"] if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", each) for each in used)
    assert all("${{" not in step.get("run", "") for step in JOB["steps"]), "no text from outside is shell code"
    assert "--max-tasks" in STEPS["Record a few tasks"]["run"]


@pytest.mark.parametrize("open_issue", ["", "7"])
@pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="needs bash")
def test_the_workflow_opens_an_issue_or_comments_on_the_open_one(folder: Path, open_issue: str) -> None:
    (folder / "recordings").rename(folder / "new")
    (folder / "old").rename(folder / "recordings")
    code, outputs, calls = steps_on(folder, open_issue)
    assert (code, outputs) == (0, "code=1\n")
    assert calls[0][:2] == ["issue", "list"]
    assert calls[1][:2] == (["issue", "comment"] if open_issue else ["issue", "create"])
    issue = (folder / "issue.md").read_text(encoding="utf-8")
    assert "    TASK-3  broken" in issue
    assert all(line.startswith("    ") for line in issue.splitlines() if "TASK" in line)


@pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="needs bash")
def test_the_workflow_opens_no_issue_if_nothing_has_changed(folder: Path) -> None:
    shutil.rmtree(folder / "recordings")
    shutil.copytree(folder / "old", folder / "recordings")
    (folder / "old").rename(folder / "new")
    assert steps_on(folder, "") == (0, "code=0\n", [])


@pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="needs bash")
def test_the_workflow_fails_if_there_is_nothing_to_compare(folder: Path) -> None:
    assert steps_on(folder, "")[0] != 0


def steps_on(folder: Path, open_issue: str) -> tuple[int, str, list[list[str]]]:
    """Run the steps that compare and open an issue: exit code, outputs, and the calls of `gh`."""
    tools = folder / "bin"
    tools.mkdir()
    script(tools / "ltx-mock", f'exec {shlex.join(LTX_MOCK)} "$@"')
    script(tools / "gh", f'printf "%s\\n" "$@" | tr "\\n" "\\t" >> "{folder}/gh.txt"; echo >> "{folder}/gh.txt"\n'
           f'case "$2" in list) echo "{open_issue}";; esac')  # fmt: skip
    environment = os.environ | {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_OUTPUT": str(folder / "outputs.txt"),
        "RUN_URL": "https://github.example/run/1",
    }
    code = 0
    for name in ("Compare", "Open an issue"):
        if code or (name != "Compare" and content(folder / "outputs.txt") != "code=1\n"):
            break
        ran = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]]
        code = subprocess.run(ran, cwd=folder, env=environment, check=False, capture_output=True).returncode
    calls = [line.strip("\t").split("\t") for line in content(folder / "gh.txt").splitlines()]
    return code, content(folder / "outputs.txt"), calls


def content(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_timings_of_the_guide_have_the_form_that_they_are_said_to_have(folder: Path) -> None:
    with pytest.raises(SystemExit):
        main(["recordings", "timings", "recordings", "--output", "timings.json"])
    lives = json.loads((folder / "timings.json").read_text())["lives"]
    assert [each.get("resolution") or each["failCode"] for each in lives] == ["480p", "SensitiveContentDetected"]
