"""Progress with an estimate: a bar on stderr while a command works, on a terminal only; nothing of it stays."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ltx_mock.cli.output import note
from ltx_mock_contracts.reporting import printable

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Bar", "progress"]

LONGEST = 40


class Bar:
    """What a long command reports to. Without a terminal it only prints lines."""

    def __init__(self, doing: str, total: int | None = None, drawn: Progress | None = None) -> None:
        self._drawn = drawn
        self._task = drawn.add_task(_plain(doing), total=total) if drawn else None

    @property
    def is_drawn(self) -> bool:
        """Whether somebody sees it."""
        return self._drawn is not None

    def reached(self, done: int, total: int) -> None:
        """Set how much is done, and of how much."""
        if self._drawn and self._task is not None:
            self._drawn.update(self._task, completed=done, total=total)

    def doing(self, text: str) -> None:
        """Say what is done now."""
        if self._drawn and self._task is not None:
            self._drawn.update(self._task, description=_plain(text))

    def say(self, text: str) -> None:
        """Print a line that stays, above the bar."""
        if self._drawn:
            line = f"ltx-mock: {printable(text)}"
            self._drawn.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            note(text)


@contextmanager
def progress(doing: str, total: int | None = None) -> Iterator[Bar]:
    """Show a bar while the context is open, with the time that is left; the time so far if the total is unknown.

    Args:
        doing: What is done, in a word or two.
        total: The number of steps, if it is known.
    """
    if not sys.stderr.isatty() or "CI" in os.environ:
        yield Bar(doing, total)
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    said, done = TextColumn("{task.description}"), MofNCompleteColumn()
    columns = (said, BarColumn(20), done, TimeRemainingColumn(compact=True, elapsed_when_finished=True))
    if total is None:
        columns = (SpinnerColumn(), said, TimeElapsedColumn())  # type: ignore[assignment] # of other columns
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as drawn:
        yield Bar(doing, total, drawn)


def _plain(text: str) -> str:
    """Return text for a description, in which brackets would be markup."""
    return printable(text, limit=LONGEST).replace("[", "\\[")
