"""Run the checks against a server, from any thread."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ltx_mock_contracts.conformance.collector import ReportCollector
from ltx_mock_contracts.conformance.harness.checks import Plan
from ltx_mock_contracts.conformance.harness.context import CheckContext
from ltx_mock_contracts.conformance.harness.target import CannotRunError, CheckStoppedError, Target
from ltx_mock_contracts.conformance.hypothesis_home import hypothesis_home
from ltx_mock_contracts.conformance.suite import CHECKS
from ltx_mock_contracts.trace.ndjson import write_ndjson
from ltx_mock_contracts.verdicts import VerdictCollector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ltx_mock_contracts.conformance.harness.checks import Check
    from ltx_mock_contracts.conformance.harness.clocks import Pace
    from ltx_mock_contracts.conformance.harness.options import Options
    from ltx_mock_contracts.failure import ContractFailure
    from ltx_mock_contracts.verdicts import Report

__all__ = [
    "CannotRun",
    "CheckFinished",
    "CheckStarted",
    "Event",
    "Listener",
    "Planned",
    "check_server",
    "late_results",
    "run_check",
    "run_checks",
    "select_checks",
]


class CannotRun(Exception):  # noqa: N818 - a public name
    """The checks cannot run, or the code of one of them raised an error; the text says why."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan is made; no task has been made yet."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class CheckStarted:
    """A check starts."""

    check: Check


@dataclass(frozen=True, slots=True)
class CheckFinished:
    """A check has ended.

    Attributes:
        check: The check.
        collector: Its results; None if it did not run.
        why: Why it did not run or complete; None if it did.
        exchanges: The number of its exchanges.
        trace: Its exchanges as NDJSON.
        made: The number of tasks it made.
        ids: The ids of its tasks, each with number and curl line of its first exchange.
        failure: The failure to raise for its results, if any.
        error: The error that the code of the check raised, if any.
    """

    check: Check
    collector: VerdictCollector | None = None
    why: str | None = None
    exchanges: int = 0
    trace: str = ""
    made: int = 0
    ids: dict[str, tuple[int, str]] | None = None
    failure: ContractFailure | None = None
    error: str | None = None


Event = Planned | CheckStarted | CheckFinished


class Listener(Protocol):
    """Receives the progress of the checks."""

    def planned(self, plan: Plan) -> None:
        """Called with the plan, before the first check."""

    def started(self, check: str) -> None:
        """Called when a check starts."""

    def waiting(self, seconds: float, what: str) -> None:
        """Called before a wait in real time, with the seconds and the purpose."""

    def done(self, check: str) -> None:
        """Called when a check has ended."""


def check_server(
    options: Options,
    *,
    listener: Listener | None = None,
    trace: list[str] | None = None,
    pace: Pace | None = None,
    parallel: int = 1,
) -> Report:
    """Check a server against the contract.

    Args:
        options: The server, and the limits of the run.
        listener: Receives the progress.
        trace: A list to which all exchanges are added, as lines of NDJSON.
        pace: The source of real time, for servers whose clock cannot be advanced.
        parallel: How many checks run at the same time, which shortens the waits for tasks.

    Returns:
        A verdict for each rule that is about a server.

    Raises:
        CannotRun: The server cannot be reached, does not accept the key, or the code of a check raised an error.
    """
    collector = ReportCollector()
    waiting = None if listener is None else listener.waiting
    for event in run_checks(options, pace=pace, parallel=parallel, waiting=waiting):
        if listener is not None:
            _notify(listener, event)
        if isinstance(event, Planned):
            collector.plan(event.plan)
        elif isinstance(event, CheckFinished):
            collector.add(event)
    if collector.errors:
        raise CannotRun("; ".join(collector.errors))
    if trace is not None:
        trace += collector.trace(options)
    return collector.report(options, numbered=trace is not None)


