"""What the checks of a client must not say: no honest client is accused, nothing is kept that nobody saw."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.client_checks.cases import CASES, select_cases
from ltx_mock.client_checks.outcome import RESULT_BYTES, CaseRun, ClientRun
from ltx_mock.client_checks.programs import Program
from ltx_mock.client_checks.rules import judge_case
from ltx_mock.client_checks.runner import CheckResult, check_cases
from ltx_mock.client_checks.time_limits import Stop, TimeLimits
from ltx_mock.client_checks.timing import Timing
from ltx_mock.control.from_json import Exchange
from ltx_mock.core.records import Attempt, Delivery
from ltx_mock_contracts.verdicts import VerdictCollector
from mutants.clients import GoodClient, NoVideo
from support.processes import ltx_mock
from support.waiting import GIVES_UP, SECONDS, until

pytestmark = pytest.mark.sample(2)

PYTHON = [sys.executable, "-S", "-c"]
SIMPLE = """
import json, os, sys, urllib.request as u
B, K = os.environ["APIXO_BASE_URL"], os.environ["APIXO_API_KEY"]
opener = u.build_opener(u.ProxyHandler({}))
def call(path, body=None):
    head = {"Authorization": "Bearer " + K, "Content-Type": "application/json"}
    return json.load(opener.open(u.Request(B + path, body, head), timeout=TIMEOUT))["data"]
given = {"mode": "text-to-video", "prompt": "sea", "resolution": "480p", "duration": 5} | json.loads(EXTRA)
try:
    task = call("/generateTask/ltx-2-19b", json.dumps({"input": given}).encode())["taskId"]
    for _ in range(500):
        status = call("/statusTask/ltx-2-19b?taskId=" + task)
        if status["state"] == "failed":
            sys.exit(status["failCode"])
        if status["state"] == "success":
            break
    else:
        sys.exit("it does not end")
    url = json.loads(status["resultJson"])["resultUrls"][0]
    FINISH
except (OSError, KeyError, LookupError) as error:
    sys.exit(f"no video: {error}")
