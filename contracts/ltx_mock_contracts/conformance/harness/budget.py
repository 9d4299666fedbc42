"""The limit on the tasks of the checks. It holds for any server and across all processes of a run."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Budget", "BudgetSpentError", "Expense"]

_SPENT: Final = b"spent"
_AGAIN_SECONDS: Final = 0.005


class BudgetSpentError(Exception):
    """No more tasks may be made."""


class Expense:
    """The possible cost of one request: a task, until `nothing` is called."""

    def __init__(self) -> None:
        self.made = True

    def nothing(self) -> None:
        """Note that no task was made."""
        self.made = False


class Budget:
    """Reserves one unit for each request that could make a task, and takes it back if none was made.

    Args:
        bound: How many tasks may be made on purpose; None for no limit.
        accidents: How many may be made in all, including those of invalid requests that a server accepts.
        folder: The folder for units, one file each, shared by all processes of a run.

    Attributes:
        bound: How many tasks may be made on purpose.
        accidents: How many may be made in all.
    """

    def __init__(self, bound: int | None, folder: Path, *, accidents: int | None = None) -> None:
        self.bound = bound
        self.accidents = (bound or 0) if accidents is None else accidents
        self._folder = folder

    @property
    def spent(self) -> str:
        """The message that no more tasks may be made."""
        if self.accidents == self.bound:
            return f"no more than {self.bound} tasks are allowed (--max-tasks)"
        return "an invalid request was accepted and may have created a task; --max-tasks allows more"

    @contextmanager
    def expense(self, *, free: bool) -> Iterator[Expense]:
        """Reserve a unit for one request. An error in between counts as a task.

        Args:
            free: Whether a correct server makes no task for the request.

        Raises:
            BudgetSpentError: No unit is left.
        """
        unit = None if self.bound is None else self._take(self.accidents if free else self.bound)
        expense = Expense()
        try:
            yield expense
        finally:
            if unit is not None and expense.made:
                unit.write_bytes(_SPENT)
            elif unit is not None:
                unit.unlink()

    def _take(self, units: int) -> Path:
        """Take a unit. While other requests have reserved all unspent units, wait for one."""
        while True:
            lent = False
            for unit in (self._folder / f"unit-{number}" for number in range(units)):
                try:
                    unit.open("xb").close()
                except FileExistsError:
                    lent = lent or not _is_spent(unit)
                else:
                    return unit
            if not lent:
                raise BudgetSpentError
            time.sleep(_AGAIN_SECONDS)


def _is_spent(unit: Path) -> bool:
    try:
        return unit.read_bytes() == _SPENT
    except FileNotFoundError:  # it was released just now
        return False
