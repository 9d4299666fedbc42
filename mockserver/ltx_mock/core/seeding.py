"""Chance without a state: the same seed and labels always draw the same."""

from __future__ import annotations

from hashlib import blake2b


def digest(*parts: object) -> bytes:
    """Return 16 bytes that stand for these parts (numbers, strings, bytes and tuples of them), in this order."""
    return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def between(low: int, high: int, random_bytes: bytes) -> int:
    """Draw a whole number from `low` to `high`, both included, with the bytes of a digest or a part of them."""
    return low + int.from_bytes(random_bytes) % (high - low + 1)