"""


def simple(*, timeout: float = SECONDS, extra: str = "{}", finish: str = "opener.open(url).read()") -> str:
    """Return a small client that never tries anything twice."""
    return SIMPLE.replace("TIMEOUT", str(timeout)).replace("EXTRA", repr(extra)).replace("FINISH", finish)


def run(code: str, *cases: str, **options: Any) -> CheckResult:
    program = Program([*PYTHON, code], Timing(), limits=TimeLimits.of(Timing()))
    return check_cases(select_cases(cases), Timing(), program, jobs=2, **options)


def outcomes(found: CheckResult) -> dict[str, str]:
    return {verdict.rule: verdict.outcome for verdict in found.report.verdicts}


def titles(found: CheckResult) -> list[str]:
    return [each.title for verdict in found.report.verdicts for each in verdict.deviations]


def test_an_advisory_hides_no_fault() -> None:
    cases = ("content-violation", "rate-limited", "success")
    plain, told = (outcomes(run(simple(extra=extra), *cases)) for extra in ("{}", '{"fps": 24}'))
    assert told.pop("CLI-1") == "broken"
    assert plain.pop("CLI-1") == "kept"
    assert told == plain
    assert plain["CLI-5"] == "kept"
    assert plain["CLI-6"] == "broken"


def test_a_refused_request_hides_what_comes_after_it_and_says_so() -> None:
    found = run(simple(extra='{"duration": 99}'), "success", "content-violation", "server-error-poll")
    assert found.report.broken == ("CLI-1",)
    assert "GEN-10" in str(found.report.of("CLI-5").why)
    assert "GEN-10" in str(found.report.of("CLI-6").why)


@pytest.mark.parametrize("case", ["timeout-poll", "timeout-submit"])
def test_a_client_with_a_long_timeout_is_not_accused_for_waiting(case: str) -> None:
    found = run(simple(timeout=3600), case, http_timeout=0.1)
    story = found.cases[-1].run
    assert story.client.exited
    assert "does not end" not in " ".join(titles(found))
    if case == "timeout-submit":
        assert found.report.ok, titles(found)


def ended_after(
    *requests: tuple[str, str, bytes | None], timeout: httpx.Timeout | float = SECONDS
) -> Callable[[MockServer], ClientRun]:
    """Return a client that makes these requests, and then nothing for so long that it is ended."""

    def client(mock: MockServer) -> ClientRun:
        with mock.client(timeout=timeout) as http:
            for method, path, body in requests:
                with contextlib.suppress(httpx.HTTPError):
                    http.request(method, path, content=body, headers={"content-type": "application/json"})
        until(lambda: len(mock.requests) == len(requests))
        return ClientRun(
            succeeded=False,
            description="was ended after 30 s without a request",
            exited=False,
            stop="quiet",
            seconds=30.0,
        )

    return client


SUBMITS = (
    "POST",
    "/generateTask/ltx-2-19b",
    b'{"input":{"mode":"text-to-video","prompt":"sea","resolution":"480p","duration":5}}',
)


def test_a_client_that_is_ended_while_an_answer_is_withheld_is_not_judged() -> None:
    found = check_cases(
        select_cases(("timeout-submit",)), Timing(), ended_after(SUBMITS, timeout=GIVES_UP), http_timeout=3600
    )
    assert found.report.ok, titles(found)
    assert "was still waiting for the response that the case withholds" in str(found.report.of("CLI-10").why)


def test_who_prints_the_url_of_the_result_has_it() -> None:
    found = run(simple(finish="print(url)"), "success", "two-results", "cut-download")
    assert found.report.ok, titles(found)
    assert outcomes(found)["CLI-4"] == "kept"
    cut = found.cases[-1].report.of("CLI-6")
    assert (cut.outcome, cut.why) == ("not checked", "it downloads no result; it prints the URL")


def test_who_should_download_is_not_let_off_with_printing() -> None:
    found = run(simple(finish="print(url)"), "success", results="download")
    assert found.report.broken == ("CLI-4",)


@pytest.mark.parametrize("read", ["answer.read(1000)", "answer.read(500_000)", "answer.read(1)"])
def test_who_reads_only_a_part_of_the_video_has_not_got_it(read: str) -> None:
    found = run(simple(finish=f"answer = opener.open(url); {read}; print(url)"), "success")
    assert titles(found) == ["it reports a video, but has not downloaded it completely"]


def test_who_cannot_read_a_date_in_retry_after_is_only_observed() -> None:
    found = run(simple(), "retry-after-date")
    assert found.report.ok
    assert found.report.of("CLI-6").outcome == "observed"


def test_a_body_that_does_not_say_it_is_json_is_told_and_breaks_nothing() -> None:
    def client(mock: MockServer) -> ClientRun:
        with mock.client() as http:
            http.post("/generateTask/ltx-2-19b", content=SUBMITS[2])
        return ClientRun(succeeded=False, description="exits with 1")

    found = check_cases(select_cases(("stuck",)), Timing(), client)
    assert [(each.title, each.actual) for each in found.report.of("CLI-1").deviations] == [
        ("a request does not declare its body as JSON", "no Content-Type")
    ]
    assert found.report.of("CLI-1").outcome == "observed"


def test_who_does_neither_has_no_result() -> None:
    found = run(simple(finish="pass"), "success")
    assert titles(found) == ["it reports a video, but has neither downloaded it nor printed its URL"]


@pytest.mark.parametrize(
    ("code", "said"), [("import sys; sys.exit(1)", ""), ("import no_such_module", "No module named")]
)
def test_a_program_that_sends_nothing_is_one_finding_and_keeps_no_rule(code: str, said: str) -> None:
    found = run(code, *(case.name for case in CASES if not case.callback))
    assert titles(found) == ["the client did not request a video"]
    assert set(outcomes(found).values()) == {"broken", "not checked"}
    assert len(found.cases) == 1
    assert said in found.report.of("CLI-1").deviations[0].actual
    assert "other cases were not run" in str(found.hint)


def test_a_client_that_never_gets_its_video_is_one_finding() -> None:
    never = simple(finish="raise LookupError('nowhere to put it')")
    found = run(never, "success", "rate-limited", "extra-fields", "two-results", "slow", "cut-download")
    assert found.report.broken == ("CLI-4",)
    assert titles(found) == ["it has no video in the case: Everything works."]
    assert "no video even in the case success" in str(found.report.of("CLI-9").why)


def test_a_client_that_gets_no_video_is_not_blamed_on_the_only_case_that_is_tried() -> None:
    found = run(simple(finish="raise LookupError('nowhere to put it')"), "rate-limited-poll")
    assert [played.run.case.name for played in found.cases] == ["success", "rate-limited-poll"]
    assert found.report.broken == ("CLI-4",)


def test_who_polls_for_ever_does_not_give_up_whatever_the_fakes_own_limit_is() -> None:
    code = simple().replace("range(500)", "iter(int, 1)")
    program = Program([*PYTHON, code], Timing(), limits=TimeLimits(requests=200))
    found = check_cases(select_cases(("stuck",)), Timing(), program)
    assert found.report.broken == ("CLI-3",)
    (deviation,) = found.report.of("CLI-3").deviations
    assert deviation.actual == "was ended after 200 requests"


def test_a_clock_that_jumps_over_ten_minutes_shows_no_patience() -> None:
    found = run(simple(), "slow")
    assert found.report.of("CLI-3").outcome == "not checked"
    assert "the clock jumps over the ten minutes" in str(found.report.of("CLI-3").why)


def test_a_client_that_waits_in_real_time_is_told_which_option_helps() -> None:
    found = check_cases(select_cases(("success", "stuck", "rate-limited")), Timing(), ended_after(SUBMITS))
    assert found.report.ok
    assert [played.run.case.name for played in found.cases] == ["success"]
    assert "wait in real time" in str(found.hint)
    assert "--real" in str(found.hint)


def test_a_program_that_makes_no_more_requests_is_ended_for_that() -> None:
    code = simple().replace("for _ in", "import time; time.sleep(3600)\n    for _ in")
    program = Program([*PYTHON, code], Timing(), limits=TimeLimits(quiet=0.1))
    (played,) = check_cases(select_cases(("success",)), Timing(), program).cases
    assert (played.run.client.exited, played.run.client.stop) == (False, "quiet")
    assert played.run.client.description == "was ended after 0.1 s without a request"


def hanging_at(status: int) -> Callable[[MockServer], ClientRun]:
    """Return a client that hangs where an answer has this status, and is quick elsewhere."""

    def client(mock: MockServer) -> ClientRun:
        began = time.monotonic()
        try:
            good = GoodClient(mock.base_url, mock.api_key, lambda _: None)
            good.tries = 1
            return ClientRun(
                succeeded=True, description="exits with 0", output=good.run(), seconds=time.monotonic() - began
            )
        except NoVideo:
            assert mock.requests[-1].status == status
            return ClientRun(succeeded=False, description="was ended", exited=False, stop="quiet", seconds=1000.0)

    return client


def test_a_client_that_hangs_in_one_case_alone_is_found() -> None:
    found = check_cases(select_cases(("server-error-poll",)), Timing(), hanging_at(500))
    assert titles(found) == ["the client does not end"]
    assert found.report.broken == ("CLI-6",)


@pytest.mark.parametrize(("stop", "found"), [("time", []), ("quiet", ["the client does not end"])])
def test_a_client_that_polls_for_longer_than_it_is_given_may_give_up_later(stop: Stop, found: list[str]) -> None:
    def client(mock: MockServer) -> ClientRun:
        def sleep(seconds: float) -> None:
            mock.clock.advance(seconds)

        try:
            good = GoodClient(mock.base_url, mock.api_key, sleep)
            return ClientRun(succeeded=True, description="exits with 0", output=good.run())
        except NoVideo:
            return ClientRun(succeeded=False, description="was ended after 65 s", exited=False, stop=stop, seconds=65.0)

    result = check_cases(select_cases(("stuck",)), Timing(60), client)
    assert titles(result) == found
    assert (result.report.of("CLI-3").outcome == "not checked") == (not found)


def test_cases_go_side_by_side_and_are_told_in_their_order(tmp_path: Path) -> None:
    cases = ("success", "content-violation", "two-results", "extra-fields")
    code, out, err = ltx_mock(
        *("check-client", *(f"--case={name}" for name in cases), "--jobs", "3", "--json", "-", "--", *PYTHON, simple()),
        cwd=tmp_path,
    )
    assert code == 0, out + err
    assert [each["case"] for each in json.loads(out)["cases"]] == [case.name for case in select_cases(cases)]
    assert {line.split()[1] for line in err.splitlines() if "the client exits" in line} == {"1/4", "2/4", "3/4", "4/4"}


def test_programs_that_get_into_each_others_way_are_tried_alone(tmp_path: Path) -> None:
    there = tmp_path / "video.part"
    code = f"import os\ntry: os.mkdir({str(there)!r})\nexcept OSError: os._exit(9)\n"
    code += simple(finish="opener.open(url).read()").replace("sys.exit(", f"os.rmdir({str(there)!r}) or sys.exit(")
    code += f"\nos.rmdir({str(there)!r})"
    names = [case.name for case in CASES if case.end == "result" and case.rules == ("CLI-9",)]
    found = run(code, "success", *names)
    assert found.report.ok, titles(found)


def test_one_of_each_kind_is_shown_before_the_sixth_of_one_kind() -> None:
    code = simple(extra='{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "duration": "5"}')
    _, out, _ = ltx_mock("check-client", "--case", "success", "--", *PYTHON, code)
    assert "does not follow GEN-10" in out
    assert "more; --json has them all" in out


IN_PARTS = """for at in range(40):
        opener.open(u.Request(url, headers={"Range": f"bytes={at * 200000}-{at * 200000 + 199999}"})).read()"""


def test_a_file_may_be_fetched_in_any_number_of_parts() -> None:
    found = run(simple(finish=IN_PARTS), "success", results="download")
    assert (found.report.ok, titles(found)) == (True, [])


def twice_called(*downloads: tuple[int, int]) -> list[str]:
    """Return the titles for a client that was called twice and made downloads with a status and a size."""
    attempt = Attempt(1, 0, 0, 200, None)
    delivery = Delivery("cb", "key", "task", "http://r/", "http://r/", "delivered", attempts=(attempt,))
    entries = [
        Exchange(
            number, 0, "other", "GET", "/files/x.mp4", status, "task", None, (), None, None, {"sent": n, "size": n}
        )
        for number, (status, n) in enumerate(downloads, 2)
    ]
    asked = Exchange(1, 0, "generateTask", "POST", "/", 200, "task", None, (), None, {}, {})
    (case,) = select_cases(("callback-twice",))
    client = ClientRun(succeeded=True, description="ended")
    judged = CaseRun(
        case=case,
        timing=Timing(),
        client=client,
        requests=[asked],
        downloads=entries,
        deliveries=[delivery, delivery._replace(id="cb_2")],
    )
    judge_case(judged, collector := VerdictCollector())
    return [each.title for each in collector.deviations if each.rule == "CLI-8"]


def test_the_parts_of_a_file_are_one_download_for_two_callbacks() -> None:
    half = (206, RESULT_BYTES // 2)
    assert twice_called((200, RESULT_BYTES)) == twice_called(half, half) == twice_called(*[half] * 3) == []
    twice = ["it processes a duplicate callback twice"]
    assert twice_called((200, RESULT_BYTES), (200, RESULT_BYTES)) == twice_called(*[half] * 4) == twice
