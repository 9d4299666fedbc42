"""Write the output files of commands."""

from __future__ import annotations

from pathlib import Path

import click

from ltx_mock.errors import LtxMockError
from ltx_mock_contracts.io.safe_files import check_writable, write_file
from ltx_mock_contracts.reporting import printable

__all__ = ["cannot_write", "see_that_they_can_be_written", "write"]


def write(file: str, text: str, *, append: bool = False) -> None:
    """Write text to a file; `-` means standard output.

    Raises:
        LtxMockError: It cannot be written.
    """
    if file == "-":
        click.echo(text, nl=False)
        return
    try:
        write_file(file, text, append=append)
    except (OSError, ValueError) as error:
        raise cannot_write(file, error) from error


def see_that_they_can_be_written(*files: str | None) -> None:
    """Check before a long run that its results can be written after it.

    Raises:
        LtxMockError: One of them cannot be written.
    """
    for file in files:
        if file is not None and file != "-":
            try:
                check_writable(file)
            except (OSError, ValueError) as error:
                raise cannot_write(file, error) from error


def cannot_write(file: str | Path, error: OSError | ValueError) -> LtxMockError:
    """Return the error of a file that cannot be written."""
    return LtxMockError(f"cannot write {printable(str(file))}: {getattr(error, 'strerror', None) or error}")
