"""`check_client`, with the cases as parametrised tests, on good functions and on bad ones."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from ltx_mock import MockServer
from ltx_mock.client_checks import check_client, functions
from ltx_mock.client_checks.cases import CASES
from ltx_mock.client_checks.functions import FUNCTION_CASES
from ltx_mock.client_checks.runner import check_cases
from ltx_mock.client_checks.trial import KEY
from ltx_mock.errors import LtxMockError
from ltx_mock_contracts import ContractFailure
from mutants.clients import (
    AnyCallbackIsMine,
    CrashesOnAState,
    FailCodeIsLost,
    GivesUpAt503,
    GivesUpAtAReset,
    GoodClient,
    KeyInTheQuery,
    NoVideo,
    Reply,
    RetriesForEver,
    StartsOver,
    SubmitsAgain,
)

SILENCE_SECONDS = 0.01


def no_sleep(_: float) -> None:
    """Wait for nothing: the fake's clock jumps ahead."""


class Quiet(GoodClient):
    """Returns the URL and leaves the fetching to whoever called."""

    def download(self, url: str) -> bytes:  # noqa: ARG002
        return b""


def function_of(kind: type[GoodClient]) -> Callable[[str, str], str]:
    class Kind(Quiet, kind):  # type: ignore[misc, valid-type]
        pass

    return lambda base_url, key: str(Kind(base_url, key, no_sleep).run())


@pytest.mark.parametrize("case", FUNCTION_CASES)
def test_a_good_function_passes(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "check_cases", partial(check_cases, http_timeout=SILENCE_SECONDS))
    assert check_client(function_of(GoodClient), case).report.ok


def test_the_result_has_the_cost_of_the_tasks() -> None:
    reasons = {"neverFetched": 1, "neverAsked": 0, "repeated": 0}
    assert check_client(function_of(GoodClient), "success").spent == {"tasks": 1, "spent": 5, "wasted": 5} | reasons


class NeverWaits(GoodClient):
    def back_off(self, reply: Reply | None, pause: float) -> None:
        pass


@pytest.mark.parametrize("kind", [GoodClient, NeverWaits])
@pytest.mark.parametrize("case", ["rate-limited", "rate-limited-poll", "rate-limited-for-long", "unavailable-poll"])
def test_waits_that_nobody_judges_are_not_kept(case: str, kind: type[GoodClient]) -> None:
    found = check_client(function_of(kind), case)
    verdict = found.report.of("CLI-6")
    assert (verdict.outcome, found.cases[0].report.of("CLI-6").outcome) == ("not checked", "not checked")
    assert verdict.seen
    assert verdict.why == (
        "only its retries are judged; clock auto: waits cannot be judged (--scale N or --real judges them)"
    )
    assert "CLI-6" not in found.as_dict()["cases"][0]["kept"]


def test_a_retry_without_a_documented_wait_is_kept_in_its_case_but_not_in_all() -> None:
    found = check_client(function_of(NeverWaits), ("rate-limited", "server-error-poll"))
    assert [each.report.of("CLI-6").outcome for each in found.cases] == ["not checked", "kept"]
    assert found.report.of("CLI-6").outcome == "not checked"


def test_the_cases_of_a_function_are_those_without_downloads_and_callbacks() -> None:
    left_out = {case.name for case in CASES} - set(FUNCTION_CASES)
    downloads = {"slow-download", "cut-download", "expired-result"}
    assert left_out == downloads | {case.name for case in CASES if case.callback}


@pytest.mark.parametrize(
    ("kind", "case", "rule"),
    [
        (KeyInTheQuery, "success", "CLI-1"),
        (FailCodeIsLost, "content-violation", "CLI-5"),
        (RetriesForEver, "bad-request", "CLI-7"),
        (GivesUpAt503, "unavailable-poll", "CLI-6"),
        (SubmitsAgain, "lost-answer", "CLI-10"),
        (GivesUpAtAReset, "restart", "CLI-6"),
        (StartsOver, "restart", "CLI-10"),
        (CrashesOnAState, "unknown-state", "CLI-9"),
    ],
)
def test_a_bad_function_fails_with_the_rule_that_it_breaks(kind: type[GoodClient], case: str, rule: str) -> None:
    with pytest.raises(ContractFailure) as failed:
        check_client(function_of(kind), case)
    assert failed.value.rule == rule
    assert f"{rule} in {case}: " in str(failed.value)
    assert KEY not in str(failed.value)


def test_a_function_without_a_bug_in_a_case_passes_it() -> None:
    assert check_client(function_of(AnyCallbackIsMine), ["success", "slow"]).report.ok


def test_one_that_never_returns_is_left_alone() -> None:
    over = threading.Event()

    def hangs(_base_url: str, _key: str) -> str:
        over.wait()
        return ""

    try:
        with pytest.raises(ContractFailure, match="the client did not request a video") as failed:
            check_client(hangs, "slow", timeout=0.2)
    finally:
        over.set()
    assert "it sent nothing, and was ended after 0.2 s" in str(failed.value)


class Nonsense:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


class WithoutWordsError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("nonsense", "told"),
    [
        (None, "it returns None"),
        (7, "it returns 7"),
        ("", "it returns ''"),
        ("https://example.com/other.mp4", "it returns 'https://example.com/other.mp4'"),
        (Nonsense(), "it returns a Nonsense"),
        (b"\xff" * 1000, "it returns b'"),
    ],
    ids=["None", "a number", "nothing", "another URL", "no words", "bytes"],
)
def test_one_that_returns_nonsense_has_no_result(nonsense: Any, told: str) -> None:
    def returns(base_url: str, key: str) -> Any:
        function_of(GoodClient)(base_url, key)
        return nonsense

    with pytest.raises(ContractFailure, match="it returns something other than the URL of the result") as failed:
        check_client(returns, "success")
    assert failed.value.rule == "CLI-4"
    assert str(failed.value.actual).startswith(told)


@pytest.mark.parametrize(
    "error",
    [NoVideo("none"), WithoutWordsError(), SystemExit(3), KeyboardInterrupt()],
    ids=lambda error: type(error).__name__,
)
def test_whatever_it_raises_says_that_there_is_no_video(error: BaseException) -> None:
    def raises(base_url: str, key: str) -> str:
        function_of(GoodClient)(base_url, key)
        raise error

    with pytest.raises(ContractFailure, match="it has no video in the case") as failed:
        check_client(raises, "success")
    assert str(failed.value.actual).startswith(f"raises {type(error).__name__}")


def test_one_that_raises_its_key_does_not_give_it_away() -> None:
    def raises(_base_url: str, key: str) -> str:
        raise ValueError(f"the key {key} is no good")

    with pytest.raises(ContractFailure) as failed:
        check_client(raises, "success")
    assert KEY not in str(failed.value)


def test_an_unknown_case_is_told_with_the_nearest() -> None:
    with pytest.raises(LtxMockError, match=r"unknown case 'sucess' .did you mean 'success'"):
        check_client(function_of(GoodClient), "sucess")


def test_each_case_has_a_world_of_its_own() -> None:
    seen = []

    def counts(base_url: str, key: str) -> str:
        seen.append(base_url)
        return function_of(GoodClient)(base_url, key)

    with MockServer(clock="manual") as mock:
        found = check_client(counts, ["success", "two-results"])
        assert mock.account.made == 0
    assert len(seen) == 2
    assert [len(played.run.tasks) for played in found.cases] == [1, 1]
