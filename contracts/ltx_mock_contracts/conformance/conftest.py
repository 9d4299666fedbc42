"""What the checks are run with: their target, their plan, an `exam` for each, and what it saw in each report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ltx_mock_contracts.conformance.checks import MARKER, Check, Plan
from ltx_mock_contracts.conformance.exam import Exam
from ltx_mock_contracts.conformance.plugin import PACE, PLAN, SEEN, folder_of, options_of
from ltx_mock_contracts.conformance.target import CannotRunError, CheckStoppedError, Target
from ltx_mock_contracts.trace.ndjson import write_ndjson

if TYPE_CHECKING:
    from collections.abc import Generator

TARGET = pytest.StashKey[Target]()
TOLD = pytest.StashKey[dict[str, Any]]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not asked for, and put the rest in the order of the plan."""
    ours = {item.name: item for item in items if item.get_closest_marker(MARKER)}
    if not ours:
        return
    options = options_of(config)
    described = {name: _described(item) for name, item in ours.items()}
    rules = options.rules
    if rules is not None and not any(rules.intersection(each.rules) for each in described.values()):
        raise pytest.UsageError("no rule is left to check; those about clients (CLI) are for check-client")
    wanted = {name: each for name, each in described.items() if rules is None or not rules.isdisjoint(each.rules)}
    config.hook.pytest_deselected(items=[item for name, item in ours.items() if name not in wanted])
    try:
        target = Target(options, folder_of(config), config.stash.get(PACE, None))
    except CannotRunError as problem:
        raise pytest.UsageError(str(problem)) from None
    config.add_cleanup(target.close)
    config.stash[TARGET] = target
    plan = config.stash[PLAN] = Plan.of(wanted.values(), target)
    for name, why in plan.left_out.items():
        ours[name].add_marker(pytest.mark.skip(reason=why))
    names = [each.name for each in plan.running] + list(plan.left_out)
    items[:] = [item for item in items if not item.get_closest_marker(MARKER)] + [ours[name] for name in names]


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Tell the plan before anything is spent."""
    return [f"ltx-mock: {config.stash[PLAN]}"] if PLAN in config.stash else []


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Run a check, then judge what it saw."""
    exam = pyfuncitem.funcargs.get("exam")
    if not isinstance(exam, Exam):
        return (yield)
    stopped: str | None = None
    before = exam.target.budget.made
    try:
        yield
    except CheckStoppedError as reason:
        stopped = str(reason)
    ledger = exam.close()
    pyfuncitem.stash[TOLD] = {
        "ledger": ledger.as_dict(),
        "why": stopped,
        "exchanges": len(exam.recorded),
        "trace": write_ndjson(exam.recorded),
        "made": exam.target.budget.made - before,
        "ids": exam.ids,
        "name": exam.name,
        "bound": exam.target.budget.bound,
    }
    failure = exam.failure(ledger)
    if failure is not None:
        raise failure
    if stopped is not None:
        pytest.skip(stopped)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put what a check saw into its report, which xdist brings to the controller."""
    report = yield
    mark = item.get_closest_marker(MARKER)
    if mark is not None and (call.when == "call" or report.skipped):
        told = item.stash.get(TOLD, None) or {"why": _reason(report)}
        setattr(report, SEEN, json.dumps({"rules": mark.kwargs["rules"], **told}))
    return report


@pytest.fixture
def exam(request: pytest.FixtureRequest) -> Exam:
    """What a check asks with and writes into."""
    target = request.config.stash[TARGET]
    if target.over is not None:
        pytest.skip(target.over)
    return Exam(target, _name(request.node))


def _described(item: pytest.Item) -> Check:
    mark = item.get_closest_marker(MARKER)
    return Check(name=item.name, **mark.kwargs)  # type: ignore[union-attr] # only checks are described


def _name(item: pytest.Item) -> str:
    return item.name.removeprefix("test_")


def _reason(report: pytest.TestReport) -> str | None:
    return report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else None
