"""The limit on the tasks of the checks. It holds for any server and across all processes of a run."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Budget", "BudgetSpentError", "Reservation"]

_SPENT: Final = b"spent"
_RETRY_SECONDS: Final = 0.005


class BudgetSpentError(Exception):
    """No more tasks may be made."""


class Reservation:
    """One unit of the budget for a request: spent, unless `cancel` is called."""

    def __init__(self) -> None:
        self.spent = True

    def cancel(self) -> None:
        """Note that no task was made."""
        self.spent = False


class Budget:
    """Reserves one unit for each request that could make a task, and releases it if none was made.

    Args:
        bound: How many tasks may be made on purpose; None for no limit.
        total_bound: How many may be made in total, including those of invalid requests that a server accepts.
        folder: The folder for units, one file each, shared by all processes of a run.

    Attributes:
        bound: How many tasks may be made on purpose.
        total_bound: How many may be made in total.
    """

    def __init__(self, bound: int | None, folder: Path, *, total_bound: int | None = None) -> None:
        self.bound = bound
        self.total_bound = (bound or 0) if total_bound is None else total_bound
        self._folder = folder

    @property
    def spent_message(self) -> str:
        """The message that no more tasks may be made."""
        if self.total_bound == self.bound:
            return f"no more than {self.bound} tasks are allowed (--max-tasks)"
        return "an invalid request was accepted and may have created a task; --max-tasks allows more"

    @contextmanager
    def reserve(self, *, free: bool) -> Iterator[Reservation]:
        """Reserve a unit for one request, which is sent inside the context. An error there counts as a task.

        Args:
            free: Whether a correct server makes no task for the request.

        Raises:
            BudgetSpentError: No unit is left.
        """
        unit = None if self.bound is None else self._take(self.total_bound if free else self.bound)
        reservation = Reservation()
        try:
            yield reservation
        finally:
            if unit is not None and reservation.spent:
                unit.write_bytes(_SPENT)
            elif unit is not None:
                unit.unlink()

    def _take(self, units: int) -> Path:
        """Return a free unit. If all unspent units are reserved by other requests, wait for one."""
        while True:
            reserved = False
            for unit in (self._folder / f"unit-{number}" for number in range(units)):
                try:
                    unit.open("xb").close()
                except FileExistsError:
                    reserved = reserved or not _is_spent(unit)
                else:
                    return unit
            if not reserved:
                raise BudgetSpentError
            time.sleep(_RETRY_SECONDS)


def _is_spent(unit: Path) -> bool:
    try:
        return unit.read_bytes() == _SPENT
    except FileNotFoundError:  # released since the attempt to create it
        return False
