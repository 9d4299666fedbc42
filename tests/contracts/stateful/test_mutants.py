"""The task machine finds servers that are broken in one rule, names the rule, and tells a short story."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, settings

from ltx_mock_contracts.failure import ContractFailure
from ltx_mock_contracts.stateful import Target, run_task_machine
from mutants.servers import MUTANTS, BrokenServer, Mutant
from support.machine_targets import Fake
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
SHORTEN = settings(SEARCH, phases=[Phase.generate, Phase.shrink])
FOUND = [
    MUTANTS[name]
    for name in (
        *("one-more-key", "result-is-no-text", "no-callback", "calls-twice", "async-calls", "other-body"),
        *("unknown-is-http-200", "open-to-all", "a-missing-duration-is-5", "loras-in-plain-mode"),
        *("an-unknown-field-is-refused", "no-json-is-500", "same-id-at-once", "refused-yet-made", "changes-its-mind"),
        *("signs-anew", "starts-again", "costs-one-more", "seconds", "created-late", "no-fail-msg", "too-slow"),
        *("never-finishes", "unknown-is-pending", "reading-helps", "no-content-rules", "violation-is-image"),
        *("no-callback-of-failure", "only-one-way", "one-slot-more", "one-slot-less", "no-retry-after"),
    )
]
"""Mistakes of every kind that shows in what the machine does; it looks at no result file and sends no wrong key."""
SHOWN_BY_OTHERS_TOO = {
    "never-finishes": {"TASK-1", "LIM-2"},
    "no-json-is-500": {"ENV-4"},
    "refused-yet-made": {"LIM-2"},
    "starts-again": {"TASK-12"},
    "unknown-is-pending": {"AUTH-4"},
}
"""Mistakes that a long story may show as deviations from another rule, too; the shortest does not."""


@pytest.fixture(scope="module")
def server() -> Iterator[BrokenServer]:
    with BrokenServer() as server:
        yield server


@pytest.fixture(scope="module")
def fake(server: BrokenServer) -> Iterator[Fake]:
    with Receiver() as receiver:
        yield Fake(server, receiver, socket=False)


def hunted(mutant: Mutant, server: BrokenServer, fake: Fake, search: settings) -> ContractFailure:
    @contextmanager
    def target() -> Iterator[Target]:
        server.begin(mutant)
        with fake() as target:
            yield target

    with server.broken_by(mutant):
        for steps, runs in LONGER:
            try:
                run_task_machine(target, settings=settings(search, stateful_step_count=steps, max_examples=runs))
            except ContractFailure as failure:
                return failure
    pytest.fail("the machine has found nothing")


@pytest.mark.sample
@pytest.mark.parametrize("mutant", FOUND, ids=lambda mutant: mutant.name)
def test_a_mistake_is_found(mutant: Mutant, server: BrokenServer, fake: Fake) -> None:
    failure = hunted(mutant, server, fake, SEARCH)
    assert failure.rule in {mutant.rule, *mutant.also, *SHOWN_BY_OTHERS_TOO.get(mutant.name, ())}, failure


@pytest.mark.slow
# To shorten a story takes several times as long as to find it, so it is shown on a few.
@pytest.mark.parametrize("mutant", FOUND[1:4], ids=lambda mutant: mutant.name)
def test_what_is_found_is_told_shortly(mutant: Mutant, server: BrokenServer, fake: Fake) -> None:
    failure = hunted(mutant, server, fake, SHORTEN)
    assert failure.rule == mutant.rule, failure
    assert 1 <= len(failure.story) <= MOST_LINES, failure
