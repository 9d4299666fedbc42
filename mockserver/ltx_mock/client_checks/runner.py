"""Run all cases and combine their results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any, Final

from ltx_mock.client_checks.cases import CASES, Case
from ltx_mock.client_checks.outcome import CaseRun, Results
from ltx_mock.client_checks.programs import Program, free_port
from ltx_mock.client_checks.rules import judge_case, waits_in_real_time
from ltx_mock.client_checks.timing import Timing
from ltx_mock.client_checks.trial import HTTP_TIMEOUT, KEY, Client, run_case
from ltx_mock.control.from_json import AMOUNTS
from ltx_mock_contracts.reporting.redaction import without_keys
from ltx_mock_contracts.reporting.text import counted
from ltx_mock_contracts.rules import RULES
from ltx_mock_contracts.verdicts import Report, VerdictCollector

__all__ = ["AUTO", "CheckResult", "JudgedCase", "check_cases"]

AUTO: Final = "auto"
"""As receiver URL: use a free port of this machine for each case."""

CONTROL: Final = CASES[0]
"""The case without faults. A client that gets no video here gets none elsewhere, and other cases are meaningless."""

WAKE_SECONDS: Final = 1.0

SOURCES: Final = ("spec", "vendor", "choice")
"""Choices of the fake count too: they are modelled on real behaviour (CLI-9)."""

RULES_OF_CLIENTS: Final = tuple(rule.id for rule in RULES.values() if rule.group == "CLI")


@dataclass(frozen=True, slots=True)
class JudgedCase:
    """One case: the run, and a report on the rules."""

    run: CaseRun
    report: Report

    def as_dict(self) -> dict[str, Any]:
        """Return the case as a JSON object."""
        ran = self.run.client
        return {
            "case": self.run.case.name,
            "about": self.run.case.about,
            "expected": self.run.case.end,
            "how": ran.description,
            "seconds": round(ran.seconds, 3),
            "requests": len(self.run.requests),
            "tasks": len(self.run.tasks),
            "kept": list(self.report.having("kept")),
            "broken": list(self.report.broken),
            "output": None if self.report.ok else ran.output,
        }


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of all cases, and a report with a verdict for each rule."""

    timing: Timing
    cases: tuple[JudgedCase, ...]
    report: Report
    hint: str | None = None
    """Why the other cases were skipped after the first, and what to do; None if they ran."""

    @property
    def spent(self) -> dict[str, int]:
        """What the tasks of all cases cost: the `AMOUNTS` of `ltx_mock.control.from_json`."""
        return {name: sum(each.run.spent.get(name, 0) for each in self.cases) for name in AMOUNTS}

    def as_dict(self) -> dict[str, Any]:
        """Return the result as a JSON object; the schema `client-report` describes it."""
        return {
            "format": 1,
            "ok": self.report.ok,
            "timing": str(self.timing),
            "hint": self.hint,
            "cases": [each.as_dict() for each in self.cases],
            "spent": self.spent,
            "report": self.report.as_dict(),
        }


def check_cases(
    cases: Iterable[Case],
    timing: Timing,
    client: Client,
    *,
    seed: int = 0,
    results: Results = "either",
    callback: str | None = None,
    callback_secret: str | None = None,
    http_timeout: float = HTTP_TIMEOUT,
    jobs: int = 1,
    on_case: Callable[[CaseRun], None] = lambda _: None,
) -> CheckResult:
    """Run cases and judge them.

    Args:
        cases: The cases.
        timing: The timing of fake and client.
        client: Runs the client once; called from several threads with several jobs.
        seed: The seed of the fakes.
        results: What the client does with a result.
        callback: The URL of its receiver; `AUTO` uses a free port for each case.
        callback_secret: Signs callbacks; the cases with forged ones need it.
        http_timeout: For how many real seconds a case withholds a response.
        jobs: How many cases run in parallel.
        on_case: Called with the result of each case.
    """

    def run_one(case: Case) -> CaseRun:
        url, own_client = callback, client
        if callback == AUTO:
            url = f"http://127.0.0.1:{free_port()}/callback"
            own_client = client.listening_at(url) if isinstance(client, Program) else client
        run = run_case(
            case,
            timing,
            own_client,
            seed=seed,
            results=results,
            callback=url,
            callback_secret=callback_secret,
            http_timeout=http_timeout,
        )
        on_case(run)
        return run

    def run_alone(case: Case) -> CaseRun:
        return _side_by_side(run_one, [case], 1, client)[0]

    # The first case shows whether the others make sense.
    first, *others = list(cases)
    runs = [run_alone(first)]
    control = runs[0] if first is CONTROL else None
    if control is None and waits_in_real_time(runs[0]):
        control = run_alone(CONTROL)
    hint = _hint(control or runs[0], len(others))
    if hint is None:
        beside = _side_by_side(run_one, others, jobs, client)
        # Parallel programs may disturb each other, for example by writing the same file.
        runs += [run_alone(each.case) if jobs > 1 and _went_wrong(each) else each for each in beside]
        control = control or next((each for each in runs if each.case is CONTROL), None)
        if control is None and any(_wants_a_control(each) for each in runs):
            control = run_alone(CONTROL)
    if control is not None and control not in runs and not control.got_a_video:
        runs.insert(0, control)  # the cause of the failures of the others
    compared = [each if each.case is CONTROL else replace(each, control=control) for each in runs]
    return _judged(compared, timing, seed, hint)


