"""The task machine finds each seeded mistake, names its rule, and tells a short story."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, settings

from ltx_mock import MockServer
from ltx_mock_contracts.failures import ContractFailure
from ltx_mock_contracts.machine import Target, run_task_machine
from mutants import Mutant, MutantInbox
from receivers import Receiver
from targets import Fake, target_of

MOST_STEPS, MOST_LINES = 6, 8
SEARCH = settings(
    max_examples=400,
    stateful_step_count=7,
    deadline=None,
    derandomize=True,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)


@pytest.fixture(scope="module")
def fake() -> Iterator[Fake]:
    with MockServer(clock="manual") as mock, Receiver() as receiver:
        yield Fake(mock, receiver, socket=False)


def steps_of(failure: ContractFailure) -> list[str]:
    """Return the steps that Hypothesis has left of a run."""
    lines = "\n".join(failure.__notes__).splitlines()
    return [
        line
        for line in lines
        if "state." in line and not line.startswith(("state.callbacks_are_right", "state.teardown"))
    ]


def hunted(make_target: object) -> ContractFailure:
    with pytest.raises(ContractFailure) as caught:
        run_task_machine(make_target, settings=SEARCH)  # type: ignore[arg-type]
    failure = caught.value
    assert 1 <= len(steps_of(failure)) <= MOST_STEPS, failure.__notes__
    assert 1 <= len(failure.story) <= MOST_LINES, failure
    return failure


@pytest.mark.parametrize("mistake", Mutant.all, ids=lambda mistake: mistake.__name__)
def test_a_mistake_is_found_and_told_shortly(mistake: type[Mutant], fake: Fake) -> None:
    @contextmanager
    def target() -> Iterator[Target]:
        mutant, inbox = mistake(fake.mock.transport), fake.inbox(MutantInbox)
        inbox.mutant = mutant
        with (
            fake.worlds(max_concurrent=mistake.slots, strict=mistake.strict) as worlds,
            target_of(worlds, inbox, mistake.promised, transport=mutant) as target,
        ):
            yield target

    failure = hunted(target)
    assert failure.rule == mistake.rule, failure
