"""The state machine: requests, polls, advances of the clock and ends by hand, in any order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, multiple, precondition, rule

from ltx_mock_contracts.api import ENDED, UNKNOWN_TASK_IDS
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.stateful.actions import Actions, own_key
from ltx_mock_contracts.stateful.client import FIRST, SECOND
from ltx_mock_contracts.stateful.requests import invalid_submissions, kind_of, valid_submissions
from ltx_mock_contracts.stateful.search import ContractMachine, find_failure
from ltx_mock_contracts.stateful.target import Target
from ltx_mock_contracts.strategies import AdvisedRequest, Body, InvalidRequest, MalformedBytes
from ltx_mock_contracts.trace.histories import TaskHistory

if TYPE_CHECKING:
    from hypothesis import settings

__all__ = ["MakeTarget", "TaskMachine", "run_task_machine"]

MakeTarget = Callable[[], AbstractContextManager[Target]]
"""Returns a fresh target for each run: a `Target`, or a context manager around one."""

_MAX_TASKS: Final = 12
_LONGEST_MS: Final = MODEL.any_generation_ms().high
_ADVANCES_MS: Final = (1, 1_000, 2_500, 5_000, 12_345, 30_000, 60_000, _LONGEST_MS, 30 * 24 * 3_600_000)
_SIMILAR_IDS: Final = ("{}0", "TASK{}", "{}%00")
_EDGES: Final = {
    "just before the earliest success": (0, -1),
    "at the earliest success": (0, 0),
    "just before the latest end": (1, -1),
    "after the latest end": (1, 1),
}


def run_task_machine(make_target: MakeTarget, *, settings: settings | None = None) -> None:
    """Run the machine against a server.

    Args:
        make_target: Returns a fresh target for each run: a `Target`, or a context manager around one.
        settings: Hypothesis settings, such as the number of runs and the steps of each.

    Raises:
        ContractFailure: The server broke a rule; it has the shortest story that was found.
    """
    find_failure(TaskMachine.against(make_target), settings)


class TaskMachine(ContractMachine):
    """Submits valid and invalid requests with two keys, polls, advances the clock, ends tasks and reads callbacks.

    Set the server with `against`. If the server breaks a rule, the run raises a `ContractFailure` with the shortest
    story that Hypothesis finds.
    """

    make_target: ClassVar[staticmethod[[], AbstractContextManager[Target]] | None] = None
    submitted = Bundle("submitted")
    keys = st.sampled_from((FIRST, SECOND))

    @classmethod
    def against(cls, make_target: MakeTarget) -> type[TaskMachine]:
        """Return a subclass for a server. Its `TestCase` works with unittest and pytest.

        Args:
            make_target: Returns a fresh target for each run: a `Target`, or a context manager around one.
        """
        return type(cls.__name__, (cls,), {"make_target": staticmethod(make_target)})

    def __init__(self) -> None:
        super().__init__()
        if self.make_target is None:
            raise TypeError("TaskMachine has no server to run against; use TaskMachine.against(make_target)")
        self._open = ExitStack()
        self.target = self._open.enter_context(self.make_target())
        self.actions = Actions(self.target)

    def teardown(self) -> None:
        """Close the target."""
        super().teardown()
        self._open.close()

    @precondition(lambda self: len(self.actions.tasks) < _MAX_TASKS)
    @rule(target=submitted, key=keys, request=valid_submissions(), violating=st.booleans())
    def submit(self, key: str, request: Body | AdvisedRequest, violating: bool) -> Any:
        """Submit a valid request, sometimes with advisories or with a prompt that must fail."""
        body, rule_id = (request.body, "GEN-16") if isinstance(request, AdvisedRequest) else (request, "GEN-17")
        must_fail = violating and self.target.violating_prompt is not None
        if must_fail:
            body["input"]["prompt"] = self.target.violating_prompt
        return self.actions.submit(key, body, rule_id, must_fail=must_fail) or multiple()

    @rule(key=keys, invalid=st.lists(invalid_submissions(), min_size=1, max_size=4, unique_by=kind_of))
    def submit_invalid(self, key: str, invalid: list[InvalidRequest | MalformedBytes]) -> None:
        """Submit several invalid requests."""
        for each in invalid:
            self.actions.submit_invalid(key, each)

    @rule(task=submitted, times=st.integers(1, 3))
    def poll(self, task: TaskHistory, times: int) -> None:
        """Poll a task, perhaps several times at once."""
        for _ in range(times):
            self.actions.poll(task)

    @precondition(lambda self: self.target.other_client is not None)
    @rule(task=submitted)
    def poll_with_the_other_key(self, task: TaskHistory) -> None:
        """Poll a task with the other key."""
        self.actions.poll_with_the_other_key(task)

    @rule(key=keys, task_id=st.sampled_from((None, *UNKNOWN_TASK_IDS)))
    def poll_unknown(self, key: str, task_id: str | None) -> None:
        """Poll an unknown task, or poll without `taskId`."""
        self.actions.poll_unknown(key, task_id)

    @rule(task=submitted, pattern=st.sampled_from(_SIMILAR_IDS))
    def poll_similar_id(self, task: TaskHistory, pattern: str) -> None:
        """Poll an id that is similar to that of a task."""
        self.actions.poll_unknown(own_key(task), pattern.format(task.id))

    @precondition(lambda self: self.target.clock is not None)
    @rule(milliseconds=st.sampled_from(_ADVANCES_MS))
    def advance(self, milliseconds: int) -> None:
        """Advance the clock."""
        self.actions.advance(milliseconds)

    @precondition(lambda self: self.target.clock is not None)
    @rule(task=submitted, edge=st.sampled_from(list(_EDGES)))
    def advance_to_an_edge(self, task: TaskHistory, edge: str) -> None:
        """Advance the clock to the earliest or latest end of a task, or to just before it, and poll the task."""
        bound, offset = _EDGES[edge]
        if task.window is not None:
            self.actions.advance_to(task.window[bound] + offset)
            self.actions.poll(task)

    @precondition(lambda self: self.target.finish is not None)
    @rule(task=submitted, state=st.sampled_from(ENDED))
    def finish(self, task: TaskHistory, state: str) -> None:
        """End a task by hand, if it has not ended."""
        self.actions.finish(task, state)

    @invariant()
    def judge_callbacks(self) -> None:
        """Judge new callbacks, and note missing ones."""
        self.actions.read_callbacks()
