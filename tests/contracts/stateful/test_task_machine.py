"""The task machine against the fake: with and without a socket, with all that it can use and with nothing."""

from __future__ import annotations

import re
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from ltx_mock import MockServer
from ltx_mock.testing.options import ClockMode
from ltx_mock_contracts import ContractFailure, TaskMachine
from ltx_mock_contracts.stateful import Target, run_task_machine
from mutants.servers import MUTANTS, BrokenServer, Mutant
from support.machine_targets import Fake
from support.receivers import Receiver

PAGE = Path(__file__).parents[3] / "docs" / "task-machine.md"
LIGHT = settings(max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
SHORT = settings(LIGHT, max_examples=10)


@pytest.mark.sample
@pytest.mark.parametrize("socket", [True, False], ids=["socket", "in process"])
def test_the_fake_keeps_the_contract(socket: bool) -> None:
    with MockServer(clock="manual") as mock, Receiver() as receiver:
        run_task_machine(Fake(mock, receiver, socket=socket), settings=LIGHT)
        assert not mock.internal_errors


@pytest.mark.slow
@pytest.mark.parametrize("clock", ["real", "auto"])
def test_a_client_is_enough(clock: ClockMode) -> None:
    with MockServer(clock=clock) as mock:
        run_task_machine(lambda: Target(client=mock.tenant().client()), settings=SHORT)


@pytest.fixture
def broken() -> Iterator[BrokenServer]:
    with BrokenServer() as server:
        yield server


def hold(server: BrokenServer, mutant: Mutant, search: settings, *, choices: bool) -> None:
    """Run the machine against a server with a mistake."""
    with server.broken_by(mutant), Receiver() as receiver:
        fake = Fake(server, receiver, socket=False)

        @contextmanager
        def target() -> Iterator[Target]:
            server.begin(mutant)
            with fake() as target:
                yield replace(target, choices=choices)

        run_task_machine(target, settings=search)


@pytest.mark.slow
def test_what_is_only_our_choice_is_no_failure_of_others(broken: BrokenServer) -> None:
    mutant = MUTANTS["open-to-all"]
    hold(broken, mutant, SHORT, choices=False)
    with pytest.raises(ContractFailure, match="AUTH-4"):
        hold(broken, mutant, settings(LIGHT, report_multiple_bugs=False), choices=True)


@pytest.mark.sample
@pytest.mark.parametrize(
    "name", ["a-missing-mode-is-text-to-video", "an-unknown-field-is-refused", "reading-helps", "vendors-fail-code"]
)
def test_another_reading_is_no_failure_of_others(name: str, broken: BrokenServer) -> None:
    hold(broken, MUTANTS[name], SHORT, choices=False)


@pytest.mark.sample
@pytest.mark.parametrize("name", ["no-create-time", "unknown-fail-code"])
def test_what_clients_must_bear_is_no_failure_even_of_the_fake(name: str, broken: BrokenServer) -> None:
    hold(broken, MUTANTS[name], SHORT, choices=True)


def test_a_machine_without_a_server_says_what_to_do() -> None:
    with pytest.raises(TypeError, match=r"use TaskMachine\.against"):
        TaskMachine()


def test_a_target_closes_its_clients() -> None:
    with MockServer() as mock, Receiver() as receiver:
        fake = Fake(mock, receiver, socket=True)
        with fake() as target:
            assert not target.client.is_closed
        assert target.client.is_closed
        assert target.other_client is not None
        assert target.other_client.is_closed


def test_the_example_of_the_page_runs() -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(block, str(PAGE), "exec"), names)
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(names["TestTasks"])
    assert suite.countTestCases() == 1
    result = unittest.TestResult()
    suite.run(result)
    assert not result.errors + result.failures


@pytest.mark.parametrize("field", list(Target.__dataclass_fields__))
def test_the_page_lists_each_field_of_a_target(field: str) -> None:
    assert f"\n| `{field}` |" in PAGE.read_text(encoding="utf-8")
