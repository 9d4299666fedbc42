"""A folder of recordings: one JSON file each, and the kept media beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ltx_mock_contracts.io.json_text import read_json
from ltx_mock_contracts.io.safe_files import read_file
from ltx_mock_contracts.recordings.model import Recording, RecordingError
from ltx_mock_contracts.reporting.text import printable

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["LARGEST", "Recordings", "endless", "read_recording", "read_recordings"]

LARGEST: Final = 16 * 1024 * 1024
"""The maximum size of a recording in bytes, without its media."""


class Recordings(NamedTuple):
    """The recordings of a folder.

    Attributes:
        folder: The folder.
        recordings: The readable recordings, by `recorded` and then by name.
        problems: One printable line for each file that cannot be read: the file, the field, what is allowed.
    """

    folder: Path
    recordings: tuple[Recording, ...]
    problems: tuple[str, ...] = ()

    @property
    def endless(self) -> tuple[str, ...]:
        """One printable line for each recording of a task whose end was not recorded."""
        return tuple(endless(each.name) for each in self.recordings if each.task_id is not None and each.end is None)


def endless(name: str) -> str:
    """Return a line about a recording without an end, given the name of its file without `.json`."""
    why = "has no end, so its replay never ends: delete it, or record again with the record mode all"
    return printable(f"{name}.json {why}")


def read_recordings(folder: str | PathLike[str]) -> Recordings:
    """Read every recording of a folder: the files that end with `.json` and do not begin with a dot.

    Raises:
        RecordingError: The folder cannot be read.
    """
    path = Path(folder)
    try:
        files = sorted(each for each in path.iterdir() if each.suffix == ".json" and not each.name.startswith("."))
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    found, problems = list[Recording](), list[str]()
    for file in files:
        try:
            found.append(read_recording(file))
        except RecordingError as error:
            problems.append(printable(f"{file.name}: {error}"))
    return Recordings(path, tuple(sorted(found, key=lambda each: (each.recorded, each.name))), tuple(problems))


def read_recording(file: str | PathLike[str]) -> Recording:
    """Read one recording.

    Raises:
        RecordingError: The file cannot be read, or is no recording; the text names the field.
    """
    try:
        document = read_json(read_file(file, most=LARGEST, pipes=False))
    except OSError as error:
        raise RecordingError(f"it cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise RecordingError(f"it is not JSON: {error}") from None
    return Recording.from_json(document, Path(file).stem)
