"""Validation of an argument with a fixed set of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltx_mock_contracts.validation.explain import closest_word

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["choose"]


def choose(name: str, value: str | None, allowed: Iterable[str]) -> tuple[str, ...]:
    """Return the values to draw from: all allowed ones for None, else only the given one.

    Raises:
        ValueError: The value is not allowed; the text lists the allowed ones and the one that was probably meant.
    """
    allowed = tuple(allowed)
    if value is None:
        return allowed
    if value not in allowed:
        meant = closest_word(value, allowed)
        hint = f" (did you mean {meant!r}?)" if meant else ""
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}{hint}")
    return (value,)
