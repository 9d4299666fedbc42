"""Write recordings into a folder that several processes may share."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from ltx_mock_contracts.io.json_text import write_json
from ltx_mock_contracts.io.safe_files import open_regular, write_file
from ltx_mock_contracts.recordings.folder import LARGEST, read_recording, read_recordings
from ltx_mock_contracts.recordings.matching import Matcher
from ltx_mock_contracts.recordings.model import Recording, RecordingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["RecordingFolder", "name_of", "name_of_task", "remove_repeated"]

_PLAIN: Final = re.compile(r"[a-z0-9_][a-z0-9_-]{0,99}")


class RecordingFolder:
    """A folder that recordings are written into; it is made if there is none.

    Each change of a file is made under a lock that other processes respect, from what is in the file now, and the file
    is replaced at once, so that no change is lost and no reader sees a part of one.

    Args:
        path: The folder.

    Raises:
        OSError: It cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        with self._locked():
            pass

    def change(self, name: str, change: Callable[[Recording | None], Recording | None]) -> Recording | None:
        """Change a recording, and return it.

        Args:
            name: The name of the file without `.json`.
            change: Returns the new recording; it gets the recording of the file, or None if there is no file. It may
                return None to leave everything as it is.

        Raises:
            OSError: The file cannot be written.
            RecordingError: The file is no recording, or would be too large.
        """
        file = self.path / f"{name}.json"
        with self._locked():
            before = read_recording(file) if file.exists() else None
            after = change(before)
            if after is not None and after != before:
                text = f"{write_json(after.to_json(), indent=2)}\n"
                if len(text.encode()) > LARGEST:
                    raise RecordingError(f"it would have more than {LARGEST // 2**20} MiB")
                write_file(file, text)
            return after

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with open_regular(self.path / ".lock", os.O_RDWR | os.O_CREAT) as opened:
            _lock(opened)
            yield


def remove_repeated(folder: Path, since: int) -> None:
    """Remove the recordings, and their media, of requests that were recorded again.

    Args:
        folder: The folder.
        since: When the newer recordings began to be written, in nanoseconds of the file system.
    """
    found = [(each, (folder / f"{each.name}.json").stat().st_mtime_ns) for each in read_recordings(folder).recordings]
    earlier = Matcher([each for each, written in found if written < since])
    for each, written in found:
        for old in earlier.equal(each.request.body.raw) if written >= since else ():
            for name in (f"{old.name}.json", *(result.file for result in old.results if result.file)):
                (folder / name).unlink(missing_ok=True)


def name_of(recording: Recording) -> str:
    """Return the name of the file of a recording, without `.json`. A refusal has the same one whenever it is told."""
    if recording.task_id is not None:
        return name_of_task(recording.task_id)
    told = recording.to_json()
    response = {name: value for name, value in told["response"].items() if name != "latency"}
    return f"refused-{_digest(json.dumps([told['request'], response], sort_keys=True))[:12]}"


def name_of_task(task_id: str) -> str:
    """Return the name of the file of a task: its id, or a readable part of it with a digest."""
    if _PLAIN.fullmatch(task_id):
        return task_id
    readable = re.sub(r"[^a-z0-9_-]+", "-", task_id.lower())[:80].strip("-")
    return f"{readable or 'task'}-{_digest(task_id)[:8]}"


def _digest(text: str) -> str:
    return sha256(text.encode(errors="replace")).hexdigest()


if sys.platform == "win32":
    import msvcrt

    def _lock(opened: IO[bytes]) -> None:
        """Lock a file until it is closed."""
        opened.seek(0)
        msvcrt.locking(opened.fileno(), msvcrt.LK_LOCK, 1)

else:
    import fcntl

    def _lock(opened: IO[bytes]) -> None:
        """Lock a file until it is closed."""
        fcntl.flock(opened, fcntl.LOCK_EX)
