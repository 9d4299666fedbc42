"""State outside of the process: versioned records, which several workers commit optimistically.

A backend knows nothing of limits, credits or scenarios. It keeps *spaces*: one for each tenant, and one for the list of
tenants. A space has a version, records by name, and journal lines. A worker reads a space, applies the rules to its own
copy, and commits what it changed; the commit is refused if anybody else committed to this space meanwhile, and the
answer then holds what was missed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

Records: TypeAlias = Mapping[str, bytes]
"""Values by name. An empty value means that the record was removed."""


class Change(NamedTuple):
    """What a worker wants to write into one space.

    Attributes:
        space: The name of the space: letters, digits and hyphens.
        version: The version that the worker has read; 0 to make a new space.
        records: The new values; others stay as they are.
        lines: Journal lines to append.
    """

    space: str
    version: int
    records: Records
    lines: Sequence[bytes] = ()


class Committed(NamedTuple):
    """The change was written.

    Attributes:
        version: The new version of the space, one more than before.
        first_line: The number of the first appended line; the others follow without gaps. Numbers of later commits to
            any space are greater. 0 if there was none.
    """

    version: int
    first_line: int = 0


class Missed(NamedTuple):
    """Nothing was written, since the worker had not read the newest version.

    Attributes:
        version: The newest version.
        records: The records that were written after the version that the worker had read; see `Backend.read`.
    """

    version: int
    records: Records


class Gone(NamedTuple):
    """Nothing was written, because the space does not exist or no longer exists."""


Outcome: TypeAlias = Committed | Missed | Gone


class Line(NamedTuple):
    """A journal line with its number."""

    number: int
    value: bytes


class News(NamedTuple):
    """What happened after a position in the history of all spaces.

    Attributes:
        position: The new position.
        spaces: The spaces that were written to or removed; None if the history does not reach back so far, so that any
            may have been.
    """

    position: str
    spaces: frozenset[str] | None


class BackendError(Exception):
    """The backend cannot be reached, or cannot write. The text says why, in one line and without secrets."""


class NotReachedError(BackendError):
    """The same, where another try may succeed: nobody answers, or not in time, or another program has locked it."""


class Backend(Protocol):
    """Spaces. All methods may raise `BackendError`; a commit that raises it may have been written or not."""

    async def open(self) -> None:
        """Connect, or make the file; call it once, first.

        Raises:
            BackendError: it is unreachable, is no store of ltx-mock, or one of a newer version.
        """

    async def close(self) -> None:
        """Disconnect."""

    async def commit(self, changes: Sequence[Change]) -> list[Outcome]:
        """Write changes, each of another space, and return their outcomes in order.

        Each change is written as a whole or not at all. What was written survives the end of the process.
        """

    async def read(self, space: str, version: int = 0) -> Missed | Gone:
        """Return what was written to a space after a version; for 0, every record that is there, and no removed one."""

    async def remove(self, spaces: Sequence[str], versions: Sequence[int] | None = None) -> frozenset[str]:
        """Remove spaces with all they hold, and return those that were removed. A name is never used again.

        Args:
            spaces: The spaces; those that do not exist are left out.
            versions: The version that each must still have, or else it stays; None removes any.
        """

    async def lines(self, space: str, after: int = 0) -> list[Line]:
        """Return the journal lines of a space with numbers above `after`, in order."""

    async def forget_lines(self, space: str, up_to: int) -> None:
        """Remove the journal lines with numbers up to this one."""

    async def space_of(self, record: str) -> str | None:
        """Return the space that has a record of this name, for names that only one space can have; or None."""

    async def news(self, position: str = "") -> News:
        """Return what happened after a position, at once; without a position only the present one."""

    async def wait_for_news(self, position: str, seconds: float) -> None:
        """Return as soon as something happens after a position, at the latest after so many real seconds."""

    async def sign_of_life(self, worker: str) -> frozenset[str]:
        """Note that a worker is alive, and return all workers with a sign of life within the last `ALIVE_SECONDS`."""

    async def time_ns(self) -> int:
        """Return the time that is the same for all workers, in Unix nanoseconds."""


ALIVE_SECONDS = 3.0
