"""How a check says what it is about, and the plan of which checks run against a target."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ltx_mock_contracts.conformance.target import Target

__all__ = ["MARKER", "Check", "Need", "Plan", "check"]

MARKER: Final = "ltx_check"

Need = Literal["world", "callbacks", "violating prompt", "limits"]
"""What a check cannot do without: a world of its own, with time that it moves; calls from the server to this machine;
a prompt that breaks the content rules; leave to go over the limits."""


def check(*rules: str, tasks: int | None = 0, rank: int = 5, needs: Iterable[Need] = ()) -> pytest.MarkDecorator:
    """Mark a test as a check.

    Args:
        rules: The rules that it is about.
        tasks: How many tasks it makes; 0 is free, None as many as it likes, where they cost nothing.
        rank: Which of the checks that cost tasks come first, where not all can be run.
        needs: What it cannot do without.
    """
    mark: Any = getattr(pytest.mark, MARKER)
    made: pytest.MarkDecorator = mark(rules=rules, tasks=tasks, rank=rank, needs=tuple(needs))
    return made


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the suite, as its marker tells; see `check`."""

    name: str
    rules: tuple[str, ...]
    tasks: int | None
    rank: int
    needs: tuple[Need, ...]


@dataclass(slots=True)
class Plan:
    """Which checks run, in which order, and why others do not.

    Attributes:
        running: Those that run.
        left_out: Why each of the others does not, by its name.
        tasks: How many tasks are made, besides those of checks that make as many as they like.
        bound: How many may be made.
    """

    running: list[Check] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    tasks: int = 0
    bound: int | None = None

    @classmethod
    def of(cls, checks: Iterable[Check], target: Target) -> Plan:
        """Make the plan: what is free comes first, then what costs tasks, as far as the bound allows."""
        plan, bound = cls(bound=target.budget.bound), target.budget.bound
        for each in sorted(checks, key=lambda each: (each.tasks != 0, each.rank)):
            why = next((reason for need in each.needs if (reason := _MISSING[need](target))), None)
            why = why or _too_dear(each, plan.tasks, bound)
            if why is None:
                plan.running.append(each)
                plan.tasks += each.tasks or 0
            else:
                plan.left_out[each.name] = why
        return plan

    def __str__(self) -> str:
        free = sum(each.tasks == 0 for each in self.running)
        text = f"{free} free checks and {len(self.running) - free} that make tasks"
        if self.bound is None:
            text += ", in worlds of their own"
        else:
            text += f", {self.tasks} of them at most, where {self.bound} are allowed"
        return text + f"; {len(self.left_out)} cannot be run" * bool(self.left_out)


def _too_dear(check: Check, planned: int, bound: int | None) -> str | None:
    if bound is None or check.tasks == 0:
        return None
    if check.tasks is None:
        return "it makes many tasks, so it is for an ltx-mock only"
    if planned + check.tasks > bound:
        return f"it makes {check.tasks} task{'s' * (check.tasks > 1)}, more than --max-tasks {bound} leaves"
    return None


_MISSING: Final[dict[Need, Callable[[Target], str | None]]] = {
    "world": lambda target: target.stranger and f"it takes a clock and settings of its own, and {target.stranger}",
    "callbacks": lambda target: (
        None if target.can_be_called else "the server cannot reach this machine without --callback-host"
    ),
    "violating prompt": lambda target: (
        None if target.violating_prompt else "no prompt that breaks the content rules is known (--violating-prompt)"
    ),
    "limits": lambda target: (
        None if target.options.try_limits else "going over the documented limits takes --try-limits"
    ),
}
