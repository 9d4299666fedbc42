"""The machine: what clients, developers and time may do to a server, in any order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, multiple, precondition, rule

from ltx_mock_contracts.api import ENDED
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.stateful.actions import Actions, own_key
from ltx_mock_contracts.stateful.client import FIRST, SECOND
from ltx_mock_contracts.stateful.requests import good_requests, kind, wrong_requests
from ltx_mock_contracts.stateful.search import ContractMachine, find_failure
from ltx_mock_contracts.stateful.target import Target
from ltx_mock_contracts.strategies import AdvisedRequest, Body, InvalidRequest, MalformedBytes
from ltx_mock_contracts.trace.histories import TaskHistory

if TYPE_CHECKING:
    from hypothesis import settings

__all__ = ["MakeTarget", "TaskMachine", "run_task_machine"]

MakeTarget = Callable[[], AbstractContextManager[Target]]
"""Gives a fresh target for each run: a `Target`, or a context manager around one."""

_MOST_TASKS: Final = 12
_LONGEST: Final = MODEL.any_generation_ms().high
_SPANS: Final = (1, 1_000, 2_500, 5_000, 12_345, 30_000, 60_000, _LONGEST, 30 * 24 * 3_600_000)
_NOBODYS: Final = (None, "task_12345678", "task_abc123xyz789", "task_", "0", "../x", "é", "task_" + "0" * 200)
_NEAR: Final = ("{}0", "TASK{}", "{}%00")
_EDGES: Final = {
    "just before the earliest success": (0, -1),
    "at the earliest success": (0, 0),
    "just before the latest end": (1, -1),
    "after the latest end": (1, 1),
}


def run_task_machine(make_target: MakeTarget, *, settings: settings | None = None) -> None:
    """Run the machine against a server.

    Args:
        make_target: Gives a fresh target for each run: a `Target`, or a context manager around one.
        settings: Hypothesis settings, such as how many runs there are and how many steps each has.

    Raises:
        ContractFailure: The server broke a rule; the story is the shortest that was found.
    """
    find_failure(TaskMachine.against(make_target), settings)


class TaskMachine(ContractMachine):
    """Submits good and bad tasks with two keys, polls, lets time pass, ends tasks and reads callbacks.

    Give it a server with `against`. A run that breaks a rule of the contract raises a `ContractFailure`, and
    Hypothesis makes its story short.
    """

    make_target: ClassVar[staticmethod[[], AbstractContextManager[Target]] | None] = None
    submitted = Bundle("submitted")
    keys = st.sampled_from((FIRST, SECOND))

    @classmethod
    def against(cls, make_target: MakeTarget) -> type[TaskMachine]:
        """Return the machine for a server. Its `TestCase` is for unittest and pytest.

        Args:
            make_target: Gives a fresh target for each run: a `Target`, or a context manager around one.
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
        """Let go of the target."""
        super().teardown()
        self._open.close()

    @precondition(lambda self: len(self.actions.tasks) < _MOST_TASKS)
    @rule(target=submitted, key=keys, request=good_requests(), violating=st.booleans())
    def submit(self, key: str, request: Body | AdvisedRequest, violating: bool) -> Any:
        """Submit what the documents allow, and sometimes what they advise against or what must fail."""
        body, rule_id = (request.body, "GEN-16") if isinstance(request, AdvisedRequest) else (request, "GEN-17")
        must_fail = violating and self.target.violating_prompt is not None
        if must_fail:
            body["input"]["prompt"] = self.target.violating_prompt
        return self.actions.submit(key, body, rule_id, must_fail=must_fail) or multiple()

    @rule(key=keys, wrong=st.lists(wrong_requests(), min_size=1, max_size=4, unique_by=kind))
    def submit_what_is_wrong(self, key: str, wrong: list[InvalidRequest | MalformedBytes]) -> None:
        """Submit what must be refused; there is much of it, so several at once."""
        for each in wrong:
            self.actions.submit_wrong(key, each)

    @rule(task=submitted, times=st.integers(1, 3))
    def poll(self, task: TaskHistory, times: int) -> None:
        """Ask how a task does, and perhaps ask again at once."""
        for _ in range(times):
            self.actions.poll(task)

    @precondition(lambda self: self.target.other_client is not None)
    @rule(task=submitted)
    def poll_with_the_other_key(self, task: TaskHistory) -> None:
        """Ask with the key that did not make the task."""
        self.actions.poll_with_the_other_key(task)

    @rule(key=keys, task_id=st.sampled_from(_NOBODYS))
    def poll_nobodys(self, key: str, task_id: str | None) -> None:
        """Ask for a task that nobody made, or for none at all."""
        self.actions.poll_nobodys(key, task_id)

    @rule(task=submitted, near=st.sampled_from(_NEAR))
    def poll_almost(self, task: TaskHistory, near: str) -> None:
        """Ask for an id that is nearly that of a task."""
        self.actions.poll_nobodys(own_key(task), near.format(task.id))

    @precondition(lambda self: self.target.clock is not None)
    @rule(milliseconds=st.sampled_from(_SPANS))
    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        self.actions.advance(milliseconds)

    @precondition(lambda self: self.target.clock is not None)
    @rule(task=submitted, edge=st.sampled_from(list(_EDGES)))
    def advance_to_an_edge(self, task: TaskHistory, edge: str) -> None:
        """Let time pass until a task may, or must, be finished, or until just before."""
        end, more = _EDGES[edge]
        if task.window is not None:
            self.actions.advance_to(task.window[end] + more)

    @precondition(lambda self: self.target.finish is not None)
    @rule(task=submitted, state=st.sampled_from(ENDED))
    def finish(self, task: TaskHistory, state: str) -> None:
        """End a task by hand, if it has not ended."""
        self.actions.finish(task, state)

    @invariant()
    def callbacks_are_right(self) -> None:
        """Read the callbacks that came, and miss those that did not."""
        self.actions.read_callbacks()
