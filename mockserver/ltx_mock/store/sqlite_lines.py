"""Journal lines in the file of the SQLite backend: a row has those of one commit, since a row costs more than a line.

The number of a row is that of its last line. `sizes` has the sizes of its lines in bytes, with commas between them; it
is NULL in a row of one line.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from ltx_mock.store.backend import Line

ROW_BYTES = 256 * 1024
"""The number of bytes of a space's lines in a commit above which each has a row of its own."""

_APPEND = """INSERT INTO lines (space, sizes, value, number)
    VALUES (?, ?, ?, ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'lines'), 0) + ?)"""
_READ = """SELECT number, sizes, value FROM lines
    WHERE space = (SELECT id FROM spaces WHERE name = ?) AND number > ? ORDER BY number"""
_FORGET = "DELETE FROM lines WHERE space = (SELECT id FROM spaces WHERE name = ?) AND number <= ?"
_CUT = "UPDATE lines SET sizes = ?, value = ? WHERE number = ?"


def append(db: sqlite3.Connection, space: int, lines: Sequence[bytes]) -> int:
    """Write lines of a space, and return the number of the first; 0 without lines."""
    if not lines:
        return 0
    last = 0
    for several in [lines] if sum(map(len, lines)) <= ROW_BYTES else [[line] for line in lines]:
        last = db.execute(_APPEND, (space, _sizes(several), b"".join(several), len(several))).lastrowid or 0
    return last - len(lines) + 1


def read(db: sqlite3.Connection, space: str, after: int) -> list[Line]:
    """Return the lines of a space with numbers above `after`, in order."""
    return [line for row in db.execute(_READ, (space, after)) for line in _lines(*row) if line.number > after]


def forget(db: sqlite3.Connection, space: str, up_to: int) -> None:
    """Remove the lines of a space with numbers up to this one. Call it in a transaction."""
    db.execute(_FORGET, (space, up_to))
    if (oldest := db.execute(f"{_READ} LIMIT 1", (space, up_to)).fetchone()) is None:
        return
    lines = list(_lines(*oldest))
    rest = [line.value for line in lines if line.number > up_to]
    if len(rest) < len(lines):
        db.execute(_CUT, (_sizes(rest), b"".join(rest), oldest[0]))


def _sizes(lines: Sequence[bytes]) -> str | None:
    return ",".join([str(len(line)) for line in lines]) if len(lines) > 1 else None


def _lines(number: int, sizes: str | None, value: bytes) -> Iterator[Line]:
    """Yield the lines of a row."""
    if sizes is None:
        yield Line(number, value)
        return
    lengths = [int(size) for size in sizes.split(",")]
    start = 0
    for each, length in enumerate(lengths, number - len(lengths) + 1):
        yield Line(each, value[start : start + length])
        start += length
