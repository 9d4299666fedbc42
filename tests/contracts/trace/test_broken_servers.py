"""Broken servers of the live checks: what a recording of such a check shows is held against the same rule."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ltx_mock_contracts import check_trace
from ltx_mock_contracts.conformance import Options, check_server
from ltx_mock_contracts.trace import parse_trace
from mutants.servers import ALL, BrokenServer, Mutant

SHOWN = {
    *("BAL-1", "ENV-1", "ENV-2", "ENV-3", "ENV-4", "GEN-17"),
    *("TASK-2", "TASK-3", "TASK-4", "TASK-5", "TASK-6", "TASK-7", "TASK-8"),
}
"""Rules on exchanges alone: a recording shows every deviation from them."""


@pytest.fixture(scope="module")
def server() -> Iterator[BrokenServer]:
    with BrokenServer() as server:
        yield server


@pytest.mark.sample(4)
@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_a_recording_of_a_broken_server_is_held_against_its_rule_only(server: BrokenServer, mutant: Mutant) -> None:
    rules = frozenset({mutant.rule, *mutant.also})
    recording: list[str] = []
    with server.broken_by(mutant) as url:
        options = Options(url=url, api_key=server.key, trust_control_plane=True, max_examples=0, rules=rules)
        check_server(options, trace=recording)
    report = check_trace(parse_trace("".join(recording)))
    assert set(report.broken) <= rules
    if mutant.rule in SHOWN:
        assert mutant.rule in report.having(mutant.outcome) or rules & set(report.broken)
