"""Numbers as options."""

from __future__ import annotations

from math import isnan
from typing import Any

import click

__all__ = ["Number"]


class Number(click.FloatRange):
    """A number in a range. `nan`, which click takes to be in every range, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See `click.ParamType`."""
        number: float = super().convert(value, param, ctx)
        if isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number
