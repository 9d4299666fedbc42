"""Random choices of scenarios, drawn from the bytes of a digest, so that a seed always gives the same."""

from __future__ import annotations

import math
from random import Random

from ltx_mock.scenarios.model import MAX_MS, Delay, Fixed, Uniform

NOISE_BYTES = 64


def milliseconds(delay: Delay, random_bytes: bytes) -> int:
    """Draw the length of a delay."""
    if isinstance(delay, Fixed):
        return delay.milliseconds
    if isinstance(delay, Uniform):
        return _random(random_bytes).randint(delay.lower, delay.upper)
    return min(MAX_MS, round(_random(random_bytes).lognormvariate(math.log(delay.median), delay.sigma)))


def happens(chance: float, random_bytes: bytes) -> bool:
    """Return True with this probability, from 0 to 1."""
    return _random(random_bytes).random() < chance


def noise(random_bytes: bytes) -> bytes:
    """Draw bytes that are invalid HTTP at any place."""
    return b"\xff" + _random(random_bytes).randbytes(NOISE_BYTES)


def _random(random_bytes: bytes) -> Random:
    return Random(random_bytes)  # noqa: S311 - it is to be foreseen
