"""The options of the checks, and their summary at the end. pytest loads this at each start, so it imports little."""

from __future__ import annotations

import os
import secrets
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from ltx_mock_contracts.conformance.options import Options
from ltx_mock_contracts.server_url import server_url

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.checks import Plan
    from ltx_mock_contracts.conformance.clocks import Pace
    from ltx_mock_contracts.conformance.gathering import Gatherer

__all__ = ["GATHERER", "OPTIONS", "PACE", "PLAN", "SEED", "SEEN", "folder_of", "options_of"]

GATHERER: Final = "ltx-mock-gatherer"
"""The name of the pytest plugin that gathers what checks saw, where it is not the summary of a session."""

OPTIONS = pytest.StashKey[Options]()
"""The options, where they do not come from the command line."""

PACE: Final[pytest.StashKey[Pace]] = pytest.StashKey()
PLAN: Final[pytest.StashKey[Plan]] = pytest.StashKey()
SEEN: Final = "ltx_seen"
"""The attribute of a test report that has what a check saw."""

SEED: Final = "ltx_seed"
_FOLDER: Final = "ltx_folder"
_MAX_SEED: Final = 2**31
_ENVIRONMENT: Final = {"api_key": "APIXO_API_KEY", "admin_token": "LTX_MOCK_ADMIN_TOKEN"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("ltx-mock")
    group.addoption(
        "--ltx-seed",
        metavar="N",
        default="0",
        help="Draw ids, timings, pictures and examples from this seed (default 0); `random` takes another each time.",
    )
    group.addoption(
        "--ltx-base-url",
        metavar="URL",
        default=None,
        help="Run the tests against the server at this URL. If it is an ltx-mock, `ltx_mock` opens its worlds there.",
    )
    checks = parser.getgroup("ltx-mock checks", "pytest --pyargs ltx_mock_contracts.conformance --ltx-base-url URL")
    for each in fields(Options):
        if each.metadata:
            checks.addoption(f"--ltx-{each.name.replace('_', '-')}", **_as_argument(each))
    checks.addoption("--ltx-rule", action="append", metavar="ID", help="Check only this rule (may be repeated).")
    checks.addoption("--ltx-exclude-rule", action="append", metavar="ID", help="Leave this rule out.")
    checks.addoption("--ltx-seed-only", action="store_true", help="Only the model's own page has to be kept to.")


def pytest_configure(config: pytest.Config) -> None:
    """Check the options and settle the seed."""
    config.addinivalue_line("markers", "ltx_check(rules, tasks, rank, needs): a check of a server")
    given = str(getattr(config, "workerinput", {}).get(SEED, config.option.ltx_seed))
    if not (given == "random" or given.isdecimal()):
        raise pytest.UsageError(f"--ltx-seed must be a whole number or random, not {given!r}")
    if config.option.ltx_base_url:
        try:
            config.option.ltx_base_url = server_url(config.option.ltx_base_url)
        except ValueError as error:
            raise pytest.UsageError(f"--ltx-base-url {error}") from None
    config.option.ltx_seed = secrets.randbelow(_MAX_SEED) if given == "random" else int(given)
    if not config.pluginmanager.hasplugin(GATHERER):
        config.pluginmanager.register(_Summary())


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give an xdist worker what is the same for all of a run: the seed, which may have been drawn, and the budget."""
    node.workerinput[SEED] = node.config.option.ltx_seed
    node.workerinput[_FOLDER] = str(folder_of(node.config))


class _Summary:
    """Tells at the end of a session what its checks saw, if there were any."""

    def __init__(self) -> None:
        self._gatherer: Gatherer | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if hasattr(report, SEEN):
            if self._gatherer is None:
                from ltx_mock_contracts.conformance.gathering import Gatherer  # noqa: PLC0415 - for checks only

                self._gatherer = Gatherer()
            self._gatherer.pytest_runtest_logreport(report)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        if self._gatherer is not None:
            from ltx_mock_contracts.reporting.telling import about  # noqa: PLC0415 - for checks only

            terminalreporter.section("rules of the contract")
            report = self._gatherer.report(options_of(config))
            for verdict in report.verdicts:
                note = verdict.why or next((departure.title for departure in verdict.departures), "")
                terminalreporter.write_line(f"{verdict.rule:<8} {verdict.outcome:<12} {note}".rstrip())
            terminalreporter.write_line(", ".join(f"{name} {fact}" for name, fact in about(report).items()))


def options_of(config: pytest.Config) -> Options:
    """Return the options of the command line.

    Raises:
        pytest.UsageError: There is no URL, or a rule is not known.
    """
    if OPTIONS in config.stash:
        return config.stash[OPTIONS]
    given = config.option
    if not given.ltx_base_url:
        raise pytest.UsageError("the checks need a server: --ltx-base-url URL")
    named = {each.name: getattr(given, f"ltx_{each.name}") for each in fields(Options) if each.metadata}
    named |= {name: os.environ.get(variable) for name, variable in _ENVIRONMENT.items() if named[name] is None}
    return Options(
        url=given.ltx_base_url,
        sources=("seed",) if given.ltx_seed_only else ("seed", "vendor"),
        rules=_rules(given.ltx_rule, given.ltx_exclude_rule),
        seed=given.ltx_seed,
        **named,
    )


def folder_of(config: pytest.Config) -> Path:
    """Return a folder that all processes of a run share."""
    shared = getattr(config, "workerinput", {}).get(_FOLDER)
    if shared is None:
        if _TEMPORARY not in config.stash:
            config.stash[_TEMPORARY] = tempfile.TemporaryDirectory(prefix="ltx-mock-")
            config.add_cleanup(config.stash[_TEMPORARY].cleanup)
        shared = config.stash[_TEMPORARY].name
    return Path(shared)


_TEMPORARY: Final[pytest.StashKey[tempfile.TemporaryDirectory[str]]] = pytest.StashKey()


def _as_argument(option: Any) -> dict[str, Any]:
    """Return an option as `argparse` wants it."""
    about: dict[str, Any] = {"help": option.metadata["help"].replace("%", "%%"), "default": option.default}
    if isinstance(option.default, bool):
        return about | {"action": "store_true"}
    kind = {"int": int, "int | None": int, "float": float, "float | None": float}.get(option.type, str)
    return about | {"type": kind, "metavar": option.metadata["metavar"]}


def _rules(wanted: list[str] | None, excluded: list[str] | None) -> frozenset[str] | None:
    if not wanted and not excluded:
        return None
    from ltx_mock_contracts.rules import rules_named  # noqa: PLC0415 - most sessions run no checks

    try:
        return frozenset(rules_named(wanted or [""]) - rules_named(excluded or []))
    except KeyError as error:
        raise pytest.UsageError(f"no rule {error.args[0]!r}") from None
