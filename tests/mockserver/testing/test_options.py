"""The types of keyword arguments agree with what is read at run time."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

import ltx_mock.scenarios.model as scenario_model
import ltx_mock.testing.mock_server
from ltx_mock import ContractFailure, LtxMockError, Settings, SettingsError, World
from ltx_mock.control.expectation import FIELDS
from ltx_mock.core import journal_entry
from ltx_mock.core.clock import ClockMode
from ltx_mock.core.setting_readers import Rate
from ltx_mock.core.settings import FORMER_NAMES, OF_THE_SERVER, setting_names
from ltx_mock.core.timings import Timings
from ltx_mock.fields import camel, fields_of
from ltx_mock.scenarios import Scenario
from ltx_mock.testing import options
from ltx_mock.testing.options import AnyTimings, RequestFields, ScenarioFields, ServerSettings, TenantSettings
from ltx_mock_contracts.model import MODES

STORED: dict[Any, Any] = {  # what a setting becomes once it is read -> what may be given
    tuple[str, ...]: str | Iterable[str],
    Mapping[str, int]: Mapping[str, int] | Iterable[str],
    Mapping[str, str]: Mapping[str, str] | Iterable[str],
    Rate: str | Rate,
    Timings | None: AnyTimings | None,
    scenario_model.Delay | None: options.Delay | None,
    scenario_model.Callback | None: options.CallbackFields | None,
    scenario_model.Drift | None: options.DriftFields | None,
}
TABLES: dict[Any, Any] = {  # what is given for a table within a scenario -> what it is read as
    options.CallbackFields: scenario_model.Callback,
    options.DriftFields: scenario_model.Drift,
    options.FixedDelay: scenario_model.Fixed,
    options.UniformDelay: scenario_model.Uniform,
    options.LognormalDelay: scenario_model.Lognormal,
}


def hints(table: Any) -> dict[str, Any]:
    return get_type_hints(table, vars(options))


def test_settings_have_the_names_and_types_of_their_table() -> None:
    given, stored = hints(ServerSettings), get_type_hints(Settings)
    assert set(hints(TenantSettings)) == set(given) - set(OF_THE_SERVER)
    for former, name in FORMER_NAMES.items():
        assert given.pop(former) == given[name]
    assert set(given) == set(setting_names()) == set(stored)
    assert given.pop("clock") == ClockMode == options.ClockMode
    assert stored.pop("clock") is str
    any_scenario = str | Mapping[str, Any] | Scenario
    assert given.pop("scenario") == any_scenario | Sequence[any_scenario]
    assert stored.pop("scenario") == tuple[Scenario, ...]
    assert given == {name: STORED.get(kind, kind) for name, kind in stored.items()}


def test_the_fields_of_a_request_are_those_that_are_known() -> None:
    assert {"operation", *hints(RequestFields)} == set(FIELDS)
    assert {*get_args(journal_entry.RequestOperation), "clock"} == set(get_args(journal_entry.Operation))


def test_the_fields_of_a_scenario_are_those_that_are_read() -> None:
    given = hints(ScenarioFields)
    known = {*fields_of(scenario_model.Match), *fields_of(scenario_model.Outcome)}
    assert {camel(name) for name in given} == {"name", *known}
    assert set(_literals(given["fault"])) == set(scenario_model.FAULTS)
    assert _literals(given["mode"]) == list(MODES)
    assert set(_literals(given["operation"])) == set(scenario_model.OPERATIONS)
    plain = {bool, int, str, float}
    for table in (scenario_model.Match, scenario_model.Outcome):
        for name, kind in get_type_hints(table).items():
            assert given[name] == STORED.get(kind, given[name]), name
            for member in set(get_args(kind) or [kind]) & plain:
                assert member in (get_args(given[name]) or [given[name]]) or _literals(given[name]), name


@pytest.mark.parametrize(("given", "stored"), TABLES.items(), ids=[table.__name__ for table in TABLES])
def test_a_table_within_a_scenario_has_the_names_and_types_that_are_read(given: Any, stored: Any) -> None:
    types, read = hints(given), get_type_hints(stored)
    if read.pop("TYPE", None):
        assert types.pop("type") == Literal[stored.TYPE]
    if stored is scenario_model.Drift:
        assert get_args(get_args(types.pop("omit"))[0]) == ("taskId", "state", *scenario_model.STATUS_FIELDS)
        assert read.pop("omit") == tuple[str, ...]
    assert types == {name: STORED.get(each, each) for name, each in read.items()}


def _literals(kind: Any) -> list[Any]:
    return [value for each in get_args(kind) if get_origin(each) is Literal for value in get_args(each)]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"operation": "generatetask", "times": 0}, "unknown operation 'generatetask' (did you mean 'generateTask'?)"),
        (
            {"operation": "clock", "times": 0},
            "unknown operation 'clock' (did you mean 'callback'?); known are generateTask, statusTask, ",
        ),
        ({"finding": "GEN-100", "times": 0}, "unknown rule 'GEN-100' (did you mean 'GEN-10'?)"),
        ({"promt": "x", "times": 0}, "unknown field 'promt' (did you mean 'prompt'?)"),
        ({"times": -1}, "times must be a whole number of at least 0, not -1"),
        ({"times": True}, "times must be a whole number of at least 0, not True"),
        ({"times": 1.0}, "times must be a whole number of at least 0, not 1.0"),
    ],
)
def test_a_slip_in_an_assertion_is_an_error_and_never_a_pass(
    arguments: dict[str, Any], problem: str, world: World
) -> None:
    with pytest.raises(SettingsError, match="^" + re.escape(problem)):
        world.assert_requested(**arguments)


@pytest.mark.parametrize("limits", [{"at_most": -1}, {"exactly": True}, {"at_most": "5"}])
def test_a_slip_in_a_number_of_credits_is_an_error(limits: dict[str, Any], world: World) -> None:
    with pytest.raises(SettingsError, match=r"^(at_most|exactly) must be a whole number of at least 0, not"):
        world.assert_spent(**limits)


def test_waiting_for_less_than_no_callback_is_an_error() -> None:
    with ltx_mock.CallbackReceiver() as receiver:
        assert receiver.wait(0) == []
        with pytest.raises(SettingsError, match=r"^count must be a whole number of at least 0, not -1"):
            receiver.wait(-1)


@pytest.mark.parametrize("error", [ContractFailure, LtxMockError, SettingsError])
def test_errors_are_shown_by_the_name_by_which_they_are_imported(error: type[Exception]) -> None:
    assert (error.__module__, error.__qualname__) == ("ltx_mock", error.__name__)
    again = pickle.loads(pickle.dumps(error("why")))
    assert type(again) is error is getattr(ltx_mock, error.__name__)
