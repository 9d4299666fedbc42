"""A good client passes every case; a client with one bug is found by the case and the rule that name it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

import pytest

from ltx_mock import MockServer
from ltx_mock.client_checks.cases import CASES, select_cases
from ltx_mock.client_checks.outcome import ClientRun
from ltx_mock.client_checks.programs import free_port
from ltx_mock.client_checks.runner import CheckResult, check_cases
from ltx_mock.client_checks.timing import Timing
from mutants.clients import MUTANTS, GoodClient, Mutant, Reply
from support.told_clients import SECRET, TOLD, Told, found_in, planted, told

pytestmark = pytest.mark.sample


@pytest.mark.sample
@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_a_good_client_passes(name: str) -> None:
    found = found_in(GoodClient, name)
    assert found.report.ok, told(found)


@pytest.mark.sample
@pytest.mark.parametrize(("name", "mutant"), MUTANTS.items(), ids=MUTANTS)
def test_a_bug_is_found_by_the_case_and_the_rule_that_name_it(name: str, mutant: Mutant) -> None:
    found = found_in(mutant.client, mutant.case)
    assert found.report.having(mutant.outcome) == (mutant.rule,), f"{name}: {told(found)}"
    assert found.report.ok == (mutant.outcome == "observed"), f"{name}: {told(found)}"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mutant"), MUTANTS.items(), ids=MUTANTS)
def test_a_bug_brings_no_other_finding_where_all_goes_well(name: str, mutant: Mutant) -> None:
    found = found_in(mutant.client, "callback" if mutant.rule == "CLI-8" else "success")
    assert set(found.report.broken) <= {mutant.rule}, f"{name}: {told(found)}"


def waiting(*waits: float) -> type[GoodClient]:
    """Return a client that waits so long after each poll that failed."""

    class Waits(GoodClient):
        def back_off(self, reply: Reply | None, pause: float) -> None:
            if reply is not None and reply.status == 503:
                pause = left.pop(0)
            self._sleep(pause)

    left = list(waits)
    return Waits


@pytest.mark.parametrize(
    "waits",
    [(1, 2, 4, 8), (0, 2, 4, 8), (2, 2, 4, 4), (0.05, 0.1, 0.2, 0.4), (0.7, 1.9, 0.4, 6), (3, 1, 9, 2), (5, 5, 5, 10)],
    ids=str,
)
def test_waits_that_grow_or_are_drawn_around_what_grows_are_right(waits: tuple[float, ...]) -> None:
    found = found_in(waiting(*waits), "unavailable-poll")
    assert found.report.ok, told(found)


@pytest.mark.parametrize(
    ("waits", "title"),
    [
        ((5, 5, 5, 5), "its waits between attempts do not grow"),
        ((10, 10.5, 9.8, 10.1), "its waits between attempts do not grow"),
        ((8, 4, 2, 1), "its waits between attempts do not grow"),
        ((0, 0, 0, 0), "it retries too fast"),
        ((0.01, 0.02, 0.01, 0.03), "it retries too fast"),
    ],
    ids=str,
)
def test_waits_that_clearly_do_not_grow_are_wrong(waits: tuple[float, ...], title: str) -> None:
    found = found_in(waiting(*waits), "unavailable-poll")
    (deviation,) = found.report.of("CLI-6").deviations
    assert deviation.title == title
    assert found.report.broken == ("CLI-6",)


def test_to_wait_each_time_as_long_as_retry_after_says_is_right() -> None:
    class Obeys(GoodClient):
        def back_off(self, reply: Reply | None, pause: float) -> None:
            asked = "" if reply is None else reply.headers.get("retry-after", "")
            self._sleep(float(asked or pause))

    found = found_in(Obeys, "rate-limited-for-long")
    assert found.report.ok, told(found)
    assert found.report.of("CLI-6").outcome == "kept"


class TakesAScaledSecond(GoodClient):
    """Each request takes a real sixtieth of a second, which is a second at --scale 60."""

    def ask(self, method: str, target: str, body: Any = None) -> Reply:
        self._wait(1)
        return super().ask(method, target, body)


class NeverWaitsAfter429(TakesAScaledSecond):
    def back_off(self, reply: Reply | None, pause: float) -> None:
        if reply is None or reply.status != 429:
            super().back_off(reply, pause)


@pytest.mark.parametrize("scale", [5, 20, 60])
def test_who_retries_a_429_at_once_is_found_at_any_scale(scale: float) -> None:
    bad, good = (found_in(kind, "rate-limited", Told(scale)) for kind in (NeverWaitsAfter429, TakesAScaledSecond))
    (deviation,) = bad.report.of("CLI-6").deviations
    assert (deviation.expected, deviation.actual) == ("after 15 s, or later", "after 1 s")
    assert bad.report.broken == ("CLI-6",)
    assert (good.report.ok, good.report.of("CLI-6").outcome) == (True, "kept"), told(good)


def test_a_finding_says_what_was_expected_and_seen_with_times() -> None:
    (deviation,) = found_in(MUTANTS["ignores-retry-after"].client, "rate-limited-poll").report.of("CLI-6").deviations
    assert (deviation.expected, deviation.actual) == ("after 3 s, or later", "after 2 s")
    assert deviation.checks == ("rate-limited-poll",)
    assert len(deviation.exchanges) == 2
    (first,) = found_in(MUTANTS["polls-at-once"].client, "success").report.of("CLI-2").deviations
    assert (first.expected, first.actual) == ("60 s after the submission, or later", "after 0 s")


def test_a_client_that_asks_for_no_callback_is_told_so() -> None:
    class Asks(GoodClient):
        def body(self) -> dict[str, Any]:
            return {"input": self.input}

    found = found_in(Asks, "callback")
    assert [each.title for each in found.report.of("CLI-8").deviations] == ["it requests no callback"]


def test_a_receiver_that_nobody_serves_is_found() -> None:
    class Deaf(GoodClient):
        def body(self) -> dict[str, Any]:
            if self.receiver is not None:
                self.stop()
                self.receiver = None
            return super().body()

    found = found_in(Deaf, "callback")
    assert [each.title for each in found.report.of("CLI-8").deviations] == ["a callback is not accepted"]
    assert found.report.broken == ("CLI-8",)


def test_one_that_is_done_need_not_listen_any_more() -> None:
    found = found_in(GoodClient, "callback-late")
    assert found.report.ok, told(found)
    assert [delivery.state for delivery in found.cases[0].run.deliveries] == ["scheduled"]


class HasATokenInItsUrl(GoodClient):
    token = "?token=secret"


class ListensAfterItsSubmission(GoodClient):
    at: SplitResult

    def _listen(self, at: SplitResult) -> None:
        self.at, self.callback_url = at, at.geturl()

    def submit(self) -> str:
        task_id = super().submit()
        super()._listen(self.at)
        return task_id


class ServesAfterItsSubmission(GoodClient):
    """As in one thread: who calls during generateTask is answered after it."""

    submitted = False

    def serve(self) -> None:
        if self.submitted:
            super().serve()

    def submit(self) -> str:
        try:
            return super().submit()
        finally:
            self.submitted = True
            self.serve()


def in_jumping_time(kind: type[GoodClient], name: str) -> CheckResult:
    """Return what is found in a client that does not wait, while the fake's clock is `auto`."""
    (case,) = select_cases((name,))
    callback = f"http://127.0.0.1:{free_port()}/callback"

    def run(mock: MockServer) -> ClientRun:
        secret = mock.settings.callback_secret
        url = kind(mock.base_url, mock.api_key, lambda _: None, callback=callback, secret=secret).run()
        return ClientRun(succeeded=True, description="exits with 0", output=url)

    return check_cases([case], Timing(), run, results="download", callback=callback, callback_secret=SECRET)


