"""An installation that only serves: without the extra `test`, so without pytest and Hypothesis."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import ltx_mock
import ltx_mock_contracts
from ltx_mock.cli import COMMANDS

ROOT = Path(__file__).parents[2]
ABSENT = ("hypothesis", "pytest", "_pytest")
HIDE = """
import sys
from importlib.machinery import PathFinder

find = PathFinder.find_spec
hide = lambda _, name, *more: None if name.partition(".")[0] in {!r} else find(name, *more)
PathFinder.find_spec = classmethod(hide)
"""
REMEDY = "needs Hypothesis; install it with: pip install 'ltx-mock[test]', or in a clone with: make install"
NEED_HYPOTHESIS = (
    "ltx_mock.client_checks.machine",
    "ltx_mock_contracts.conformance.runner",
    "ltx_mock_contracts.conformance.suite",
    "ltx_mock_contracts.fuzzing",
    "ltx_mock_contracts.machine",
    "ltx_mock_contracts.needs_hypothesis",
    "ltx_mock_contracts.stateful",
    "ltx_mock_contracts.strategies",
)
NEED_PYTEST = (
    "ltx_mock.pytest_plugin",
    "ltx_mock.testing.pytest_recording",
    "ltx_mock.testing.pytest_spending",
    "ltx_mock.testing.pytest_worlds",
    "ltx_mock_contracts.conformance.adapter",
    "ltx_mock_contracts.conformance.conftest",
    "ltx_mock_contracts.conformance.plugin",
    "ltx_mock_contracts.conformance.test_checks",
)


def run_without(
    code: str, *arguments: str, absent: tuple[str, ...] = ABSENT, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter in which some packages cannot be imported."""
    command = [sys.executable, "-c", HIDE.format(absent) + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_without("from ltx_mock.cli import main; main(sys.argv[1:])", *arguments)


def test_the_extra_has_what_an_installation_without_it_lacks() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {Requirement(each).name for each in project["optional-dependencies"]["test"]} == {"hypothesis", "pytest"}
    assert {Requirement(each).name for each in project["optional-dependencies"]["redis"]} == {"redis"}
    assert {Requirement(each).name for each in project["optional-dependencies"]["mcp"]} == {"mcp"}
    assert {Requirement(each).name for each in project["optional-dependencies"]["testcontainers"]} == {"testcontainers"}
    assert not {Requirement(each).name for each in project["dependencies"]} & set(ABSENT)


def test_no_installation_makes_imports_of_httpx_slower() -> None:
    """httpx imports these for its own command, where it finds all of them; uvicorn needs click already."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [project["optional-dependencies"][name] for name in ("test", "mcp", "redis", "testcontainers")]
    needed = [Requirement(each).name for each in sum(extras, project["dependencies"])]
    assert not {"rich", "pygments"} & set(needed)


@pytest.mark.slow
def test_all_other_modules_can_be_imported() -> None:
    names = [
        module.name
        for package in (ltx_mock, ltx_mock_contracts)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.", onerror=lambda _: None)
        if not module.name.startswith((*NEED_HYPOTHESIS, *NEED_PYTEST)) and not module.name.endswith("__main__")
    ]
    done = run_without(f"from importlib import import_module\nfor name in {names!r}: import_module(name)")
    assert len(names) > 100
    assert done.returncode == 0, done.stderr


def test_an_import_that_needs_the_extra_names_it() -> None:
    statements = [
        *(f"import {name}" for name in NEED_HYPOTHESIS),
        "from ltx_mock import strategies",
        "from ltx_mock.client_checks import ClientMachine",
        "from ltx_mock_contracts import strategies",
        "from ltx_mock_contracts import TaskMachine",
        "from ltx_mock_contracts import fuzz_responses",
        "from ltx_mock_contracts.conformance import check_server",
        "from ltx_mock_contracts.fuzzing.deterministic import draw",
    ]
    attempt = "try: {0}\nexcept ModuleNotFoundError as error: print(error)\nelse: print({0!r})"
    done = run_without("\n".join(attempt.format(each) for each in statements))
    assert done.stdout.splitlines() == [f"this {REMEDY}"] * len(statements), done.stderr


def test_an_import_that_needs_redis_names_its_extra() -> None:
    done = run_without("import ltx_mock.store.redis_backend", absent=("redis",))
    remedy = "redis; install it with: pip install 'ltx-mock[redis]', or in a clone with: make install"
    assert done.stderr.splitlines()[-1].endswith(f"MissingExtraError: this needs {remedy}")


def test_the_command_for_agents_names_its_extra_in_a_line() -> None:
    done = run_without("from ltx_mock.cli import main; main(['mcp'])", absent=("mcp", "mcp_types"))
    remedy = "the MCP SDK; install it with: pip install 'ltx-mock[mcp]', or in a clone with: make install"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"ltx-mock: `mcp` needs {remedy}\n")


def test_an_import_that_needs_testcontainers_names_its_extra() -> None:
    done = run_without("import ltx_mock.testcontainer", absent=("testcontainers",))
    remedy = "testcontainers; install it with: pip install 'ltx-mock[testcontainers]', or in a clone with: make install"
    assert done.stderr.splitlines()[-1].endswith(f"MissingExtraError: this needs {remedy}")


def test_each_command_prints_its_help() -> None:
    code = f"""
from click.testing import CliRunner
from ltx_mock.cli import cli
for command in {sorted(COMMANDS)!r}:
    assert CliRunner().invoke(cli, [command, "--help"], catch_exceptions=False).exit_code == 0
"""
    assert run_without(code).returncode == 0


@pytest.mark.parametrize("arguments", [["check", "http://127.0.0.1:9"], ["fuzz", "--kind", "valid", "--out", "corpus"]])
def test_a_command_that_needs_the_extra_names_it_in_a_line(arguments: list[str]) -> None:
    done = run_command(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"ltx-mock: `{arguments[0]}` {REMEDY}\n")


def test_the_fake_serves_and_other_peoples_clients_are_checked() -> None:
    client = ROOT / "examples" / "python" / "httpx_client.py"
    done = run_command("check-client", "--case", "unauthorized", "--", sys.executable, str(client), "a calm sea")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_plugin_does_without_hypothesis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # among the others is that of Hypothesis
    (tmp_path / "test_it.py").write_text("def test_world(ltx_mock, ltx_callbacks): assert ltx_mock.tasks == []\n")
    options = ["-p", "ltx_mock.pytest_plugin", "-p", "no:cacheprovider"]
    code = f"import pytest; sys.exit(pytest.main({options!r}))"
    done = run_without(code, absent=("hypothesis",), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_checks_in_pytest_name_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    options = ["-p", "ltx_mock.pytest_plugin", "--pyargs", "ltx_mock_contracts.conformance"]
    code = f"import pytest; sys.exit(pytest.main({options!r}))"
    done = run_without(code, absent=("hypothesis",), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (4, f"ERROR: the checks {REMEDY.replace('needs', 'need')}\n\n"), (
        done.stdout
    )
