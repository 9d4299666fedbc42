"""Numbers as options, options whose former names still work, and options that several commands have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from math import isnan
from typing import Any, TypeAlias

import click

from ltx_mock.errors import LtxMockError

__all__ = ["Decorator", "Number", "RenamedOption", "check_companions", "folder_option", "together"]

Decorator: TypeAlias = Callable[[Callable[..., None]], Callable[..., None]]


class Number(click.FloatRange):
    """A number in a range. `nan`, which click takes to be in every range, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See `click.ParamType`."""
        number: float = super().convert(value, param, ctx)
        if isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


class RenamedOption(click.Option):
    """An option with former names, which work for one release and are neither in the help nor in messages.

    Args:
        former: The former names.
    """

    def __init__(self, *args: Any, former: Sequence[str], **more: Any) -> None:
        super().__init__(*args, **more)
        self._former = former

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Teach the parser all names."""
        current = self.opts
        self.opts = [*current, *self._former]
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.opts = current


def together(*options: Decorator) -> Decorator:
    """Return one decorator for several options, which the help has in this order."""
    return lambda command: reduce(lambda made, option: option(made), reversed(options), command)


def folder_option(about: str) -> Decorator:
    """Return `--output DIR`, formerly `--out`, which the command gets as `output`."""
    return click.option(
        "--output",
        cls=RenamedOption,
        former=["--out"],
        required=True,
        type=click.Path(),
        metavar="DIR",
        help=about,
    )


def check_companions(ctx: click.Context, companions: Mapping[str, str]) -> None:
    """Check that options of the command line have the option without which they do nothing, from any source.

    In the environment or a config file they may wait for it.

    Args:
        ctx: The context of the command.
        companions: The names of options, each with that of the option that it needs.

    Raises:
        LtxMockError: One stands alone.
    """
    for name, needed in companions.items():
        given = ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if given and ctx.params[needed] is None:
            raise LtxMockError(f"--{name.replace('_', '-')} needs --{needed.replace('_', '-')}")