def _side_by_side(
    run_one: Callable[[Case], CaseRun], cases: Sequence[Case], jobs: int, client: Client
) -> list[CaseRun]:
    """Run cases in threads: Ctrl-C comes to the main thread only, and so never while a program is being started."""
    pool = ThreadPoolExecutor(max_workers=jobs)
    try:
        running = [pool.submit(run_one, case) for case in cases]
        return [_result(each) for each in running]
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        if isinstance(client, Program):
            client.stop()
        raise
    finally:
        pool.shutdown()


def _result(running: Future[CaseRun]) -> CaseRun:
    """Wait for a result. A signal that came just before a wait is seen after it, so each wait is short."""
    while not wait([running], WAKE_SECONDS).done:
        pass
    return running.result()


def _hint(run: CaseRun, others: int) -> str | None:
    """Return why the other cases are skipped after the first, and what to do; else None."""
    rest = f"{counted(others, 'other case was', 'other cases were')} not run" if others else "no further case was run"
    if not run.sent:
        return f"the client sent nothing to the fake: {rest}. The address is in APIXO_BASE_URL, or in {{base_url}}"
    if waits_in_real_time(run):
        return (
            f"the client {run.client.description}: it seems to wait in real time, so {rest}. Divide its waits by "
            "APIXO_TIME_SCALE (or {scale}), or use --real, or give more time with --timeout"
        )
    return None


def _went_wrong(run: CaseRun) -> bool:
    """Tell whether a client that ended by itself has deviations."""
    collector = VerdictCollector()
    judge_case(run, collector)
    wrong = any(each.binding or not run.case.binding for each in collector.deviations)
    return run.client.exited and wrong


def _wants_a_control(run: CaseRun) -> bool:
    """Tell whether a run without faults is needed for comparison."""
    return bool(run.sent) and not (run.got_a_video if run.case.end == "result" else run.client.exited)


def _judged(runs: Iterable[CaseRun], timing: Timing, seed: int, hint: str | None) -> CheckResult:
    whole, played = VerdictCollector(), []
    hidden: dict[str, str] = {}
    partly: dict[str, str] = {}
    for run in runs:
        collector = VerdictCollector()
        judge = judge_case(run, collector)
        whole.merge(collector.as_dict())
        hidden = {rule: f"{run.case.name}: {reason}" for rule, reason in judge.hidden.items()} | hidden
        partly |= judge.partly
        report = _report(collector, timing, seed, len(run.requests), judge.hidden, judge.partly)
        played.append(JudgedCase(run, report))
    requests = sum(len(each.run.requests) for each in played)
    return CheckResult(timing, tuple(played), _report(whole, timing, seed, requests, hidden, partly), hint)


def _report(
    collector: VerdictCollector,
    timing: Timing,
    seed: int,
    requests: int,
    hidden: dict[str, str],
    partly: dict[str, str],
) -> Report:
    why = dict.fromkeys(RULES_OF_CLIENTS, "no case of this run tests it")
    why |= {} if timing.shows_waits else {"CLI-2": str(timing)}
    why |= {"CLI-8": "no callback came; --callback adds callback cases"}
    why |= {"CLI-11": "no forged callback came; --callback with --callback-secret adds cases with one"}
    complete = collector.seen.keys() - partly
    verdicts = collector.verdicts(RULES_OF_CLIENTS, SOURCES, why | hidden | partly, complete=complete)
    report = Report(verdicts=verdicts, sources=SOURCES, exchanges=requests, counted_in="request", seed=seed)
    return without_keys(report, [KEY])
