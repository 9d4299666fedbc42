"""What a scenario leaves to chance, drawn with dice: the bytes of a digest, so that a seed always draws the same."""

from __future__ import annotations

import math
from random import Random

from ltx_mock.scenarios.model import MAX_MS, Delay, Fixed, Uniform

NOISE_BYTES = 64


def milliseconds(delay: Delay, dice: bytes) -> int:
    """Draw the length of a delay."""
    if isinstance(delay, Fixed):
        return delay.milliseconds
    if isinstance(delay, Uniform):
        return _random(dice).randint(delay.lower, delay.upper)
    return min(MAX_MS, round(_random(dice).lognormvariate(math.log(delay.median), delay.sigma)))


def happens(chance: float, dice: bytes) -> bool:
    """Draw whether something happens that does with this chance, from 0 to 1."""
    return _random(dice).random() < chance


def noise(dice: bytes) -> bytes:
    """Draw bytes that no HTTP client can make sense of, in whatever place."""
    return b"\xff" + _random(dice).randbytes(NOISE_BYTES)


def _random(dice: bytes) -> Random:
    return Random(dice)  # noqa: S311 - it is to be foreseen
