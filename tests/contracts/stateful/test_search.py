"""How the machines search: in few steps, in little work, and to one failure with a story."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase
from hypothesis.stateful import rule

from ltx_mock_contracts import ContractFailure
from ltx_mock_contracts.stateful.search import ContractMachine, find_failure, stages

PLAIN = settings(database=None, derandomize=True)


def machine_of(broken: Callable[[list[int]], str | None]) -> tuple[type[ContractMachine], list[list[int]]]:
    """Return a machine that draws numbers and fails with a rule as the numbers so far say, and what its runs drew."""
    runs: list[list[int]] = []

    class Numbers(ContractMachine):
        def __init__(self) -> None:
            super().__init__()
            runs.append([])

        @rule(number=st.integers(0, 9))
        def draw(self, number: int) -> None:
            runs[-1].append(number)
            broken_rule = broken(runs[-1])
            if broken_rule is not None:
                story = [str(each) for each in runs[-1]]
                raise ContractFailure(broken_rule, rule=broken_rule, expected="", actual="", story=story)

    return Numbers, runs


def failure_of(machine: type[ContractMachine], given: settings | None = PLAIN) -> ContractFailure:
    with pytest.raises(ContractFailure) as failed:
        find_failure(machine, given)
    return failed.value


def either(numbers: list[int]) -> str | None:
    """Two mistakes, in two places."""
    if numbers[-1] == 7:
        return "TASK-1"
    return "TASK-2" if numbers[-1] == 8 else None


@pytest.mark.parametrize("given", [None, PLAIN, settings(PLAIN, report_multiple_bugs=True)])
def test_two_mistakes_are_one_failure_with_a_story(given: settings | None) -> None:
    machine, _ = machine_of(either)
    failure = failure_of(machine, given)
    assert failure.rule in {"TASK-1", "TASK-2"}
    assert len(failure.story) == 1


def test_a_test_case_searches_in_the_same_way() -> None:
    machine, runs = machine_of(either)
    machine.TestCase.settings = PLAIN
    with pytest.raises(ContractFailure):
        machine.TestCase("runTest").debug()
    assert len(runs[0]) <= 6
    other, _ = machine_of(either)
    assert other.TestCase is not machine.TestCase


def test_short_stories_come_first_and_take_no_more_steps_than_were_asked_for() -> None:
    machine, runs = machine_of(lambda _: None)
    find_failure(machine, settings(PLAIN, max_examples=40, stateful_step_count=50))
    lengths = [len(run) for run in runs]
    assert [max(lengths[:40]), max(lengths[40:60]), max(lengths)] == [6, 15, 50]
    assert sum(lengths) <= 40 * 50


@pytest.mark.slow
def test_a_mistake_that_needs_a_long_story_is_found() -> None:
    machine, _ = machine_of(lambda numbers: "TASK-1" if len(numbers) == 20 else None)
    assert len(failure_of(machine).story) == 20


@pytest.mark.slow
def test_shortening_is_bounded() -> None:
    machine, runs = machine_of(lambda numbers: "TASK-1" if sum(numbers) % 97 == 96 else None)
    failure_of(machine)
    first = next(number for number, run in enumerate(runs) if sum(run) % 97 == 96)
    assert len(runs) - first <= 1 + 150 + 2  # it fails, is shortened, and is told


def test_a_failure_that_does_not_come_again_is_told_with_its_story() -> None:
    calls = count()
    machine, _ = machine_of(lambda _: "TASK-1" if next(calls) == 11 else None)
    failure = failure_of(machine)
    assert len(failure.story) == 6
    assert "does not always respond in the same way" in failure.__notes__[0]


def test_what_is_no_broken_rule_is_raised_as_it_is() -> None:
    def breaks(_: list[int]) -> str:
        raise ConnectionError("nobody there")

    machine, _ = machine_of(breaks)
    with pytest.raises(ConnectionError, match="nobody there"):
        find_failure(machine, PLAIN)


def test_a_story_that_was_kept_is_tried_first_at_its_full_length() -> None:
    first, *others = stages(settings(database=InMemoryExampleDatabase(), derandomize=False))
    assert Phase.reuse in first.phases
    assert Phase.generate not in first.phases
    assert first.stateful_step_count == settings().stateful_step_count
    assert all(Phase.reuse not in stage.phases for stage in others)


def test_only_the_machine_has_other_settings() -> None:
    before = settings.default
    given = settings(PLAIN, stateful_step_count=30, deadline=100)
    for stage in stages(given):
        assert Phase.explain not in stage.phases
        assert stage.deadline is None
        assert not stage.report_multiple_bugs
    assert settings.default is before
    assert given.deadline is not None


def test_a_skipped_target_is_skipped() -> None:
    class Skips(ContractMachine):
        def __init__(self) -> None:
            super().__init__()
            raise unittest.SkipTest("no server here")

        @rule()
        def nothing(self) -> Any:
            """Nothing."""

    with pytest.raises(unittest.SkipTest, match="no server here"):
        find_failure(Skips, PLAIN)
