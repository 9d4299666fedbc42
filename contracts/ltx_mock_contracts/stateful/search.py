"""The search for a failing run: short runs first, and a limit on the work of shrinking."""

from __future__ import annotations

import sys
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from unittest import SkipTest, TestCase

from hypothesis import HealthCheck, Phase, settings
from hypothesis.control import current_build_context
from hypothesis.errors import Flaky, HypothesisException, Unsatisfiable
from hypothesis.stateful import RuleBasedStateMachine, TestCaseProperty, run_state_machine_as_test

from ltx_mock_contracts.failure import ContractFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ContractMachine", "find_failure", "stages"]

_SHORT: Final = (6, 15)
"""The number of steps of the first, short runs."""
_MAX_SHRINK_RUNS: Final = 150
"""The maximum number of runs for shrinking a failure. More runs take minutes and save one step at most."""
_NOT_REPEATABLE: Final = "The same steps did not fail again: the target does not always respond in the same way."


class _SearchEndedError(BaseException):
    """Ends a search; not an `Exception`, which Hypothesis would treat as a failure."""


class Search:
    """The failures found by one search, and the remaining work for shrinking.

    Attributes:
        failure: The failure with the shortest story so far, or another exception if no rule was broken.
    """

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self._runs_left = _MAX_SHRINK_RUNS

    def start_run(self) -> None:
        """End the search after enough runs for shrinking."""
        if self.failure is None or current_build_context().is_final:
            return
        if not self._runs_left:
            raise _SearchEndedError
        self._runs_left -= 1

    def end_run(self, error: BaseException | None) -> None:
        """Note the result of a run."""
        if isinstance(error, Exception) and not isinstance(error, HypothesisException) and self._is_shorter(error):
            self.failure = error

    def _is_shorter(self, error: Exception) -> bool:
        if not isinstance(error, ContractFailure):
            return not isinstance(self.failure, ContractFailure)
        return not isinstance(self.failure, ContractFailure) or len(error.story) < len(self.failure.story)


_SEARCH: ContextVar[Search | None] = ContextVar("search", default=None)


class _SearchCase(TestCaseProperty):
    """A `TestCase` like Hypothesis' own for state machines, which searches with `find_failure`."""

    def __get__(self, _: object, machine: Any = None) -> Any:
        if "_case" not in machine.__dict__:
            machine._case = _test_case(machine)  # noqa: SLF001 - an attribute of our own
        return machine._case  # noqa: SLF001


class ContractMachine(RuleBasedStateMachine):
    """A state machine whose failures are `ContractFailure`s."""

    TestCase = _SearchCase()

    def __init__(self) -> None:
        search = _SEARCH.get()
        if search is not None:
            search.start_run()
        super().__init__()

    def teardown(self) -> None:
        """Note the failure of the run, if any."""
        search = _SEARCH.get()
        if search is not None:
            search.end_run(sys.exc_info()[1])


def find_failure(machine: type[ContractMachine], given: settings | None = None) -> None:
    """Run a machine until it fails or all runs are done.

    Most bugs show in a few steps, and a short run is found and shrunk in seconds. So short runs come first, and use a
    part of the requested steps. Hypothesis' explain phase is off: it traces every line of the target, and a story needs
    no explanation.

    Args:
        machine: The machine.
        given: Hypothesis settings, such as the number of runs and the maximum steps of each; by default the current
            ones.

    Raises:
        ContractFailure: A rule is broken; of several failures the one with the shortest story.
    """
    search = Search()
    token = _SEARCH.set(search)
    try:
        for stage in stages(given):
            skipped = () if Phase.generate in stage.phases else (Unsatisfiable, SkipTest)
            with suppress(*skipped):
                run_state_machine_as_test(machine, settings=stage)
    except (_SearchEndedError, Flaky, BaseExceptionGroup) as problem:
        if search.failure is None:
            raise
        if isinstance(problem, Flaky):
            search.failure.add_note(_NOT_REPEATABLE)
        raise search.failure from None
    finally:
        _SEARCH.reset(token)


def stages(given: settings | None) -> Iterator[settings]:
    """Yield the settings of each stage of a search: saved examples, short runs, and runs of full length.

    All stages together take about as many steps as the given settings.
    """
    requested = settings() if given is None else given
    parent = settings(
        requested,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[phase for phase in requested.phases if phase is not Phase.explain],
    )
    full, runs = parent.stateful_step_count, parent.max_examples
    if parent.database is not None and Phase.reuse in parent.phases:
        yield settings(parent, phases=[phase for phase in parent.phases if phase is not Phase.generate])
    fresh = [phase for phase in parent.phases if phase is not Phase.reuse]
    steps_left = full * runs
    for share, steps in enumerate((steps for steps in _SHORT if steps < full), start=1):
        max_examples = max(1, runs // share)
        steps_left -= steps * max_examples
        yield settings(parent, phases=fresh, stateful_step_count=steps, max_examples=max_examples)
    yield settings(parent, phases=fresh, max_examples=max(1, steps_left // full))


def _test_case(machine: type[ContractMachine]) -> type[TestCase]:
    class Case(TestCase):
        settings = settings(deadline=None, suppress_health_check=list(HealthCheck))

        def runTest(self) -> None:  # noqa: N802 - as unittest has it
            find_failure(machine, self.settings)

    Case.runTest.is_hypothesis_test = True  # type: ignore[attr-defined] # pytest's plugin of Hypothesis asks for these
    Case.runTest._hypothesis_state_machine_class = machine  # type: ignore[attr-defined] # noqa: SLF001
    Case.__name__ = f"{machine.__name__}.TestCase"
    Case.__qualname__ = f"{machine.__qualname__}.TestCase"
    return Case
