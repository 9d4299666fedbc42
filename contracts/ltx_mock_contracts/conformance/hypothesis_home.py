"""Give Hypothesis a temporary folder while checks run, instead of the working directory."""

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
_FOLDERS: Final[list[tempfile.TemporaryDirectory[str]]] = []
"""The folder, once for each run that uses it now."""


@contextmanager
def hypothesis_home() -> Iterator[None]:
    """Keep Hypothesis from making a folder in the working directory, unless one is configured.

    Hypothesis has one such folder for the whole process. Concurrent runs share ours, and the last one restores the
    former setting.
    """
    from hypothesis import configuration  # noqa: PLC0415 - slow to import

    with _LOCK:
        was_set = getattr(configuration, "__hypothesis_home_directory", None) is not None
        configured = not _FOLDERS and (was_set or "HYPOTHESIS_STORAGE_DIRECTORY" in os.environ)
        if not configured:
            _FOLDERS.append(_FOLDERS[0] if _FOLDERS else tempfile.TemporaryDirectory(prefix="ltx-mock-"))
            configuration.set_hypothesis_home_dir(_FOLDERS[0].name)
    try:
        yield
    finally:
        with _LOCK:
            folder = None if configured else _FOLDERS.pop()
            if folder is not None and not _FOLDERS:
                configuration.set_hypothesis_home_dir(None)
                folder.cleanup()
