"""Stateless random choices: the same seed and labels always give the same."""

from __future__ import annotations

from hashlib import blake2b


def digest(*parts: object) -> bytes:
    """Return a digest of 16 bytes of these parts (numbers, strings, bytes and tuples of them), in order."""
    return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def between(low: int, high: int, random_bytes: bytes) -> int:
    """Return an integer from `low` to `high`, both included, determined by the bytes of a digest."""
    return low + int.from_bytes(random_bytes) % (high - low + 1)
