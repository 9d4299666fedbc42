"""Recordings in Python tests."""

from __future__ import annotations

import os
import warnings

from ltx_mock.engine.recordings import RecordingFolders


def warn_of_recordings(folder: str | os.PathLike[str]) -> None:
    """Warn of each file of a folder that should be a recording and is none.

    Raises:
        SettingsError: it is no folder.
    """
    for problem in RecordingFolders().read(folder).problems:
        warnings.warn(f"{folder}: {problem}", stacklevel=3)
