"""The public names of the four packages: sorted, there, and shown by `dir`."""

from __future__ import annotations

from importlib import import_module

import pytest

import ltx_mock_contracts
from ltx_mock import MockServer, RemoteServer
from ltx_mock_contracts import Deviation, Verdict, reporting

LAZY = [
    "ltx_mock",
    "ltx_mock.client_checks",
    "ltx_mock_contracts",
    "ltx_mock_contracts.conformance",
    "ltx_mock_contracts.reporting",
]
PACKAGES = [*LAZY, "ltx_mock_fixtures", "ltx_mock_schemas"]


def natural(name: str) -> tuple[int, str]:
    """Order as ruff does: constants, then classes, then functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_sorted_and_there(package: str) -> None:
    module = import_module(package)
    names = module.__all__
    assert names == sorted(names, key=natural)
    assert len(names) == len(set(names))
    for name in names:
        assert getattr(module, name) is getattr(module, name)
    assert set(names) <= set(dir(module))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_class_and_function_says_what_it_is_for(package: str) -> None:
    module = import_module(package)
    for name in module.__all__:
        value = getattr(module, name)
        if callable(value):
            assert value.__doc__, f"{package}.{name} has no docstring"
            assert not value.__doc__.startswith(f"{name}("), f"{package}.{name} has only the docstring of a dataclass"


@pytest.mark.parametrize("package", LAZY)
def test_a_name_that_is_not_there_is_an_ordinary_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nonsense'"):
        _ = import_module(package).nonsense


def test_star_import_gives_the_public_names_and_no_more() -> None:
    for package in PACKAGES:
        given: dict[str, object] = {}
        exec(f"from {package} import *", given)
        assert set(given) - {"__builtins__"} == set(import_module(package).__all__)


@pytest.mark.parametrize(
    ("former", "name"),
    [("ltx_mock.clients", "ltx_mock.client_checks"), ("ltx_mock_contracts.machine", "ltx_mock_contracts.stateful")],
)
def test_the_former_name_of_a_package_gives_the_same(former: str, name: str) -> None:
    old, new = import_module(former), import_module(name)
    assert old.__all__ == new.__all__
    assert all(getattr(old, each) is getattr(new, each) for each in new.__all__)


def test_a_deviation_has_its_former_name_too() -> None:
    assert ltx_mock_contracts.Departure is ltx_mock_contracts.Deviation
    one = Deviation(rule="ENV-2", title="", expected="", actual="")
    assert Verdict(rule="ENV-2", outcome="broken", deviations=(one,)).departures == (one,)


def test_former_names_of_single_things_still_work() -> None:
    assert reporting.disarmed is reporting.escape_workflow_commands
    with MockServer() as mock, mock.client(headers={"authorization": ""}) as client:
        client.get("/statusTask/ltx-2-19b")
        assert mock.strangers == mock.unauthenticated_requests != []
        assert mock.troubles == mock.internal_errors == []
    assert RemoteServer("http://127.0.0.1:1").troubles == []
    with MockServer(callback_patience=2) as mock:
        assert mock.settings.callback_timeout == mock.settings.callback_patience == 2
