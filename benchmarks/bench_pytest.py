"""The pytest plugin beside pytest-httpserver and a mock written by hand with respx: start-up, a tenant, 1,000 tests.

Each suite tests the same client in the same way: a task is submitted, is not ready, and then ready. With ltx-mock that
is the behaviour of the fake; the other two are given three constant answers and validate nothing, and respx needs no
socket. All suites import httpx, so its import belongs to no mock. Sessions load only the plugins named.

The suites run in turn, in some rounds. Of 1,000 tests in two processes the median of the wall-clock time counts; of the
sessions in one process the lowest processor time, which other programs disturb least.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from _servers import ENVIRONMENT

from ltx_mock import MockServer

TESTS = 1_000
WORKERS = 2
ROUNDS, STARTS = 3, 9
WITHOUT_OTHERS = ENVIRONMENT | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

CLIENT = """
import httpx
import pytest

BODY = {"input": {"mode": "text-to-video", "prompt": "a calm sea", "resolution": "480p", "duration": 5}}
GENERATE, STATUS = "/generateTask/ltx-2-19b", "/statusTask/ltx-2-19b"

def submitted(client):
    return client.post(GENERATE, json=BODY).json()["data"]["taskId"]

def state(client, task_id):
    return client.get(STATUS, params={"taskId": task_id}).json()["data"]["state"]

def data(**values):
    return {"code": 200, "message": "success", "data": {"taskId": "task_1", **values}}
"""

OURS = """
@pytest.mark.parametrize("number", range(TESTS))
def test_video(ltx_mock, number):
    with ltx_mock.client() as client:
        task_id = submitted(client)
        assert state(client, task_id) == "pending"
        ltx_mock.clock.advance(120)
        assert state(client, task_id) == "success"
"""

HTTPSERVER = """
@pytest.mark.parametrize("number", range(TESTS))
def test_video(httpserver, number):
    httpserver.expect_request(GENERATE, method="POST").respond_with_json(data())
    for each in ("pending", "success"):
        httpserver.expect_oneshot_request(STATUS).respond_with_json(data(state=each))
    with httpx.Client(base_url=httpserver.url_for(""), verify=False, trust_env=False) as client:
        task_id = submitted(client)
        assert [state(client, task_id) for _ in range(2)] == ["pending", "success"]
"""

RESPX = """
@pytest.mark.parametrize("number", range(TESTS))
def test_video(respx_mock, number):
    answers = [httpx.Response(200, json=data(state=each)) for each in ("pending", "success")]
    respx_mock.post("https://api.test" + GENERATE).respond(json=data())
    respx_mock.get("https://api.test" + STATUS).mock(side_effect=answers)
    with httpx.Client(base_url="https://api.test", verify=False, trust_env=False) as client:
        task_id = submitted(client)
        assert [state(client, task_id) for _ in range(2)] == ["pending", "success"]
"""

EMPTY = """
@pytest.mark.parametrize("number", range(TESTS))
def test_empty(number):
    pass
"""

TENANT = """
@pytest.mark.parametrize("number", range(TESTS))
def test_tenant(ltx_mock, number):
    pass
