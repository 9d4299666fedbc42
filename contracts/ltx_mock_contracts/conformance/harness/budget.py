"""The bound on what the checks may spend. It holds whatever the server does, and over all processes of a run."""

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
    """What one request may cost: a task, until it is known that none was made."""

    def __init__(self) -> None:
        self.made = True

    def nothing(self) -> None:
        """Say that no task was made."""
        self.made = False


class Budget:
    """Lends each request that could make a task one unit, and gets it back when none was made.

    Args:
        bound: How many tasks may be made on purpose; None is without end.
        accidents: How many may be made in all, those of wrong requests that a server accepts among them.
        folder: Where units are written down, a file each, for all processes of a run.

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
        """What to say when no more tasks may be made."""
        if self.accidents == self.bound:
            return f"no more than {self.bound} tasks may be made (--max-tasks)"
        return "a wrong request was accepted, which may have made a task; --max-tasks allows more"

    @contextmanager
    def expense(self, *, free: bool) -> Iterator[Expense]:
        """Lend a unit for one request. An error in between counts as a task: nobody knows.

        Args:
            free: Whether a good server makes no task of the request.

        Raises:
            BudgetSpentError: There is none left.
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
        """Take a unit. While those that are not spent are all lent to others, wait for one."""
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
    except FileNotFoundError:  # it was given back just now
        return False