def run_checks(
    options: Options,
    *,
    pace: Pace | None = None,
    parallel: int = 1,
    waiting: Callable[[float, str], None] | None = None,
) -> Iterator[Event]:
    """Run the checks, and yield events: the plan, then start and end of each check.

    Args:
        options: The server, and the limits of the run.
        pace: The source of real time, for servers whose clock cannot be advanced.
        parallel: How many checks run at the same time.
        waiting: Called before each wait in real time, with the seconds and the purpose.

    Raises:
        CannotRun: The server cannot be reached, or does not accept the key.
    """
    checks = select_checks(options)
    with (
        tempfile.TemporaryDirectory(prefix="ltx-mock-") as folder,
        hypothesis_home(),
        _target(options, folder, pace, waiting) as target,
    ):
        plan = Plan.of(checks, target)
        yield Planned(plan)
        contexts: list[CheckContext] = []
        yield from (_run_in_order if parallel < 2 else _run_in_threads(parallel))(plan.running, target, contexts)
        yield from (CheckFinished(each, why=plan.left_out[each.name]) for each in checks if each.name in plan.left_out)
        yield from late_results(contexts)


def select_checks(options: Options) -> tuple[Check, ...]:
    """Return the checks of the selected rules.

    Raises:
        CannotRun: There are none.
    """
    found = tuple(each for each in CHECKS if options.rules is None or not options.rules.isdisjoint(each.rules))
    if not found:
        raise CannotRun("no rule is left to check; rules about clients (CLI) are checked by check-client")
    return found


def run_check(check: Check, target: Target, contexts: list[CheckContext]) -> CheckFinished:
    """Run one check, then judge its exchanges.

    Args:
        check: The check.
        target: The server.
        contexts: A list to which the context is added, for `late_results`.
    """
    why = target.stop_reason or _known_to_be_broken(check, target)
    if why is not None:
        return CheckFinished(check, why=why)
    context = CheckContext(target, check.name)
    error = None
    try:
        check.run(context)
    except CheckStoppedError as reason:
        why = str(reason)
    except Exception as problem:  # noqa: BLE001 - it is reported with the name of the check
        error = f"the check {check.name!r} failed with an error of its own: {type(problem).__name__}: {problem}"
    collector = context.close()
    contexts.append(context)
    return CheckFinished(
        check,
        collector=collector,
        why=why,
        exchanges=len(context.recorded),
        trace=write_ndjson(context.recorded),
        made=context.tasks_made,
        ids=context.ids,
        failure=context.failure(collector),
        error=error,
    )


def _known_to_be_broken(check: Check, target: Target) -> str | None:
    """Return why a check is skipped that costs tasks and whose rules are known to be broken; None otherwise."""
    rules = target.options.rules
    wanted = [rule for rule in check.rules if rules is None or rule in rules]
    if target.budget.bound is not None and check.tasks and target.accepts_invalid.issuperset(wanted):
        return f"{', '.join(wanted)} is broken, as other checks show; this check would cost a task"
    return None


def late_results(contexts: Iterable[CheckContext]) -> Iterator[CheckFinished]:
    """Read every inbox once more, and yield the additional results."""
    for context in contexts:
        recorded = len(context.recorded)
        collector = context.late_results()
        if collector is not None:
            check = next(each for each in CHECKS if each.name == context.name)
            new = context.recorded[recorded:]
            yield CheckFinished(check, collector=collector, exchanges=len(new), trace=write_ndjson(new))


def _run_in_order(checks: Iterable[Check], target: Target, contexts: list[CheckContext]) -> Iterator[Event]:
    for check in checks:
        yield CheckStarted(check)
        yield run_check(check, target, contexts)


def _run_in_threads(
    threads: int,
) -> Callable[[Iterable[Check], Target, list[CheckContext]], Iterator[Event]]:
    def run(checks: Iterable[Check], target: Target, contexts: list[CheckContext]) -> Iterator[Event]:
        with ThreadPoolExecutor(threads) as pool:
            futures = []
            for check in checks:
                yield CheckStarted(check)
                futures.append(pool.submit(run_check, check, target, contexts))
            try:
                yield from (each.result() for each in as_completed(futures))
            finally:
                pool.shutdown(cancel_futures=True)

    return run


@contextmanager
def _target(
    options: Options, folder: str, pace: Pace | None, waiting: Callable[[float, str], None] | None
) -> Iterator[Target]:
    try:
        target = Target(options, Path(folder), pace, waiting=waiting)
    except CannotRunError as problem:
        raise CannotRun(str(problem)) from None
    try:
        yield target
    finally:
        target.close()


def _notify(listener: Listener, event: Event) -> None:
    if isinstance(event, Planned):
        listener.planned(event.plan)
    elif isinstance(event, CheckStarted):
        listener.started(event.check.name)
    else:
        listener.done(event.check.name)
