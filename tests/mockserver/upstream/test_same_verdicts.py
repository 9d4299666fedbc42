"""Through the proxy, clients and servers get the verdicts that they get without it."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ltx_mock.client_checks import CASES
from ltx_mock.client_checks.runner import CheckResult
from ltx_mock_contracts.conformance import Options, Pace, check_server
from mutants.clients import MUTANTS, GoodClient
from support.independent_server import KEYS, VIOLATING, IndependentServer
from support.processes import clean_environment, ltx_mock
from support.proxies import proxy_thread
from support.told_clients import found_in

EXAMPLES = Path(__file__).parents[3] / "examples"
CLIENTS = [
    pytest.param([sys.executable, str(EXAMPLES / "python" / "httpx_client.py")], id="python"),
    pytest.param(["node", str(EXAMPLES / "node" / "client.mjs")], marks=pytest.mark.node, id="node"),
    pytest.param(["bash", str(EXAMPLES / "curl" / "generate.sh")], marks=pytest.mark.curl, id="curl"),
]
TRANSPORT = ("chunked", "gzipped", "closes-connections", "redirects", "signed-urls", "text-html", "framework-405")
"""Dialects of a server that a proxy could spoil."""


def verdict(found: CheckResult) -> dict[str, Any]:
    """Return what was found: for each rule the outcome and the deviations."""
    return {
        each.rule: (each.outcome, [(one.title, one.expected, one.actual) for one in each.deviations])
        for each in found.report.verdicts
    }


@pytest.mark.sample
@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_a_good_client_passes_every_case_through_the_proxy(name: str) -> None:
    assert verdict(found_in(GoodClient, name, front=proxy_thread)) == verdict(found_in(GoodClient, name))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MUTANTS)[::4])  # each was tried once; all take minutes
def test_a_bug_of_a_client_is_found_through_the_proxy_too(name: str) -> None:
    kind, case = MUTANTS[name].client, MUTANTS[name].case
    assert verdict(found_in(kind, case, front=proxy_thread)) == verdict(found_in(kind, case))


THROUGH = """
import os, subprocess, sys
from support.proxies import proxied
with proxied(os.environ["APIXO_BASE_URL"]) as (url, _):
    os.environ["APIXO_BASE_URL"] = f"{url}/api/v1"
    sys.exit(subprocess.call(sys.argv[1:]))
"""
"""A program that runs another through the proxy."""


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_an_example_passes_check_client_through_the_proxy(client: list[str], tmp_path: Path) -> None:
    cases = (
        "success",
        "content-violation",
        "rate-limited",
        "reset-poll",
        "lost-answer",
        "unknown-state",
        "cut-download",
    )
    code, out, err = ltx_mock(
        "check-client",
        *(f"--case={name}" for name in cases),
        *("--", sys.executable, "-c", THROUGH, *client, "a city", "out.mp4"),
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        timeout=600,
    )
    assert code == 0, out + err


class Hurrying(IndependentServer):
    """A server whose time passes by twenty seconds with each status that is read."""

    def status(self, key: str, query: str) -> dict[str, Any]:
        self.advance(20)
        return super().status(key, query)


@pytest.mark.sample
@pytest.mark.parametrize("prompt", ["a city", VIOLATING])
@pytest.mark.parametrize("key", [KEYS[0], "wrong-key"])
@pytest.mark.parametrize("client", CLIENTS)
def test_an_example_ends_alike_on_an_independent_server(
    client: list[str], key: str, prompt: str, tmp_path: Path
) -> None:
    ends = []
    for name, front in (("direct", nullcontext), ("through", proxy_thread)):
        folder = tmp_path / name
        folder.mkdir()
        with Hurrying() as api, front(api.url) as url:
            access = {"APIXO_BASE_URL": f"{url}/api/v1", "APIXO_API_KEY": key}
            waits = {"APIXO_FIRST_POLL_SECONDS": "0", "APIXO_POLL_SECONDS": "0"}
            done = subprocess.run(
                [*client, prompt, "out.mp4"],
                capture_output=True,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                encoding="utf-8",
                env=clean_environment(**access, **waits),
                timeout=300,
                check=False,
            )
            tasks = list(api.tasks)
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        ends.append((done.returncode, done.stdout, done.stderr.replace(url, ""), tasks, files))
    assert ends[0] == ends[1]
    assert (ends[0][0] == 0) == (key in KEYS and prompt != VIOLATING)


class Moved(Pace):
    """Time that passes on the server when the checks wait for it."""

    def __init__(self, server: IndependentServer) -> None:
        self._server = server

    def now(self) -> float:
        return self._server.now

    def sleep(self, seconds: float) -> None:
        self._server.advance(seconds)


@pytest.mark.slow
@pytest.mark.sample
@pytest.mark.parametrize("dialects", [(), *((each,) for each in TRANSPORT)], ids=str)
def test_a_server_gets_the_same_verdicts(dialects: tuple[str, ...]) -> None:
    outcomes = []
    for front in (nullcontext, proxy_thread):
        with IndependentServer(*dialects) as server, front(server.url) as url:
            options = Options(url=url, api_key=KEYS[0], other_key=KEYS[1], violating_prompt=VIOLATING, max_tasks=80)
            report = check_server(replace(options, max_examples=1), pace=Moved(server))
        outcomes.append({each.rule: each.outcome for each in report.verdicts})
    assert outcomes[0] == outcomes[1]
    assert "broken" not in outcomes[0].values()
