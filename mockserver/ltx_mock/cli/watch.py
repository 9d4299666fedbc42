"""Lists that follow a running server until Ctrl-C: `--watch`."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import Any

import click

from ltx_mock.cli.output import encoding
from ltx_mock.cli.streams import reader_is_gone
from ltx_mock_contracts.io.json_text import write_json

__all__ = ["follow", "redraw"]

EVERY_SECONDS = 0.5
View = dict[str, Any]


def follow(fetch: Callable[[], list[View]], name: str, table: Callable[[list[View]], str] | None) -> None:
    """Print items as they come or change, until Ctrl-C or until nobody reads.

    Args:
        fetch: Returns the current items; it may wait for news.
        name: The field that identifies an item.
        table: Returns items as a table; None for a line of JSON each.
    """
    seen: dict[object, View] = {}
    headed = False
    while not reader_is_gone(sys.stdout):
        began = time.monotonic()
        there = fetch()
        news = [each for each in there if seen.get(each[name]) != each]
        seen = {each[name]: each for each in there}
        if news and table is None:
            click.echo("".join(f"{write_json(each, encoding=encoding())}\n" for each in news), nl=False)
        elif news and table is not None:
            drawn = table(news)
            click.echo(drawn.split("\n", 1)[1] if headed else drawn, nl=False)
            headed = True
        time.sleep(max(EVERY_SECONDS - (time.monotonic() - began), 0))


def redraw(fetch: Callable[[], list[View]], name: str, table: Callable[[list[View]], str]) -> None:
    """Draw a table again and again in its place on a terminal, the newest rows that fit; elsewhere see `follow`."""
    if not sys.stdout.isatty():
        follow(fetch, name, table)
        return
    drawn = ""
    while True:
        head, *rows = table(fetch()).splitlines(keepends=True) or ["waiting for tasks\n"]
        before, drawn = drawn, "".join([head, *rows[-max(shutil.get_terminal_size().lines - 2, 1) :]])
        if drawn != before:
            click.echo(f"\x1b[{before.count(chr(10))}F\x1b[J" * bool(before) + drawn, nl=False)
        time.sleep(EVERY_SECONDS)
