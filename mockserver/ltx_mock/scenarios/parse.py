"""Convert a scenario from plain data (control plane, files, markers, Python), and back."""

from __future__ import annotations

from dataclasses import replace

from ltx_mock.errors import SettingsError
from ltx_mock.fields import camel, fields_of, listed, plain, read, table, text, unknown
from ltx_mock.scenarios.model import (
    GONE,
    GONE_MESSAGE,
    MESSAGES,
    NO_ANSWER,
    RETRY_AFTER_SECONDS,
    Match,
    Operation,
    Outcome,
    Scenario,
)

_MATCH, _OUTCOME = tuple(fields_of(Match)), tuple(fields_of(Outcome))
FIELDS = ("name", *_MATCH, *_OUTCOME)

# A scenario does one thing; a delay can be combined with each.
KINDS = (
    ("status",),
    ("fault", "restart"),
    ("failCode", "generation", "stuck", "callback"),
    ("drift",),
    ("cut", "bytesPerSecond"),
)
BELONGS_TO = {
    "message": "status",
    "retryAfter": "status",
    "retryAfterDate": "retryAfter",
    "afterCommit": "fault",
    "closeAfter": "fault",
}


def parse_scenario(given: object) -> Scenario:
    """Read a custom scenario; its `name` is a label.

    Raises:
        SettingsError: a field is unknown, a value is not allowed, or two do not go together.
    """
    name, of_match, of_outcome = split_fields(given)
    match, outcome = read(Match, of_match), _whole(read(Outcome, of_outcome))
    match = replace(match, operation=_operation(match, outcome))
    return Scenario(name=_label(outcome) if name is None else text(80)("name", name), match=match, outcome=outcome)


def as_dict(scenario: Scenario) -> dict[str, object]:
    """Return a scenario as data for `from_dict`, without default values except these three."""
    match = scenario.match
    always = {"name": scenario.name, "operation": match.operation, "times": match.times}
    return always | plain(match) | plain(scenario.outcome)


def split_fields(given: object) -> tuple[object, dict[str, object], dict[str, object]]:
    """Split data into the `name`, the fields of the match and those of the outcome.

    Raises:
        SettingsError: it is not a mapping, or has an unknown field.
    """
    name = None
    match: dict[str, object] = {}
    outcome: dict[str, object] = {}
    for key, value in table("a scenario", given).items():
        wanted = camel(key)
        if wanted == "name":
            name = value
        elif wanted in _MATCH:
            match[key] = value
        elif wanted in _OUTCOME:
            outcome[key] = value
        else:
            raise unknown("field", key, FIELDS, path=wanted)
    return name, match, outcome


def _whole(outcome: Outcome) -> Outcome:
    """Check that the fields of an outcome fit together, and fill in implied ones."""
    given_fields = plain(outcome)
    for name, owner in BELONGS_TO.items():
        if name in given_fields and owner not in given_fields:
            raise SettingsError(f"{name} needs {owner}, which is missing", name)
    kinds = [[name for name in kind if name in given_fields] for kind in KINDS]
    given = [names[0] for names in kinds if names]
    if len(given) > 1:
        raise SettingsError(
            f"give one of {' and '.join(given)}: a scenario does one thing, and several can be active", given[1]
        )
    if not given and outcome.delay is None:
        raise SettingsError(f"give what happens: name, delay, {listed(name for kind in KINDS for name in kind)}")
    if outcome.stuck and (outcome.fail_code or outcome.generation):
        raise SettingsError("a stuck task does not end: leave out stuck, or failCode and generation", "stuck")
    if outcome.callback and outcome.callback.first and (outcome.stuck or outcome.generation):
        raise SettingsError("callback.first ends the task at once: leave it out, or generation and stuck", "callback")
    if outcome.close_after is not None and outcome.fault != NO_ANSWER:
        raise SettingsError(f"closeAfter needs the fault {NO_ANSWER}, not {outcome.fault}", "closeAfter")
    if outcome.restart is not None and outcome.fault == NO_ANSWER:
        raise SettingsError(f"a restart breaks connections: give restart or the fault {NO_ANSWER}, not both", "restart")
    if outcome.status is None:
        return outcome
    message = outcome.message or (GONE_MESSAGE if outcome.status == GONE else MESSAGES[outcome.status])
    wait = RETRY_AFTER_SECONDS if outcome.retry_after is None and outcome.status == 429 else outcome.retry_after
    return replace(outcome, message=message, retry_after=wait)


def _operation(match: Match, outcome: Outcome) -> Operation | None:
    """Return the operation of the outcome; None for both endpoints."""
    only: Operation | None = None
    if outcome.changes_task or outcome.after_commit:
        only = "generateTask"
    elif outcome.cut is not None or outcome.bytes_per_second is not None or outcome.status == GONE:
        only = "download"
    elif outcome.drift is not None and (outcome.drift.state or outcome.drift.end_state):
        only = "statusTask"
    if only is not None and match.operation not in {None, only}:
        given_fields = [name for kind in KINDS for name in kind if name in plain(outcome)]
        raise SettingsError(
            f"operation must be {only} for {listed(given_fields)}, not {match.operation!r}", "operation"
        )
    if match.operation in {"balance", "download"} and outcome.restart is not None:
        raise SettingsError(
            f"operation must be generateTask or statusTask for restart, not {match.operation!r}", "operation"
        )
    if match.operation == "download" and outcome.drift is not None:
        raise SettingsError("operation must be generateTask, statusTask or callback for drift", "operation")
    if match.operation == "callback" and set(plain(outcome)) != {"drift"}:
        raise SettingsError(
            "operation callback is for drift only; use the field callback for its delivery", "operation"
        )
    return only or match.operation


def _label(outcome: Outcome) -> str:
    if outcome.status is not None:
        return f"respond with {outcome.status}"
    if outcome.restart is not None:
        return "restart the server"
    if outcome.fault is not None:
        return f"break with {outcome.fault}"
    if outcome.fail_code is not None:
        return f"fail with {outcome.fail_code}"
    return " and ".join(camel(name) for name in plain(outcome))
