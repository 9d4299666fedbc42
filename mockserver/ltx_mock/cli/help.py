"""Help that fits narrow terminals, which click does not make narrower than 50 columns."""

from __future__ import annotations

import shutil
from collections.abc import Iterable

import click

__all__ = ["Group", "with_our_help"]

NARROW = 60
LEAST = 20
WHOLE = 1000


class Formatter(click.HelpFormatter):
    """Writes options and their texts below each other where both beside each other do not fit."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        super().__init__(indent_increment, width, max_width)
        columns = shutil.get_terminal_size().columns
        if width is None and columns < self.width + indent_increment:
            self.width = max(columns - 1, LEAST)

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write a list of terms with their texts."""
        if self.width >= NARROW:
            super().write_dl(rows, col_max, col_spacing)
            return
        for term, text in rows:
            self.write_text(term)
            with self.indentation():
                self.write_text(text)


class Group(click.Group):
    """A group whose list of commands has their whole first sentences."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(WHOLE)) for name, command in found if command and not command.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class Context(click.Context):
    """A context whose help is written by our formatter."""

    formatter_class = Formatter


def with_our_help(command: click.Command) -> click.Command:
    """Give a command, and those within it, help that fits; return the command."""
    command.context_class = Context
    for each in getattr(command, "commands", {}).values():
        with_our_help(each)
    return command
