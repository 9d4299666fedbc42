"""What commands print: nothing in it moves a cursor, drives a CI or is more than the terminal's code page can hold."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING

import click

from ltx_mock_contracts.io.json_text import escaped, write_json
from ltx_mock_contracts.reporting.github import escape_workflow_commands
from ltx_mock_contracts.reporting.text import READABLE, printable

if TYPE_CHECKING:
    from ltx_mock.cli.tables import Cell, Column, Row

USUAL_WIDTH = 80


def use_readable_streams() -> None:
    """Write characters that a code page lacks in ASCII, instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=READABLE)


def say(text: str, *, err: bool = False) -> None:
    """Print one line."""
    click.echo(escape_workflow_commands(printable(text)), err=err)


def note(text: str) -> None:
    """Print one line on stderr that says whose it is."""
    say(f"ltx-mock: {text}", err=True)


def print_json(told: object) -> None:
    """Print plain data for programs."""
    click.echo(write_json(told, indent=2, encoding=encoding()))


def print_exported(text: str) -> None:
    """Print JSON, or lines of JSON, from a server."""
    click.echo(escaped(text, encoding=encoding()), nl=False)


def print_table(*columns: Column | str, rows: Iterable[Row | Sequence[str | Cell]]) -> None:
    """Print a table as `table_text` returns it."""
    click.echo(table_text(*columns, rows=rows), nl=False)


def table_text(*columns: Column | str, rows: Iterable[Row | Sequence[str | Cell]]) -> str:
    """Return a table for stdout: as wide as a terminal and with its colours, one line for each row elsewhere."""
    from ltx_mock.cli.tables import Column, Row, draw  # noqa: PLC0415 - help does without

    drawn = draw(
        [Column(each) if isinstance(each, str) else each for each in columns],
        (each if isinstance(each, Row) else Row(each) for each in rows),
        width(),
        coloured=coloured(),
    )
    return escape_workflow_commands(drawn)


def print_wrapped(text: str) -> None:
    """Print a sentence in lines that fit the terminal."""
    from ltx_mock.cli.tables import wrap  # noqa: PLC0415 - help does without

    limit = width()
    for line in wrap(printable(text), limit) if limit else [text]:
        say(line)


def width() -> int | None:
    """Return the width of the terminal, or of `COLUMNS`; None where neither limits it."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    if not sys.stdout.isatty():
        return None
    return os.get_terminal_size(sys.stdout.fileno()).columns or USUAL_WIDTH


def coloured() -> bool:
    """Tell whether stdout takes colours: a terminal that can, and nobody set `NO_COLOR`."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def encoding() -> str:
    """Return the encoding of the standard output."""
    return getattr(sys.stdout, "encoding", None) or "utf-8"
