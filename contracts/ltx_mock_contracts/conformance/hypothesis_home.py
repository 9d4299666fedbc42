"""Where Hypothesis writes while checks run: a folder of ours that goes with them, and not where the caller is."""

from __future__ import annotations

import os
import tempfile
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["hypothesis_home"]

_LOCK: Final = threading.Lock()
_USED: Final[list[tempfile.TemporaryDirectory[str]]] = []
"""The folder, once for each of those that use it."""


@contextmanager
def hypothesis_home() -> Iterator[None]:
    """Keep Hypothesis from making a folder where the caller is, unless that was wanted before.

    Hypothesis has one such place for the whole process. Those who use ours at the same time share it, and the last puts
    back what was there before.
    """
    from hypothesis import configuration  # noqa: PLC0415 - slow to import

    with _LOCK:
        was_set = getattr(configuration, "__hypothesis_home_directory", None) is not None
        wanted = not _USED and (was_set or "HYPOTHESIS_STORAGE_DIRECTORY" in os.environ)
        if not wanted:
            _USED.append(_USED[0] if _USED else tempfile.TemporaryDirectory(prefix="ltx-mock-"))
            configuration.set_hypothesis_home_dir(_USED[0].name)
    try:
        yield
    finally:
        with _LOCK:
            folder = None if wanted else _USED.pop()
            if folder is not None and not _USED:
                configuration.set_hypothesis_home_dir(None)
                folder.cleanup()
