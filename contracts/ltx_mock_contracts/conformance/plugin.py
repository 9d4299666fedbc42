"""The pytest options of the checks. pytest loads this at every start, so it imports little."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any, Final

import pytest

from ltx_mock_contracts.conformance.harness.options import Options

__all__ = ["SEED", "options_of"]

SEED: Final = "ltx_seed"
_SUITE: Final = "ltx_mock_contracts.conformance"
_MAX_SEED: Final = 2**31
_ENVIRONMENT: Final = {"api_key": "APIXO_API_KEY", "admin_token": "LTX_MOCK_ADMIN_TOKEN"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("ltx-mock")
    group.addoption(
        "--ltx-seed",
        metavar="N",
        default="0",
        help="Derive ids, timings, pictures and examples from this seed (default 0); `random` takes another each time.",
    )
    group.addoption(
        "--ltx-base-url",
        metavar="URL",
        default=None,
        help="Run the tests against the server at this URL. If it is an ltx-mock, `ltx_mock` opens its tenants there.",
    )
    checks = parser.getgroup("ltx-mock checks", "pytest --pyargs ltx_mock_contracts.conformance --ltx-base-url URL")
    for each in fields(Options):
        if each.metadata:
            checks.addoption(f"--ltx-{each.name.replace('_', '-')}", **_as_argument(each))
    checks.addoption("--ltx-rule", action="append", metavar="ID", help="Check only this rule (may be repeated).")
    checks.addoption("--ltx-exclude-rule", action="append", metavar="ID", help="Leave this rule out.")
    checks.addoption(
        "--ltx-documented-only",
        "--ltx-seed-only",
        dest="ltx_documented_only",
        action="store_true",
        help="Only the rules of the model's own page are binding.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Check the options and choose the seed."""
    given = str(getattr(config, "workerinput", {}).get(SEED, config.option.ltx_seed))
    if not (given == "random" or given.isdecimal()):
        raise pytest.UsageError(f"--ltx-seed must be a whole number or random, not {given!r}")
    if config.option.ltx_base_url:
        from ltx_mock_contracts.io.server_url import server_url  # noqa: PLC0415 - most sessions have no URL

        try:
            config.option.ltx_base_url = server_url(config.option.ltx_base_url)
        except ValueError as error:
            from ltx_mock_contracts.reporting.redaction import hide_url_secrets  # noqa: PLC0415 - only for an error

            raise pytest.UsageError(hide_url_secrets(f"--ltx-base-url {error}")) from None
    if any(_SUITE in each.partition("::")[0].replace(os.sep, ".") for each in config.args):
        from ltx_mock_contracts.extras import MissingExtraError  # noqa: PLC0415

        try:
            from ltx_mock_contracts.conformance import adapter  # noqa: PLC0415 - most sessions run no checks
        except MissingExtraError as error:
            raise pytest.UsageError(f"the checks need {error.remedy}") from None

        config.pluginmanager.register(adapter, adapter.NAME)
    config.option.ltx_seed = _random_seed() if given == "random" else int(given)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Pass the seed, which may be random, to an xdist worker."""
    node.workerinput[SEED] = node.config.option.ltx_seed


def options_of(config: pytest.Config) -> Options:
    """Return the options of the command line.

    Raises:
        pytest.UsageError: There is no URL, a rule is not known, or a number is out of its range.
    """
    given = config.option
    if not given.ltx_base_url:
        raise pytest.UsageError("the checks need a server: --ltx-base-url URL")
    named = {each.name: getattr(given, f"ltx_{each.name}") for each in fields(Options) if each.metadata}
    named |= {name: os.environ.get(variable) for name, variable in _ENVIRONMENT.items() if named[name] is None}
    rules = _rules(given.ltx_rule, given.ltx_exclude_rule)
    try:
        return Options(
            url=given.ltx_base_url,
            sources=("spec",) if given.ltx_documented_only else ("spec", "vendor"),
            rules=rules,
            seed=given.ltx_seed,
            **named,
        )
    except ValueError as error:
        raise pytest.UsageError(f"--ltx-{str(error).replace('_', '-', 1)}") from None


def _random_seed() -> int:
    import secrets  # noqa: PLC0415 - most seeds are not random

    return secrets.randbelow(_MAX_SEED)


def _as_argument(option: Any) -> dict[str, Any]:
    """Return an option as arguments of `addoption`."""
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
