"""What commands print: nothing in it moves a cursor, drives a CI or is more than the terminal's code page can hold."""

from __future__ import annotations

import sys
from io import TextIOWrapper

import click

from ltx_mock_contracts.io.json_text import escaped, write_json
from ltx_mock_contracts.reporting.github import disarmed
from ltx_mock_contracts.reporting.text import READABLE, printable


def use_readable_streams() -> None:
    """Let output that a code page cannot hold be written in ASCII, and be no error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=READABLE)


def say(text: str, *, err: bool = False) -> None:
    """Print one line."""
    click.echo(disarmed(printable(text)), err=err)


def print_json(told: object) -> None:
    """Print plain data for programs."""
    click.echo(write_json(told, indent=2, encoding=encoding()))


def print_exported(text: str) -> None:
    """Print JSON, or lines of it, that a server wrote."""
    click.echo(escaped(text, encoding=encoding()), nl=False)


def encoding() -> str:
    """Return the encoding of the standard output."""
    return getattr(sys.stdout, "encoding", None) or "utf-8"
