"""The file that says where `serve` answers: `{"url": …, "pid": …}`. No other is written over or removed."""

from __future__ import annotations

import errno
import json
import os
from contextlib import suppress
from pathlib import Path

from ltx_mock.errors import LtxMockError
from ltx_mock_contracts.io.json_text import read_json
from ltx_mock_contracts.io.safe_files import check_writable, read_file, write_file
from ltx_mock_contracts.reporting import printable

LARGEST = 64 * 1024


def check_ready_file(path: Path) -> None:
    """Check that a ready file can be written, and that an existing file is a ready file or empty.

    Raises:
        LtxMockError: it is another file, which is not changed.
    """
    try:
        check_writable(path)
        ours = not path.exists() or _pid(path) is not None or path.stat().st_size == 0
    except (OSError, ValueError) as error:
        raise _cannot(path, error) from error
    if not ours:
        raise LtxMockError(
            f"cannot write the ready file {printable(str(path))}: another file exists there; give another path"
        )


def write_ready_file(path: Path, url: str) -> None:
    """Write the file atomically.

    Raises:
        LtxMockError: it cannot be written, or another file is there.
    """
    check_ready_file(path)
    try:
        write_file(path, json.dumps({"url": url, "pid": os.getpid()}) + "\n")
    except OSError as error:
        raise _cannot(path, error) from error


def remove_ready_file(path: Path) -> None:
    """Remove the file, unless another process has replaced it."""
    with suppress(OSError, ValueError):
        check_writable(path)  # it is not a link
        if _pid(path) == os.getpid():
            path.unlink()


def _pid(path: Path) -> int | None:
    """Return the process id in a ready file; None if it is not one."""
    try:
        told = read_json(read_file(path, most=LARGEST))
    except ValueError:
        return None
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        return None
    ours = isinstance(told, dict) and told.keys() == {"url", "pid"} and isinstance(told["pid"], int)
    return told["pid"] if ours else None


def _cannot(path: Path, error: OSError | ValueError) -> LtxMockError:
    reason = getattr(error, "strerror", None) or error
    return LtxMockError(f"cannot write the ready file {printable(str(path))}: {reason}")