"""


class Suite(NamedTuple):
    """A session: its plugin, the package that has it, and the text of its tests after `CLIENT`."""

    plugin: str
    package: str
    tests: str


PLUGIN = "ltx_mock.pytest_plugin"
NOTHING = Suite("", "pytest", EMPTY)
UNUSED = Suite(PLUGIN, "ltx_mock", EMPTY)
WORLD = Suite(PLUGIN, "ltx_mock", TENANT)
MOCKS = {
    "ltx-mock": Suite(PLUGIN, "ltx_mock", OURS),
    "pytest-httpserver": Suite("pytest_httpserver.pytest_plugin", "pytest_httpserver", HTTPSERVER),
    "respx, by hand": Suite("respx.plugin", "respx", RESPX),
}


class Took(NamedTuple):
    """What a session took: seconds of wall-clock time and of processor time."""

    wall: float
    processor: float


def session(suite: Suite, tests: int, workers: int = 0) -> Took:
    """Run a session of so many tests."""
    begun, used = time.perf_counter(), _processor_seconds()
    run(suite, tests, *(("-p", "xdist", "-n", str(workers)) if workers else ()))
    return Took(time.perf_counter() - begun, _processor_seconds() - used)


def run(suite: Suite, tests: int, *options: str, under: Sequence[str] = ()) -> None:
    """Run pytest with a suite of so many tests and more options, `under` another program."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_suite.py").write_text(f"TESTS = {tests}\n{CLIENT}{suite.tests}")
        plugin = ("-p", suite.plugin) if suite.plugin else ()
        command = [*under, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *options]
        done = subprocess.run(command, cwd=folder, env=WITHOUT_OTHERS, capture_output=True, text=True, check=False)
    if f"{tests} passed" not in done.stdout:
        raise SystemExit(f"unexpected outcome:\n{done.stdout}{done.stderr}")


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def in_turn(suites: Mapping[str, Suite], rounds: int, tests: int, workers: int = 0) -> dict[str, list[Took]]:
    """Return what the sessions of each suite took, one in each round."""
    found: dict[str, list[Took]] = {name: [] for name in suites}
    for _ in range(rounds):
        for name, suite in suites.items():
            found[name].append(session(suite, tests, workers))
    return found


def processor_ms(suites: Mapping[str, Suite], rounds: int, tests: int) -> dict[str, float]:
    """Return how many milliseconds of processor time each suite takes more than the first."""
    best = {name: min(each.processor for each in took) for name, took in in_turn(suites, rounds, tests).items()}
    base = next(iter(best.values()))
    return {name: (each - base) * 1000 for name, each in best.items()}


def starts(mocks: Mapping[str, Suite]) -> dict[str, Suite]:
    """Return the sessions of one test; the first one has no mock."""
    return {"no mock": NOTHING, "ltx-mock, not used": UNUSED, "ltx-mock, a tenant": WORLD, **mocks}


def installed_mocks() -> dict[str, Suite]:
    """Return the suites whose packages are installed, and name the others."""
    there = {name: each for name, each in MOCKS.items() if importlib.util.find_spec(each.package)}
    for name in MOCKS.keys() - there.keys():
        print(f"{name} is left out, it is not installed: pip install {MOCKS[name].package}")
    return there


def start_up(mocks: Mapping[str, Suite], rounds: int) -> None:
    """Print what a session of one test costs more than one without a mock."""
    print("| a session of one test | more than without a mock, ms |\n|---|---|")
    for name, took in processor_ms(starts(mocks), rounds, 1).items():
        print(f"| {name} | {took:.0f} |")


def fresh_tenant(rounds: int) -> None:
    """Print what a new tenant costs, alone and as a fixture of a test."""
    with MockServer(clock="manual") as server:
        took = min(timeit.repeat(lambda: server.tenant().close(), number=TESTS, repeat=5)) / TESTS * 1000
    fixture = processor_ms({"no fixture": UNUSED, "fixture": WORLD}, rounds, TESTS)["fixture"] / TESTS
    print(f"\na tenant opened and closed: {took:.2f} ms; the fixture `ltx_mock` in an empty test: {fixture:.2f} ms")


def many_tests(mocks: Mapping[str, Suite], rounds: int) -> None:
    """Print what 1,000 tests take in parallel."""
    took = {
        name: median(each.wall for each in sessions)
        for name, sessions in in_turn({"no mock, empty tests": NOTHING, **mocks}, rounds, TESTS, WORKERS).items()
    }
    print(f"\n| {TESTS:,} tests, `-n {WORKERS}` | seconds | ratio |\n|---|---|---|")
    for name, each in took.items():
        print(f"| {name} | {each:.1f} | {each / took['ltx-mock']:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one round of each")
    quick = parser.parse_args().quick
    rounds = 1 if quick else ROUNDS
    there = installed_mocks()
    start_up(there, 1 if quick else STARTS)
    fresh_tenant(rounds)
    many_tests(there, rounds)


if __name__ == "__main__":
    main()
