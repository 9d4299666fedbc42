"""What others run for us, GitHub and pre-commit, is what `make` runs here."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from ltx_mock.version import VERSION

ROOT = Path(__file__).parents[2]
WORKFLOW: dict[Any, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "check.yml").read_text(encoding="utf-8"))
RELEASE: dict[Any, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))
JOB = WORKFLOW["jobs"]["check"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PYTHONS = JOB["strategy"]["matrix"]["python"]


def recipe(target: str) -> list[str]:
    """Return the commands of a target of the Makefile."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found, target
    return [line.strip() for line in found[1].splitlines()]


def test_the_workflow_runs_make_check_and_no_command_of_its_own() -> None:
    commands = [step["run"] for step in JOB["steps"] if "run" in step]
    assert commands == ["choco install make --yes --no-progress", "make check PYTHON=python"]
    assert {"check", "lint", "types", "test"} <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert re.search(r"^check: lint types test ", MAKEFILE, re.MULTILINE)


def test_it_runs_on_each_system_and_each_python_that_the_project_is_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [each.rpartition(" ")[2] for each in project["classifiers"] if re.search(r":: 3\.\d+$", each)]
    assert PYTHONS == ["3.11", "3.12", "3.13", "3.14"]
    assert set(named) <= set(PYTHONS)
    assert project["requires-python"] == f">={PYTHONS[0]}"
    assert JOB["strategy"]["matrix"]["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    assert JOB["strategy"]["fail-fast"] is False


def test_it_may_only_read_and_ends() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert JOB["timeout-minutes"] <= 60
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"]) for step in JOB["steps"] if "uses" in step)


def writes(workflow: dict[Any, Any]) -> dict[str, set[str]]:
    """Return what each job may write."""
    rights = {name: job.get("permissions", {}) for name, job in workflow["jobs"].items()}
    return {name: {each for each in given if given[each] == "write"} for name, given in rights.items()}


def test_a_job_may_write_what_it_publishes_and_nothing_else() -> None:
    assert [workflow["permissions"] for workflow in (WORKFLOW, RELEASE)] == [{"contents": "read"}] * 2
    assert not any(writes(WORKFLOW).values())
    attesting = {"id-token", "attestations"}
    assert writes(RELEASE) == {"build": attesting, "publish": {"id-token"}, "image": {*attesting, "packages"}}


def test_a_release_is_built_attested_and_published_for_two_architectures_without_a_secret() -> None:
    steps = [step for job in RELEASE["jobs"].values() for step in job["steps"]]
    used = [step["uses"].partition("@")[0] for step in steps if "uses" in step]
    assert used.count("actions/attest-build-provenance") == 2
    assert "pypa/gh-action-pypi-publish" in used
    (push,) = [step["with"] for step in steps if step.get("uses", "").startswith("docker/build-push-action@")]
    assert push["platforms"] == "linux/amd64,linux/arm64"
    assert re.findall(r"secrets\.(\w+)", str(RELEASE)) == ["GITHUB_TOKEN"]
    assert RELEASE["jobs"]["publish"]["environment"] == "pypi"
    commands = [step["run"] for step in steps if "run" in step]
    assert commands == ['.ci/releasable "$GITHUB_REF_NAME"', "make build PYTHON=python", "make image"]


@pytest.mark.posix
def test_a_tag_that_does_not_fit_is_no_release() -> None:
    for tag, problem in (("v99.0.0", "the tag is v99.0.0"), (f"v{VERSION}", "names no owner|has no part")):
        done = subprocess.run([ROOT / ".ci" / "releasable", tag], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert re.search(problem, done.stderr)


@pytest.mark.parametrize(("system", "place"), [("", ".venv/bin/"), ("Windows_NT", ".venv/Scripts/")])
def test_make_finds_the_environment_of_each_system(system: str, place: str) -> None:
    command = ["make", "--dry-run", "--always-make", f"OS={system}", "lint"]
    environment = {"PATH": os.environ["PATH"]}  # without what the make around these tests hands on, such as VENV
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert f"{place}ruff check .\n" in done.stdout
    assert f"{place}python -m pip install" in done.stdout


def test_pre_commit_runs_the_commands_of_make() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    ours = [line.replace("$(BIN)", ".venv/bin") for target in ("format", "types") for line in recipe(target)]
    assert sorted(hook["entry"] for hook in hooks) == sorted(line.removesuffix(" .") for line in ours)
    assert all(hook["language"] == "system" for hook in hooks)
