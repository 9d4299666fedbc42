"""What commands print: nothing in it moves a cursor, drives a CI or is more than the terminal's code page can hold."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING

import click

from ltx_mock_contracts.io.json_text import escaped, write_json
from ltx_mock_contracts.reporting.github import escape_workflow_commands
from ltx_mock_contracts.reporting.text import READABLE, printable

if TYPE_CHECKING:
    from rich.text import Text


def use_readable_streams() -> None:
    """Write characters that a code page lacks in ASCII, instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=READABLE)


def say(text: str, *, err: bool = False) -> None:
    """Print one line."""
    click.echo(escape_workflow_commands(printable(text)), err=err)


def print_json(told: object) -> None:
    """Print plain data for programs."""
    click.echo(write_json(told, indent=2, encoding=encoding()))


def print_exported(text: str) -> None:
    """Print JSON, or lines of JSON, from a server."""
    click.echo(escaped(text, encoding=encoding()), nl=False)


def table(*head: str, rows: Iterable[Sequence[str | Text]], right: Iterable[str] = ()) -> str:
    """Return rows with a header, limited to the width of the terminal; columns in `right` are right-aligned."""
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.table import Table  # noqa: PLC0415

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for name in head:
        drawn.add_column(name, justify="right" if name in right else "left")
    for row in rows:
        drawn.add_row(*row)
    console = Console(markup=False, emoji=False, highlight=False)
    with console.capture() as printed:
        console.print(drawn)
    return re.sub(r" +$", "", printed.get(), flags=re.MULTILINE)


def encoding() -> str:
    """Return the encoding of the standard output."""
    return getattr(sys.stdout, "encoding", None) or "utf-8"
