"""How long tasks of the real service take, as learned from recordings: what timelines are drawn from instead of TASK-8.

A life has times that were seen, and a time is drawn evenly along them: the shortest, the longest, and anything between
two neighbours can come. So a service that mostly takes 50 s and sometimes 200 s does that here too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ltx_mock.errors import SettingsError
from ltx_mock.fields import Table, choice, plain, read, reads, refused, several, table_of, text, whole
from ltx_mock_contracts.io.json_text import read_json
from ltx_mock_contracts.io.safe_files import read_file
from ltx_mock_contracts.model import LORA_MODES, MODEL, MODES, RESOLUTIONS

FORMAT = "ltx-mock-timings"
VERSION = 1
LONGEST = 7 * 24 * 60 * 60 * 1000
"""The longest time that a life may have, in milliseconds."""
MAX_TIMES = 1000
LARGEST = 4 * 1024 * 1024  # bytes
_RANDOM = 2**32


def _times(path: str, value: object) -> tuple[int, ...]:
    """Read times in milliseconds, and sort them."""
    found = several(whole(0, LONGEST))(path, value)
    if not 0 < len(found) <= MAX_TIMES:
        raise refused(path, f"a list of 1 to {MAX_TIMES} times in milliseconds", value)
    return tuple(sorted(found))


class Life(Table):
    """The times of tasks of one kind, in milliseconds from creation, sorted.

    Attributes:
        ends: When tasks ended.
        starts: When processing started; empty if no poll showed it.
        resolution: The resolution of tasks that succeeded; None for tasks that failed.
        mode: Their mode, likewise.
        fail_code: The code of tasks that failed; None for tasks that succeeded.
    """

    ends: tuple[int, ...] = reads(_times)
    starts: tuple[int, ...] = reads(_times, ())
    resolution: str | None = reads(choice(*RESOLUTIONS), None)
    mode: str | None = reads(choice(*MODES), None)
    fail_code: str | None = reads(text(), None)

    def __post_init__(self) -> None:
        if (self.fail_code is None) == (self.resolution is None or self.mode is None):
            raise SettingsError("a life has either resolution and mode, or failCode", "lives")


class Timings(Table):
    """The lives of tasks of a service. `ltx-mock recordings timings` writes them, `as_dict` too.

    Attributes:
        lives: A life for each resolution and mode of tasks that succeeded, and for each fail code.
        model: The model that they are of.
    """

    format: str = reads(choice(FORMAT))
    version: int = reads(choice(VERSION))
    lives: tuple[Life, ...] = reads(several(table_of(Life)))
    model: str = reads(choice(MODEL.id), MODEL.id)

    @classmethod
    def of(cls, lives: tuple[Life, ...]) -> Timings:
        """Return the timings with these lives, in the present version."""
        return cls(format=FORMAT, version=VERSION, lives=lives)

    def success(self, mode: str, resolution: str) -> Life | None:
        """Return the life of a task that succeeds: that of its mode, or of another mode with as many LoRAs, if any."""
        same = [each for each in self.lives if each.resolution == resolution]
        exact = [each for each in same if each.mode == mode]
        like = [each for each in same if (each.mode in LORA_MODES) == (mode in LORA_MODES)]
        return next(iter(exact or like), None)

    def failure(self, code: str) -> Life | None:
        """Return the life of a task that fails with a code, if there is one."""
        return next((each for each in self.lives if each.fail_code == code), None)

    @property
    def earliest_failure(self) -> int | None:
        """The shortest life of a task that fails, in milliseconds."""
        return min((each.ends[0] for each in self.lives if each.fail_code is not None), default=None)

    def as_dict(self) -> dict[str, object]:
        """Return the content of a file of timings."""
        lives = [plain(each) for each in self.lives]
        return {"format": self.format, "version": self.version, "model": self.model, "lives": lives}


def draw(times: tuple[int, ...], random_bytes: bytes) -> int:
    """Return a time from sorted times: at a random place from the first to the last, evenly between two neighbours.

    Args:
        times: at least one time.
        random_bytes: four bytes that determine the place.
    """
    place = int.from_bytes(random_bytes) * (len(times) - 1)
    index, rest = divmod(place, _RANDOM)
    low, high = times[index], times[min(index + 1, len(times) - 1)]
    return low + (high - low) * rest // _RANDOM


def timings(path: str, value: object) -> Timings:
    """Read the content of a file of timings; it is a reader of settings."""
    if isinstance(value, Timings):
        return value
    if not isinstance(value, Mapping):
        raise refused(path, "the content of a file that `ltx-mock recordings timings` has written", value)
    return read(Timings, value, path)


def load_timings(path: str | os.PathLike[str]) -> Timings:
    """Return the timings of a file.

    Raises:
        SettingsError: it cannot be read, or has no timings; the text names file and field.
    """
    try:
        value = read_json(read_file(path, most=LARGEST))
    except json.JSONDecodeError as error:
        raise SettingsError(f"{os.fspath(path)}, line {error.lineno}: {error.msg}", "timings") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(f"cannot read {os.fspath(path)}: {reason}", "timings") from None
    try:
        return timings("timings", value)
    except SettingsError as error:
        raise SettingsError(f"{os.fspath(path)}: {error}", "timings") from None


def with_timings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with the content of the file of timings in place of its path, if they name one.

    Raises:
        SettingsError: see `load_timings`.
    """
    given = values.get("timings")
    return {**values, "timings": load_timings(given)} if isinstance(given, str | os.PathLike) else dict(values)
