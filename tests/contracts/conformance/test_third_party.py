"""Servers that are not an ltx-mock, where tasks cost money and time is everybody's; and servers that are ill."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from ltx_mock import MockServer
from ltx_mock_contracts import Report
from ltx_mock_contracts.conformance import Options, Plan, check_server
from ltx_mock_contracts.conformance.harness.clocks import Pace
from mutants.servers import counting, flaky, garbage, hanging, silent_after, slow
from mutants.unhealthy import Counting
from support.waiting import SECONDS

pytestmark = pytest.mark.sample(3)

KEY, OTHER = "stranger-key-1", "stranger-key-2"
MINUTE = 60


class Fast(Pace):
    """Real time as the checks see it: it passes when they sleep, on both keys of the server alike."""

    def __init__(self, mock: MockServer) -> None:
        self._tenants = [mock, mock.tenant(OTHER)]
        self.slept: list[float] = []

    def now(self) -> float:
        return self._tenants[0].clock.now / 1000

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        for tenant in self._tenants:
            tenant.clock.advance(seconds)


class Stranger:
    """A fake that hides what it is, and how often it is asked."""

    def __init__(self, mock: MockServer, counted: Counting) -> None:
        self.mock, self.counted, self.pace = mock, counted, Fast(mock)

    def checked(self, **options: Any) -> Report:
        given: dict[str, Any] = {"url": self.counted.url, "api_key": KEY, "max_examples": 1} | options
        return check_server(Options(**given), pace=self.pace)


@contextmanager
def stranger(*, accepts_everything: bool = False) -> Iterator[Stranger]:
    with (
        MockServer(clock="manual", api_key=KEY) as mock,
        counting(mock.url, accepts_everything=accepts_everything) as counted,
    ):
        yield Stranger(mock, counted)


def test_only_what_is_free_is_checked_until_more_is_allowed() -> None:
    with stranger() as server:
        report = server.checked()
        assert (report.broken, report.tasks_made, server.counted.made) == ((), 0, 0)
        assert server.pace.slept == []
    assert {"AUTH-1", "AUTH-2", "ENV-3", "ENV-4", "TASK-11"} <= set(report.having("kept"))
    assert {"GEN-8", "GEN-14"} <= set(report.having("not checked")), "only one side of them is free"
    assert report.of("GEN-8").seen > 4
    assert "no valid request was accepted" in (report.of("GEN-8").why or "")
    assert {"TASK-8", "CB-1", "LIM-1", "TASK-12"} <= set(report.having("not checked"))
    assert "more than --max-tasks 0 leaves" in (report.of("TASK-8").why or "")
    assert "not an ltx-mock" in (report.of("TASK-12").why or "")
    assert "--try-limits" in (report.of("LIM-1").why or "")


def test_each_cause_has_one_reason_whatever_it_keeps_from_being_checked() -> None:
    with stranger() as server:
        report = server.checked()
    reasons = {verdict.why for verdict in report.verdicts if verdict.outcome == "not checked"}
    assert len(reasons) <= 9, reasons
    assert not [why for why in reasons if why is None or ";" in why or len(why) > 100]


def test_tasks_are_followed_as_the_documents_advise_where_time_cannot_be_moved() -> None:
    with stranger() as server:
        report = server.checked(max_tasks=1)
        assert (report.broken, server.counted.made) == ((), 1)
        assert server.pace.slept[0] == MINUTE
        assert set(server.pace.slept[1:]) == {5}
    assert {"TASK-1", "TASK-3", "TASK-4", "TASK-5", "TASK-8"} <= set(report.having("kept"))
    assert report.of("TASK-10").seen
    assert "nothing showed that it lasts" in (report.of("TASK-10").why or "")


@pytest.mark.parametrize("bound", [1, 2, 7, 30])
def test_a_good_server_makes_as_many_tasks_as_were_planned_and_never_more_than_allowed(bound: int) -> None:
    with stranger() as server:
        report = server.checked(max_tasks=bound)
        assert report.broken == ()
        assert report.tasks_made == server.counted.made == bound


@pytest.mark.parametrize("bound", [0, 1, 2, 5, 20])
def test_the_bound_holds_on_a_server_that_makes_a_task_of_everything(bound: int) -> None:
    with stranger(accepts_everything=True) as server:
        report = server.checked(max_tasks=bound)
        assert server.counted.made <= bound
        assert report.tasks_made == server.counted.made
        life = {report.of(f"TASK-{number}").outcome for number in (1, 3, 4, 5, 8)}
    assert life == ({"kept"} if bound else {"not checked"}), "one whole life comes before anything that could cost more"
    assert report.ok is (bound < 2), "with one task there is none left for a wrong request"


def test_without_a_bound_the_first_wrong_request_that_is_accepted_is_the_last() -> None:
    with stranger(accepts_everything=True) as server:
        report = server.checked()
        assert server.counted.made == report.tasks_made == 1
    assert not report.ok
    assert "an invalid request was accepted" in (report.of("GEN-14").why or "")


def test_with_all_that_can_be_given_nearly_all_rules_are_seen_on_a_stranger() -> None:
    with stranger() as server:
        report = server.checked(max_tasks=80, other_key=OTHER, violating_prompt="[[content-violation]]")
        assert report.broken == ()
        assert report.having("observed") == ()
    unseen = set(report.having("not checked"))
    assert unseen == {"GEN-15", "GEN-16", "GEN-18", "LIM-1", "LIM-2", "LIM-3", "TASK-10", "TASK-12"}


class Heard:
    """A listener that keeps what is waited for."""

    def __init__(self) -> None:
        self.waits: list[tuple[float, str]] = []

    def planned(self, plan: Plan) -> None:
        """Hear the plan."""

    def started(self, check: str) -> None:
        """Hear of a check."""

    def waiting(self, seconds: float, what: str) -> None:
        self.waits.append((seconds, what))

    def done(self, check: str) -> None:
        """Hear of its end."""


def test_two_refused_callbacks_show_growing_delays_where_everybody_waits_and_the_wait_is_told() -> None:
    note_response = Heard()
    with stranger() as server:
        options = Options(url=server.counted.url, api_key=KEY, max_tasks=1, rules=frozenset({"CB-2"}))
        report = check_server(options, pace=server.pace, listener=note_response)
        assert sum(server.pace.slept) < 3 * MINUTE
    assert report.of("CB-2").outcome == "kept"
    assert [what for seconds, what in note_response.waits if seconds >= MINUTE] == [
        "a callback",
        *["the next attempt of a callback"] * 2,
    ]


def test_waiting_ends_with_the_time_budget() -> None:
    with stranger() as server:
        report = server.checked(max_tasks=50, time_budget=100)
        assert report.ok
        assert sum(server.pace.slept) <= 100
    assert "--time-budget" in (report.of("FAIL-1").why or "") or "--violating-prompt" in (report.of("FAIL-1").why or "")
    assert any("--time-budget" in (verdict.why or "") for verdict in report.verdicts)


def test_no_key_is_in_report_or_trace_even_if_the_server_says_it() -> None:
    trace: list[str] = []
    with stranger() as server:
        options = Options(url=server.counted.url, api_key=KEY, other_key=OTHER, max_tasks=2, max_examples=1)
        report = check_server(options, pace=server.pace, trace=trace)
    told = f"{report.as_dict()} {''.join(trace)}"
    assert KEY not in told
    assert OTHER not in told


def ill(server: AbstractContextManager[str], **options: Any) -> Report:
    with server as url:
        given: dict[str, Any] = {
            "url": url,
            "api_key": "any-key-at-all",
            "max_examples": 1,
            "timeout": 0.1,
            "time_budget": 600.0,
            "trust_control_plane": True,
        }
        return check_server(Options(**given | options))


def test_a_server_that_hangs_is_told_of_and_not_waited_for_again_and_again() -> None:
    report = ill(hanging())
    assert report.broken == ("ENV-1",)
    (deviation,) = {each.actual for each in report.of("ENV-1").deviations}
    assert deviation == "no response within 0.1 s"
    assert report.exchanges <= 5
    assert "no longer responds" in (report.of("GEN-8").why or "")


def test_a_server_that_talks_garbage_is_told_of() -> None:
    report = ill(garbage(), timeout=SECONDS)
    assert report.broken == ("ENV-1",)
    assert "no HTTP" in report.of("ENV-1").deviations[0].actual


def test_a_server_that_falls_silent_is_told_of_with_what_was_seen_before() -> None:
    report = ill(silent_after(40), timeout=0.5)
    assert "ENV-1" in report.broken
    assert report.having("kept")
    assert "no longer responds" in (report.of("LIM-2").why or "")


def test_a_flaky_server_ends_in_a_report() -> None:
    report = ill(flaky(seed=1), timeout=SECONDS)
    assert "ENV-1" in report.broken


def test_a_slow_server_is_not_a_wrong_one() -> None:
    report = ill(slow(milliseconds=2), timeout=SECONDS, rules=frozenset({"AUTH-1", "GEN-10", "TASK-11"}))
    assert report.broken == ()
    assert report.having("kept") == ("AUTH-1", "GEN-10", "TASK-11")
