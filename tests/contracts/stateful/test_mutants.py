"""The task machine finds each seeded mistake, names its rule, and tells a short story."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, settings

from ltx_mock import MockServer
from ltx_mock_contracts.failure import ContractFailure
from ltx_mock_contracts.stateful import Target, run_task_machine
from mutants.machine import Mutant, MutantInbox
from support.machine_targets import Fake, target_of
from support.receivers import Receiver

MOST_LINES = 8
LONGER = ((7, 400), (12, 600), (20, 1000))
"""How many steps a run has, and how many runs there are: what is drawn shifts with every change of a strategy."""
SEARCH = settings(
    deadline=None,
    derandomize=True,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
SHOWN_BY_OTHERS_TOO = {
    "KnowsAll": {"AUTH-4"},
    "StartsAgain": {"TASK-12"},
    "NeverFinishes": {"CB-1", "TASK-1"},
    "CreatedLate": {"CB-1"},
}
"""Mistakes that a long story may show as departures from another rule, too; the shortest does not."""
SHORTEN = settings(SEARCH, phases=[Phase.generate, Phase.shrink])


@pytest.fixture(scope="module")
def fake() -> Iterator[Fake]:
    with MockServer(clock="manual") as mock, Receiver() as receiver:
        yield Fake(mock, receiver, socket=False)


def hunted(mistake: type[Mutant], fake: Fake, search: settings) -> ContractFailure:
    @contextmanager
    def target() -> Iterator[Target]:
        mutant, inbox = mistake(fake.mock.transport), fake.inbox(MutantInbox)
        inbox.mutant = mutant
        with (
            fake.worlds(max_concurrent=mistake.slots, strict=mistake.strict) as worlds,
            target_of(worlds, inbox, mistake.promised, transport=mutant) as target,
        ):
            yield target

    for steps, runs in LONGER:
        try:
            run_task_machine(target, settings=settings(search, stateful_step_count=steps, max_examples=runs))
        except ContractFailure as failure:
            return failure
    pytest.fail("the machine has found nothing")


@pytest.mark.sample
@pytest.mark.parametrize("mistake", Mutant.all, ids=lambda mistake: mistake.__name__)
def test_a_mistake_is_found(mistake: type[Mutant], fake: Fake) -> None:
    failure = hunted(mistake, fake, SEARCH)
    assert failure.rule in {mistake.rule, *SHOWN_BY_OTHERS_TOO.get(mistake.__name__, ())}, failure


@pytest.mark.slow
# To shorten a story takes several times as long as to find it, so it is shown on a few.
@pytest.mark.parametrize("mistake", Mutant.all[1::10], ids=lambda mistake: mistake.__name__)
def test_what_is_found_is_told_shortly(mistake: type[Mutant], fake: Fake) -> None:
    failure = hunted(mistake, fake, SHORTEN)
    assert failure.rule == mistake.rule, failure
    assert 1 <= len(failure.story) <= MOST_LINES, failure
