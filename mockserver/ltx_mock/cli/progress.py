"""Progress with an estimate: a bar on stderr while a command works, on a terminal only; nothing of it stays."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any, NoReturn

from ltx_mock.cli.output import note
from ltx_mock_contracts.reporting.text import fitting, printable

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
    form = "{desc} …" if total is None else "{desc} {bar:20} {n_fmt}/{total_fmt} {remaining}"
    options = {"bar_format": form, "leave": False, "miniters": 1, **_size()}
    with _drawing()(desc=_shown(doing), total=total, file=sys.stderr, **options) as drawn:
        yield Bar(drawn)


def _drawing() -> type[tqdm[NoReturn]]:
    """Return what draws a bar, without the settings that somebody may have made for other programs."""
    settings = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith("TQDM_")}
    try:
        from tqdm import tqdm  # noqa: PLC0415 - slow to import
    finally:
        os.environ.update(settings)
    lock = RLock()  # tqdm's own is for several processes, and may start one
    tqdm.set_lock(lock)

    class Drawn(tqdm):  # type: ignore[type-arg] # of a generic class in its stubs alone
        def refresh(self, nolock: bool = False, lock_args: tuple[object, ...] | None = None) -> None:  # noqa: ARG002
            """Let the lock go if Ctrl-C comes while the bar is written."""
            with lock:
                super().refresh(nolock=True)

    return Drawn


def _size() -> dict[str, Any]:
    """Return how large the bar may be: as the terminal, or as most terminals are if it says that it has no size."""
    try:
        has_size = min(os.get_terminal_size(sys.stderr.fileno())) > 1
    except OSError:
        has_size = False
    return {"dynamic_ncols": True} if has_size else {"ncols": 79, "nrows": 24}


def _shown(text: str) -> str:
    return printable(fitting(text, sys.stderr.encoding), limit=LONGEST)
