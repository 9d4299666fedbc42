"""Files that a command writes."""

from __future__ import annotations

from pathlib import Path

import click

from ltx_mock.errors import LtxMockError
from ltx_mock_contracts.reporting import printable

__all__ = ["see_that_they_can_be_written", "write"]


def write(file: str, text: str, *, mode: str = "w") -> None:
    """Write text to a file; `-` is the standard output.

    Raises:
        LtxMockError: It cannot be written.
    """
    if file == "-":
        click.echo(text, nl=False)
        return
    try:
        with Path(file).open(mode, encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise LtxMockError(f"{printable(file)}: it cannot be written: {error.strerror}") from error


def see_that_they_can_be_written(*files: str | None) -> None:
    """Fail before a long run, where its results would be lost after it.

    Raises:
        LtxMockError: One of them cannot be written.
    """
    for file in files:
        if file not in {None, "-"}:
            path = Path(str(file))
            there = path.exists()
            write(str(file), "", mode="a")
            if not there:
                path.unlink()
