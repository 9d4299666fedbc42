"""Every broken server is found out, by the rule that it breaks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ltx_mock_contracts import Report
from ltx_mock_contracts.conformance import Options, check_server
from mutants.servers import ALL, BrokenServer, Mutant

FORTY = list({mutant.rule: mutant for mutant in ALL}.values())[:40]
"""One for each rule. With these the whole suite is run, which takes seconds."""


@pytest.fixture(scope="module")
def server() -> Iterator[BrokenServer]:
    with BrokenServer() as server:
        yield server


def checked(server: BrokenServer, mutant: Mutant, rules: frozenset[str] | None, *, examples: int) -> Report:
    with server.broken_by(mutant) as url:
        options = Options(url=url, api_key=server.key, trust_control_plane=True, max_examples=examples, rules=rules)
        return check_server(options)


def found(report: Report, mutant: Mutant) -> set[str]:
    """Return which of the rules that a mistake may be held against it was held against."""
    return ({mutant.rule} & set(report.having(mutant.outcome))) | ({*mutant.also} & set(report.broken))


@pytest.mark.sample(4)
@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_a_mistake_is_found_by_the_checks_of_its_rule(server: BrokenServer, mutant: Mutant) -> None:
    asked = frozenset({mutant.rule, *mutant.also})
    report = checked(server, mutant, asked, examples=0)
    if not found(report, mutant):
        report = checked(server, mutant, asked, examples=1)
    rules = found(report, mutant)
    assert rules, mutant.text
    for deviation in (each for rule in rules for each in report.of(rule).deviations):
        assert deviation.checks
        assert deviation.curl


@pytest.mark.sample
@pytest.mark.parametrize("mutant", FORTY, ids=lambda mutant: mutant.name)
def test_a_mistake_is_held_against_no_other_rule(server: BrokenServer, mutant: Mutant) -> None:
    report = checked(server, mutant, None, examples=0)
    assert set(report.broken) <= {mutant.rule, *mutant.also}
