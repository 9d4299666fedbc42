"""Recordings in Python tests."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

from ltx_mock.engine.recordings import RecordingFolders

if TYPE_CHECKING:
    from ltx_mock_contracts.recordings import Recordings


def warn_of_recordings(folder: str | os.PathLike[str]) -> Recordings:
    """Return the recordings of a folder, and warn of each file that should be one and is none.

    Raises:
        SettingsError: it is no folder.
    """
    found = RecordingFolders().read(folder)
    for problem in found.problems:
        warnings.warn(f"{folder}: {problem}", stacklevel=3)
    return found
