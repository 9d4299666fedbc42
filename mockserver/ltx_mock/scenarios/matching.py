"""Select the active scenario that applies to a request. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, NamedTuple

from ltx_mock.scenarios.model import ENDPOINTS, Drift, Match, Moment, Operation, Scenario
from ltx_mock.scenarios.readers import FOREVER
from ltx_mock.scenarios.sampling import happens
from ltx_mock_contracts.api import ENDED
from ltx_mock_contracts.request import GenerateRequest


class RequestFacts(NamedTuple):
    """The facts of a request, or of its task, for matching; empty if unknown."""

    mode: str = ""
    request_type: str = ""
    prompt: str = ""

    @classmethod
    def of(cls, request: GenerateRequest) -> RequestFacts:
        """Return the facts of a valid request."""
        return cls(request.mode, request.request_type, request.prompt)


class MatchPoint(NamedTuple):
    """A moment in the processing of a request at which a scenario may apply."""

    operation: Operation
    moment: Moment
    subject: RequestFacts = RequestFacts()
    state: str | None = None


class ActiveScenario(NamedTuple):
    """An active scenario: its cause in the journal, how often it may still apply, how many requests it has matched."""

    scenario: Scenario
    cause: str
    left: int | Literal["forever"]
    seen: int = 0


def activate(scenario: Scenario, cause: str | None = None) -> ActiveScenario:
    """Make a scenario active."""
    return ActiveScenario(scenario, cause or f"scenario {scenario.name}", scenario.match.times)


def take_next(
    waiting: tuple[ActiveScenario, ...], call: MatchPoint, random_bytes: Callable[[], bytes]
) -> tuple[tuple[ActiveScenario, ...], ActiveScenario | None]:
    """Return the first scenario that applies, and the scenarios that remain active.

    Args:
        waiting: the active scenarios, oldest first.
        call: the moment of the request.
        random_bytes: returns new random bytes, for scenarios with a `chance`.

    Returns:
        The active scenarios with updated counts, and the one that applies, if any.
    """
    after: list[ActiveScenario] = []
    for index, each in enumerate(waiting):
        if not concerns(each.scenario, call):
            after.append(each)
            continue
        match, seen = each.scenario.match, each.seen + 1
        its_turn = seen >= match.nth and (match.chance >= 1 or happens(match.chance, random_bytes()))
        left = each.left if each.left == FOREVER or not its_turn else each.left - 1  # type: ignore[operator]  # a number
        if left:
            after.append(each._replace(seen=seen, left=left))
        if its_turn:
            return (*after, *waiting[index + 1 :]), each
    return tuple(after), None


def concerns(scenario: Scenario, call: MatchPoint) -> bool:
    """Tell whether a scenario matches this moment of a request."""
    match, outcome, subject = scenario.match, scenario.outcome, call.subject
    if outcome.moment != call.moment or not _is_for(match, call.operation):
        return False
    if match.mode not in {None, subject.mode} or match.request_type not in {None, subject.request_type}:
        return False
    if match.prompt is not None and match.prompt not in subject.prompt:
        return False
    if outcome.callback is not None and not outcome.fail_code and not outcome.generation:
        return subject.request_type == "callback"
    return outcome.drift is None or _has_its_state(outcome.drift, call.state)


def _has_its_state(drift: Drift, state: str | None) -> bool:
    """Tell whether a drift of states changes the state of the task."""
    states = {"processing"} if drift.state is not None else set()
    states |= {*ENDED} if drift.end_state is not None else set()
    return not states or state in states


def for_operation(requested: tuple[ActiveScenario, ...], operation: Operation) -> tuple[ActiveScenario, ...]:
    """Return a request's own scenarios, with those for both endpoints assigned to its operation."""
    return tuple(
        each._replace(scenario=replace(each.scenario, match=replace(each.scenario.match, operation=operation)))
        if each.scenario.match.operation is None
        else each
        for each in requested
    )


def for_later_requests(requested: tuple[ActiveScenario, ...]) -> tuple[ActiveScenario, ...]:
    """Return those of a request's own scenarios that apply to later requests about its task."""
    return tuple([each for each in requested if each.scenario.match.operation != "generateTask"])


def _is_for(match: Match, operation: Operation) -> bool:
    return match.operation == operation or (match.operation is None and operation in ENDPOINTS)
