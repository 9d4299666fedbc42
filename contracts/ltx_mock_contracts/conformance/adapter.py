"""Run the checks in pytest: the target and the plan of a session, and the report at its end.

`plugin` registers this module if the checks are selected, so that the server is contacted once, before workers start.
The processes of one run (xdist) share a folder for the budget and for the results of checks.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from ltx_mock_contracts.conformance.collector import ReportCollector
from ltx_mock_contracts.conformance.harness.checks import Plan
from ltx_mock_contracts.conformance.harness.target import CannotRunError, Target
from ltx_mock_contracts.conformance.plugin import options_of
from ltx_mock_contracts.conformance.runner import CannotRun, CheckFinished, late_findings, run_check, select_checks
from ltx_mock_contracts.conformance.suite import CHECKS
from ltx_mock_contracts.reporting.facts import about
from ltx_mock_contracts.verdicts import VerdictCollector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ltx_mock_contracts.conformance.harness.checks import Check
    from ltx_mock_contracts.conformance.harness.context import CheckContext

NAME: Final = "ltx-mock-checks"
"""Its name as a pytest plugin."""

FOLDER: Final[pytest.StashKey[Path]] = pytest.StashKey()
TARGET: Final[pytest.StashKey[Target]] = pytest.StashKey()
PLAN: Final[pytest.StashKey[Plan]] = pytest.StashKey()
_FOLDER: Final = "ltx_folder"


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Contact the server before collection, and before xdist starts its workers."""
    _reach(session.config)


def _reach(config: pytest.Config) -> None:
    shared = getattr(config, "workerinput", {}).get(_FOLDER)
    if shared is None:
        temporary = tempfile.TemporaryDirectory(prefix="ltx-mock-")
        config.add_cleanup(temporary.cleanup)
        shared = temporary.name
    config.stash[FOLDER] = Path(shared)
    try:
        options = options_of(config)
        select_checks(options)
        target = config.stash[TARGET] = Target(options, config.stash[FOLDER])
    except (CannotRun, CannotRunError) as problem:
        raise pytest.UsageError(str(problem)) from None
    config.add_cleanup(target.close)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Pass the shared folder to an xdist worker."""
    node.workerinput[_FOLDER] = str(node.config.stash[FOLDER])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect checks that are not in the plan, and sort the others by it."""
    ours = {check: item for item in items if (check := _check_of(item)) is not None}
    if not ours:
        return
    if TARGET not in config.stash:
        _reach(config)
    target = config.stash[TARGET]
    wanted = set(select_checks(target.options)) & set(ours)
    config.hook.pytest_deselected(items=[item for check, item in ours.items() if check not in wanted])
    plan = config.stash[PLAN] = Plan.of([check for check in ours if check in wanted], target)
    left_out = [check for check in ours if check.name in plan.left_out]
    items[:] = [item for item in items if item not in ours.values()]
    items += [ours[check] for check in (*plan.running, *left_out)]


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Print the plan before any request that costs a task."""
    return [f"ltx-mock: {config.stash[PLAN]}"] if PLAN in config.stash else []


@pytest.fixture(scope="session")
def contexts(pytestconfig: pytest.Config) -> Iterator[list[CheckContext]]:
    """The contexts of the checks of this process; their inboxes are read once more at the end."""
    used: list[CheckContext] = []
    yield used
    for finished in late_findings(used):
        _save(pytestconfig, finished)


@pytest.fixture
def run_one(pytestconfig: pytest.Config, contexts: list[CheckContext]) -> Callable[[Check], None]:
    """Run a check and turn its result into the outcome of a test."""

    def run(check: Check) -> None:
        why = pytestconfig.stash[PLAN].left_out.get(check.name)
        target = pytestconfig.stash[TARGET]
        finished = CheckFinished(check, why=why) if why else run_check(check, target, contexts)
        _save(pytestconfig, finished)
        if finished.error is not None:
            pytest.fail(finished.error, pytrace=False)
        if finished.failure is not None:
            pytest.fail(str(finished.failure), pytrace=False)
        if finished.why is not None:
            pytest.skip(finished.why)

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the report of the checks of all processes."""
    if TARGET not in config.stash:
        return
    collector = ReportCollector()
    collector.plan(Plan(bound=config.stash[TARGET].budget.bound))
    kept = sorted(config.stash[FOLDER].glob("*.seen"), key=lambda path: path.stat().st_mtime_ns)
    for path in kept:
        collector.add(_read(path))
    if not kept:
        return
    terminalreporter.section("rules of the contract")
    report = collector.report(options_of(config))
    for verdict in report.verdicts:
        note = verdict.why or next((deviation.title for deviation in verdict.deviations), "")
        terminalreporter.write_line(f"{verdict.rule:<8} {verdict.outcome:<12} {note}".rstrip())
    terminalreporter.write_line(", ".join(f"{name} {fact}" for name, fact in about(report).items()))


def _check_of(item: pytest.Item) -> Check | None:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("check") if callspec is not None and item.path.parent == Path(__file__).parent else None


def _save(config: pytest.Config, finished: CheckFinished) -> None:
    """Write the result of a check to the shared folder."""
    known = {name: getattr(finished, name) for name in ("why", "exchanges", "trace", "made", "ids", "error")}
    collector = finished.collector and finished.collector.as_dict()
    with tempfile.NamedTemporaryFile("w", dir=config.stash[FOLDER], suffix=".seen", delete=False) as file:
        json.dump({"check": finished.check.name, "collector": collector, **known}, file)


def _read(path: Path) -> CheckFinished:
    seen = json.loads(path.read_text(encoding="utf-8"))
    name = seen.pop("check")
    check = next(each for each in CHECKS if each.name == name)
    noted, collector = seen.pop("collector"), None
    if noted is not None:
        collector = VerdictCollector()
        collector.merge(noted)
    return CheckFinished(check, collector=collector, **seen)
