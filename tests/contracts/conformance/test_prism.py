"""The checks hold a server that we did not write to the contract: Prism, which serves our OpenAPI document.

Prism checks requests by the document and answers with its examples. It knows no keys, no tasks and no time, so which
rules it breaks can be told beforehand; none of them is about what the document says of a request.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ltx_mock.client_checks.programs import free_port
from ltx_mock_contracts import Report
from ltx_mock_contracts.conformance import Options, check_server
from ltx_mock_contracts.conformance.harness.clocks import Pace
from ltx_mock_schemas import openapi
from support.processes import Process, ltx_mock

pytestmark = pytest.mark.prism

KEY, OTHER = "first-key", "second-key"
SAMPLE_RESULT = "https://r2.apixo.ai/video.mp4"
SUBMIT = "/api/v1/generateTask/ltx-2-19b"
BROKEN = {
    "ENV-1": "for a JSON text that it cannot read it has errors of its own form",
    "AUTH-2": "any key is good",
    "GEN-17": "each task has the id of the example",
    "TASK-3": "whichever task is asked for, the answer is about that of the example",
    "TASK-8": "the example took 41 seconds, at any resolution",
    "TASK-10": "there is no video at the URL of the example",
    "TASK-11": "a task that nobody made is a success",
    "FAIL-1": "no task ever fails",
    "FAIL-2": "no task ever fails",
    "FAIL-3": "no task ever fails",
    "CB-1": "in this document there are no callbacks",
    "GEN-11": "the document leaves out what is for other modes only: generators of clients cannot read that",
    "GEN-14": "the same",
}
OBSERVED = {
    "ENV-5": "a path or a method that it does not know has errors of its own form, without Allow",
    "GEN-1": "it reads JSON more widely than the fake: bytes that are no UTF-8, a key twice",
    "AUTH-3": "the body is read before the key",
    "AUTH-4": "all keys see the same task",
}
KEPT = {"ENV-2", "ENV-4", "AUTH-1", "TASK-4", "TASK-5"}
KEPT |= {f"GEN-{number}" for number in range(2, 14)} - {"GEN-7", "GEN-11"}  # each mode is for an ltx-mock to show


class Waiting(Pace):
    """Time that passes when the checks wait for it."""

    def __init__(self) -> None:
        self._waited = 0.0

    def now(self) -> float:
        return time.time() + self._waited

    def sleep(self, seconds: float) -> None:
        self._waited += seconds


class WaitingForCalls(Waiting):
    """The same, and a wait for the end of a task lasts until Prism has called back, which it does for each task."""

    def __init__(self, prism: Process) -> None:
        super().__init__()
        self._prism = prism

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if seconds >= 60:
            wait_for_line(self._prism, "Received callback response")


def wait_for_line(prism: Process, text: str) -> None:
    """Wait until Prism says something."""
    while text not in prism.line():
        pass


@contextmanager
def serving(document: dict[str, Any], folder: Path) -> Iterator[tuple[str, Process]]:
    """Run Prism with a document and give its URL. Nothing in the document leads off this machine."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    file = folder / "openapi.json"
    file.write_text(json.dumps(document).replace(SAMPLE_RESULT, f"{url}/video.mp4"), encoding="utf-8")
    prism = Process(["prism", "mock", "--host", "127.0.0.1", "--port", str(port), str(file)])
    try:
        wait_for_line(prism, "is listening")
        yield url, prism
    finally:
        prism.kill()


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Prism without callbacks: it would make them to whatever host a request names."""
    document = openapi()
    del document["paths"][SUBMIT]["post"]["callbacks"]
    with serving(document, tmp_path_factory.mktemp("prism")) as (url, _):
        yield url


@pytest.fixture(scope="module")
def report(prism: str) -> Report:
    options = Options(
        url=prism, api_key=KEY, other_key=OTHER, max_tasks=80, max_examples=2, violating_prompt="a cruel scene"
    )
    return check_server(options, pace=Waiting())


def test_what_prism_cannot_know_is_held_against_it_and_nothing_else(report: Report) -> None:
    assert set(report.broken) == set(BROKEN)
    assert set(report.having("observed")) == set(OBSERVED)


def test_what_the_document_says_of_requests_and_answers_is_kept(report: Report) -> None:
    assert set(report.having("kept")) >= KEPT


def test_no_more_tasks_are_made_than_are_allowed(report: Report) -> None:
    assert report.tasks_allowed == 80
    assert 0 < (report.tasks_made or 0) <= 80


def test_bytes_that_are_no_utf_8_are_told_from_other_bodies(report: Report) -> None:
    seen_by = {check for deviation in report.of("GEN-1").deviations for check in deviation.checks}
    assert {"refuses bytes not UTF-8", "refuses bytes key twice"} <= seen_by
    assert "refuses bytes no JSON" not in seen_by


def test_prism_calls_back_for_tasks_that_did_not_ask_for_it(tmp_path: Path) -> None:
    document = openapi()
    called = document["paths"][SUBMIT]["post"]["callbacks"]["taskEnded"]["{$request.body#/callback_url}"]
    del called["post"]["requestBody"]["content"]["application/json"]["examples"]["success"]
    with serving(document, tmp_path) as (url, prism):
        options = Options(url=url, api_key=KEY, max_tasks=2, rules=frozenset({"CB-1", "CB-3"}))
        report = check_server(options, pace=WaitingForCalls(prism))
    titles = {rule: {deviation.title for deviation in report.of(rule).deviations} for rule in report.broken}
    assert titles == {"CB-1": {"callback and status differ"}, "CB-3": {"an async task sent a callback"}}


@pytest.mark.parametrize("path", ["", "/api/v1/"])
def test_the_command_takes_the_url_with_and_without_the_version(tmp_path: Path, path: str) -> None:
    # One of its own: what the other checks send may end a Prism.
    with serving(openapi(), tmp_path) as (url, _):
        code, out, err = ltx_mock("check", url + path, "--api-key", KEY, "--rule", "AUTH-1", "--rule", "TASK-11")
    assert code == 1, err
    assert "AUTH-1   kept" in out
    assert "TASK-11 broken: an unknown taskId does not get 404" in out
