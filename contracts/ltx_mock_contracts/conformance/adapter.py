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
from ltx_mock_contracts.conformance.runner import CannotRun, CheckFinished, late_results, run_check, select_checks
from ltx_mock_contracts.conformance.suite import CHECKS
from ltx_mock_contracts.reporting.facts import about
from ltx_mock_contracts.reporting.redaction import hide_url_secrets
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
_RESULT: Final = ".result"


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Contact the server before collection, and before xdist starts its workers."""
    _contact_server(session.config)


def _contact_server(config: pytest.Config) -> None:
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
        raise pytest.UsageError(hide_url_secrets(str(problem))) from None
    config.add_cleanup(target.close)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Pass the shared folder to an xdist worker."""
    node.workerinput[_FOLDER] = str(node.config.stash[FOLDER])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect checks that are not in the plan, and sort the others by it."""
    checks = {check: item for item in items if (check := _check_of(item)) is not None}
    if not checks:
        return
    if TARGET not in config.stash:
        _contact_server(config)
    target = config.stash[TARGET]
    selected = set(select_checks(target.options)) & set(checks)
    config.hook.pytest_deselected(items=[item for check, item in checks.items() if check not in selected])
    plan = config.stash[PLAN] = Plan.of([check for check in checks if check in selected], target)
    left_out = [check for check in checks if check.name in plan.left_out]
    items[:] = [item for item in items if item not in checks.values()]
    items += [checks[check] for check in (*plan.running, *left_out)]


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Print the plan before any request that costs a task."""
    return [f"ltx-mock: {config.stash[PLAN]}"] if PLAN in config.stash else []


@pytest.fixture(scope="session")
def contexts(pytestconfig: pytest.Config) -> Iterator[list[CheckContext]]:
    """The contexts of the checks of this process; their inboxes are read again at the end."""
    contexts: list[CheckContext] = []
    yield contexts
    for finished in late_results(contexts):
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
    results = sorted(config.stash[FOLDER].glob(f"*{_RESULT}"), key=lambda path: path.stat().st_mtime_ns)
    for path in results:
        collector.add(_read(path))
    if not results:
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
    facts = {name: getattr(finished, name) for name in ("why", "exchanges", "trace", "made", "ids", "error")}
    collector = finished.collector and finished.collector.as_dict()
    with tempfile.NamedTemporaryFile("w", dir=config.stash[FOLDER], suffix=_RESULT, delete=False) as file:
        json.dump({"check": finished.check.name, "collector": collector, **facts}, file)


def _read(path: Path) -> CheckFinished:
    stored = json.loads(path.read_text(encoding="utf-8"))
    name = stored.pop("check")
    check = next(each for each in CHECKS if each.name == name)
    results, collector = stored.pop("collector"), None
    if results is not None:
        collector = VerdictCollector()
        collector.merge(results)
    return CheckFinished(check, collector=collector, **stored)
