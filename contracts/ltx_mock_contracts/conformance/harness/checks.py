"""A check (a function with its rules, costs and needs), and the plan of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from ltx_mock_contracts.reporting.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ltx_mock_contracts.conformance.harness.context import CheckContext
    from ltx_mock_contracts.conformance.harness.target import Target

__all__ = ["DIALECT_RANK", "Check", "Need", "Plan", "Side", "check"]

Need = Literal["tenant", "callbacks", "violating prompt", "limits", "other key"]
"""What a check requires: its own tenant, whose clock it can advance; callbacks from the server to this machine; a
prompt that violates the content rules; permission to exceed the limits; a second key."""

Side = Literal["holds", "accepts", "refuses", "lasts"]
"""The side of a rule that a check tests: that it holds, that valid requests are accepted, that invalid ones are
refused, or that it holds for the promised time."""

DIALECT_RANK: Final = 90
"""The rank of checks of dialects, which come last if tasks are counted."""

_FIRST: Final = 0
"""The rank of the check that comes first if tasks are counted: one task from its creation to its result."""


@dataclass(frozen=True, slots=True)
class Check:
    """A check: a plain function and its metadata.

    Attributes:
        name: Its name, which is unique.
        holds: The rules that it tests as a whole.
        run: The function. It notes its results in the context.
        accepts: The rules for which it tests that valid requests are accepted.
        refuses: The rules for which it tests that invalid requests are refused.
        lasts: The rules for which it tests that they hold for the promised time.
        tasks: How many tasks it makes on a correct server; 0 is free, None is any number, for servers without costs.
        risky: Whether an incorrect server might make a task for one of its requests.
        rank: The order of checks if tasks are counted; the most informative per task have the lowest.
        needs: Its requirements.
        seconds: About how long it waits in real time.
    """

    name: str
    holds: tuple[str, ...]
    run: Callable[[CheckContext], None]
    accepts: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()
    lasts: tuple[str, ...] = ()
    tasks: int | None = 0
    risky: bool = False
    rank: int = 50
    needs: tuple[Need, ...] = ()
    seconds: float = 0

    @property
    def rules(self) -> tuple[str, ...]:
        """All its rules. A rule counts as kept only if each of its sides was tested by one of its checks."""
        return self.holds + self.accepts + self.refuses + self.lasts

    @property
    def sides(self) -> tuple[tuple[str, Side], ...]:
        """Each of its rules with the tested side."""
        by_side: tuple[tuple[Side, tuple[str, ...]], ...] = (
            ("holds", self.holds),
            ("accepts", self.accepts),
            ("refuses", self.refuses),
            ("lasts", self.lasts),
        )
        return tuple((rule, side) for side, rules in by_side for rule in rules)


def check(
    *holds: str,
    name: str | None = None,
    accepts: Iterable[str] = (),
    refuses: Iterable[str] = (),
    lasts: Iterable[str] = (),
    tasks: int | None = 0,
    risky: bool = False,
    rank: int = 50,
    needs: Iterable[Need] = (),
    seconds: float = 0,
) -> Callable[[Callable[[CheckContext], None]], Check]:
    """Turn a function into a check; see `Check`. The default name is that of the function."""

    def make(run: Callable[[CheckContext], None]) -> Check:
        check_name = name or run.__name__.replace("_", " ")
        sides = (tuple(accepts), tuple(refuses), tuple(lasts))
        return Check(check_name, holds, run, *sides, tasks, risky, rank, tuple(needs), seconds)

    return make


@dataclass(slots=True)
class Plan:
    """The checks that run, in order, and the reasons why others do not.

    Attributes:
        running: The checks that run.
        left_out: The reason for each omitted check, by name.
        tasks: How many tasks are made, without checks that make an unlimited number.
        bound: How many tasks may be made on purpose; None for no limit.
        missing_tasks: How many more tasks are needed to run all checks that the bound alone omits.
    """

    running: list[Check] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    tasks: int = 0
    bound: int | None = None
    missing_tasks: int = 0

    @classmethod
    def of(cls, checks: Iterable[Check], target: Target) -> Plan:
        """Make the plan.

        If tasks are counted, the order is: one task from its creation to its result; invalid requests, as long as a
        task is left for a server that accepts one; checks that cost tasks, the most informative first; dialects.
        """
        bound = target.budget.bound
        plan = cls(bound=bound)
        rules = target.options.rules
        for each in sorted(checks, key=_free_checks_first if bound is None else lambda each: _order(each, rules)):
            why = next((reason for need in each.needs if (reason := _missing(need, target))), None)
            if why is None and (why := _over_budget(each, plan.tasks, target)) is not None:
                plan.missing_tasks += each.tasks or 0
            if why is None:
                plan.running.append(each)
                plan.tasks += each.tasks or 0
            else:
                plan.left_out[each.name] = why
        return plan

    @property
    def seconds(self) -> float:
        """About how long the plan waits in real time."""
        return sum(each.seconds for each in self.running)

    def __str__(self) -> str:
        free = sum(each.tasks == 0 for each in self.running)
        creating = counted(len(self.running) - free, "that creates tasks", "that create tasks")
        text = f"{counted(free, 'free check')} and {creating}"
        if self.bound is None:
            text += ", on their own tenants"
        else:
            text += f", {self.tasks} of them at most, where {self.bound} are allowed"
        return text + f"; {len(self.left_out)} cannot be run" * bool(self.left_out)

    @property
    def reasons(self) -> dict[str, list[str]]:
        """Each reason why checks are omitted, with the names of these checks."""
        found: dict[str, list[str]] = {}
        for name, why in self.left_out.items():
            found.setdefault(why, []).append(name)
        return found


def _order(check: Check, rules: frozenset[str] | None) -> tuple[bool, bool, bool, int]:
    first = check.rank == _FIRST and (rules is None or not rules.isdisjoint(check.holds))
    last = check.rank >= DIALECT_RANK
    return not first, last or check.tasks != 0, last or check.risky, check.rank


def _free_checks_first(check: Check) -> tuple[bool, bool, int]:
    return check.tasks != 0, check.risky, check.rank


def _over_budget(check: Check, planned: int, target: Target) -> str | None:
    bound = target.budget.bound
    if bound is None:
        return None
    if check.tasks is None:
        return "it needs many tasks, so it runs only against an ltx-mock"
    if check.tasks and planned + check.tasks > bound:
        return f"it needs {counted(check.tasks, 'task')}, more than --max-tasks {bound} leaves"
    if check.risky and not target.budget.total_bound - planned:
        return f"a faulty server could create a task; --max-tasks {bound + 1} allows it"
    return None


def _missing(need: Need, target: Target) -> str | None:
    return _MISSING[need](target)


_MISSING: Final[dict[Need, Callable[[Target], str | None]]] = {
    "tenant": lambda target: (
        target.no_control_reason and f"it needs its own clock and settings: {target.no_control_reason}"
    ),
    "callbacks": lambda target: (
        None if target.can_receive_callbacks else "the server cannot reach this machine without --callback-host"
    ),
    "violating prompt": lambda target: (
        None if target.violating_prompt else "it needs a prompt that breaks the content rules (--violating-prompt)"
    ),
    "limits": lambda target: (
        None if target.options.try_limits else "it needs permission to exceed the documented limits (--try-limits)"
    ),
    "other key": lambda target: (
        None if target.control or target.options.other_key else "it needs a second key (--other-key)"
    ),
}
