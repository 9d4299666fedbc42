"""Progress with an estimate: a bar on stderr while a command works, on a terminal only; nothing of it stays."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from ltx_mock.cli.output import note
from ltx_mock_contracts.reporting import printable

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["Bar", "progress"]

LONGEST = 40


class Bar:
    """What a long command reports to. Without a terminal it only prints lines."""

    def __init__(self, drawn: tqdm[NoReturn] | None = None) -> None:
        self._drawn = drawn

    @property
    def is_drawn(self) -> bool:
        """Whether somebody sees it."""
        return self._drawn is not None

    def reached(self, done: int, total: int) -> None:
        """Set how much is done, and of how much."""
        if self._drawn is not None:
            self._drawn.total = total
            self._drawn.update(done - self._drawn.n)
            if done == total:
                self._drawn.refresh()

    def doing(self, text: str) -> None:
        """Say what is done now."""
        if self._drawn is not None:
            self._drawn.set_description_str(_shown(text))

    def say(self, text: str) -> None:
        """Print a line that stays, above the bar."""
        if self._drawn is not None:
            self._drawn.write(f"ltx-mock: {printable(text)}", file=sys.stderr)
        else:
            note(text)


@contextmanager
def progress(doing: str, total: int | None = None) -> Iterator[Bar]:
    """Show a bar while the context is open, with the time that is left; only what is done if the total is unknown.

    Args:
        doing: What is done, in a word or two.
        total: The number of steps, if it is known.
    """
    if not sys.stderr.isatty() or "CI" in os.environ:
        yield Bar()
        return
    from tqdm import tqdm  # noqa: PLC0415 - slow to import

    form = "{desc} …" if total is None else "{desc} {bar:20} {n_fmt}/{total_fmt} {remaining}"
    with tqdm(desc=_shown(doing), total=total, bar_format=form, dynamic_ncols=True, leave=False) as drawn:
        yield Bar(drawn)


def _shown(text: str) -> str:
    return printable(text, limit=LONGEST)