@pytest.mark.parametrize("kind", [HasATokenInItsUrl, ListensAfterItsSubmission])
@pytest.mark.parametrize("name", [case.name for case in CASES if case.callback])
def test_a_receiver_of_another_style_is_right(kind: type[GoodClient], name: str) -> None:
    found = in_jumping_time(kind, name)
    assert found.report.ok, told(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["callback-first", "callback-of-another"])
def test_who_answers_callbacks_after_its_submission_is_right(name: str) -> None:
    found = in_jumping_time(ServesAfterItsSubmission, name)
    assert found.report.ok, told(found)


def test_a_receiver_that_nobody_serves_is_found_in_jumping_time() -> None:
    class Deaf(GoodClient):
        def _listen(self, at: SplitResult) -> None:
            self.callback_url = at.geturl()

        def is_end(self, told: dict[str, Any]) -> bool:
            return super().is_end(told) and super().is_end(self.status(told["taskId"]))

    found = in_jumping_time(Deaf, "callback")
    assert "a callback is not accepted" in {each.title for each in found.report.of("CLI-8").deviations}


def test_a_restart_reads_the_state_from_a_file_that_is_gone_afterwards() -> None:
    (case,) = select_cases(("restart",))
    stores: list[str] = []
    run = planted(GoodClient, case)

    def seen(mock: MockServer) -> ClientRun:
        stores.append(mock.settings.store)
        return run(mock)

    found = check_cases([case], TOLD, seen, results="download")
    assert {"CLI-6", "CLI-10"} <= set(found.report.having("kept")), told(found)
    (store,) = stores
    assert store.startswith("sqlite:")
    assert not Path(store.removeprefix("sqlite:")).parent.exists()
