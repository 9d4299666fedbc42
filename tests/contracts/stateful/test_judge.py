"""The judge of a run finds, exchange by exchange, what the check of the whole recording finds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.trace.test_mutants import BROKEN, GOOD, OBSERVED, Mutant
from ltx_mock_contracts import ContractFailure
from ltx_mock_contracts.stateful.judge import Judge
from ltx_mock_contracts.stateful.log import RunLog
from support.traces import Entry, changed, trace


def judge(entries: list[Entry], *, choices: bool = False) -> None:
    """Judge exchanges in the order in which they came."""

    @settings(max_examples=1, database=None)
    @given(st.none())  # deviations that do not count are events of Hypothesis
    def judged(_: None) -> None:
        judge = Judge(RunLog(None), choices=choices)
        for exchange in sorted(trace(entries), key=lambda each: each.at):
            judge.judge(exchange)

    judged()


def test_a_good_run_has_no_failure() -> None:
    judge(GOOD, choices=True)


@pytest.mark.parametrize("mutant", BROKEN, ids=lambda mutant: mutant.name)
def test_what_breaks_a_rule_is_a_failure_at_once(mutant: Mutant) -> None:
    with pytest.raises(ContractFailure) as failed:
        judge(changed(GOOD, mutant.change))
    assert failed.value.rule == mutant.rule


@pytest.mark.parametrize("mutant", OBSERVED, ids=lambda mutant: mutant.name)
def test_what_is_only_observed_is_no_failure(mutant: Mutant) -> None:
    judge(changed(GOOD, mutant.change))
