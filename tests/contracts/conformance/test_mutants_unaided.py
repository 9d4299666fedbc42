"""What is found of broken servers without their help: no control plane, everybody's time, and twenty tasks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ltx_mock import MockServer
from ltx_mock_contracts import Report
from ltx_mock_contracts.conformance import Options, Pace, check_server
from mutants.servers import ALL, KEY, MUTANTS, BrokenServer, Mutant

OTHER = "another-key-of-mine"
TASKS = 20
MISSED = {
    **dict.fromkeys(
        ("a-request-type-of-null-is-async", "a-missing-mode-is-text-to-video"),
        "a dialect, which is tried when no task is left",
    ),
    **dict.fromkeys(
        ("an-unknown-field-is-refused", "a-lora-without-a-scale-is-refused", "an-image-in-a-text-mode-is-refused"),
        "what is only advised against costs many tasks",
    ),
    **dict.fromkeys(
        ("other-words-for-no-credits", "no-credits-is-402", "credits-have-no-end", "last-credit-is-kept"),
        "nobody spends a key's last credit",
    ),
    **dict.fromkeys(("expires", "expires-early", "expires-daily"), "nobody waits for days"),
    **dict.fromkeys(
        ("any-success", "five-attempts", "constant-long-delays", "short-last-delay"),
        "callbacks are refused twice, with 500",
    ),
    **dict.fromkeys(
        (
            *("one-request-more", "one-request-less", "no-request-limit", "long-minute", "limit-is-503"),
            *("slots-are-503", "one-slot-more", "one-slot-less", "no-slot-limit", "never-frees"),
            *("no-retry-after", "retry-at-date"),
        ),
        "nobody goes over the limits without --try-limits",
    ),
    **dict.fromkeys(
        ("refused-yet-made", "refused-yet-paid", "reading-helps"), "it takes a key of which all is known, at a moment"
    ),
    "created-late": "a millisecond is less than two clocks differ by",
    "too-large-is-400": "no body of that size is sent",
}
"""Why each of the mistakes that are not found is not."""


class Shared(Pace):
    """Real time as the checks see it, on both keys of a server."""

    def __init__(self, mock: MockServer) -> None:
        self._tenants = [mock, mock.tenant(OTHER)]

    def now(self) -> float:
        return self._tenants[0].clock.now / 1000

    def sleep(self, seconds: float) -> None:
        for tenant in self._tenants:
            tenant.clock.advance(seconds)


@pytest.fixture(scope="module")
def server() -> Iterator[BrokenServer]:
    with BrokenServer(api_key=(KEY, OTHER)) as server:
        yield server


def checked(server: BrokenServer, mutant: Mutant) -> Report:
    with server.broken_by(mutant) as url:
        options = Options(
            url=url,
            api_key=KEY,
            other_key=OTHER,
            max_tasks=TASKS,
            max_examples=1,
            violating_prompt="[[content-violation]]",
        )
        return check_server(options, pace=Shared(server.mock))


def found(report: Report, mutant: Mutant) -> bool:
    return mutant.rule in report.having(mutant.outcome) or not set(mutant.also).isdisjoint(report.broken)


@pytest.mark.sample(2)
@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_a_mistake_is_found_in_its_rule_alone_unless_it_is_known_to_be_missed(
    server: BrokenServer, mutant: Mutant
) -> None:
    report = checked(server, mutant)
    assert report.tasks_made is not None
    assert report.tasks_made <= TASKS
    assert found(report, mutant) is (mutant.name not in MISSED), mutant.text
    assert set(report.broken) <= {mutant.rule, *mutant.also}, "it is held against no other rule"


@pytest.mark.slow
def test_what_is_found_does_not_depend_on_what_was_checked_before(server: BrokenServer) -> None:
    def findings(name: str) -> list[object]:
        verdicts = checked(server, MUTANTS[name]).verdicts
        return [
            (each.rule, each.outcome, [(found.title, found.actual, found.exchanges) for found in each.deviations])
            for each in verdicts
        ]

    first = findings("one-speed")
    assert findings("too-slow") != first
    assert findings("one-speed") == first


def test_each_mistake_that_is_missed_is_a_mutant() -> None:
    assert set(MISSED) <= {mutant.name for mutant in ALL}
