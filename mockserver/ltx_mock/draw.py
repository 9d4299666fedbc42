"""Chance without a state: the same seed and labels always draw the same number."""

from __future__ import annotations

from hashlib import blake2b

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


def digest(*parts: object) -> bytes:
    """Return 16 bytes that stand for these parts, in this order."""
    return blake2b("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def between(low: int, high: int, *parts: object) -> int:
    """Draw a whole number from `low` to `high`, both included."""
    return low + int.from_bytes(digest(*parts)[:8]) % (high - low + 1)


def word(length: int, *parts: object) -> str:
    """Draw `length` lower-case letters and digits."""
    number = int.from_bytes(digest(*parts))
    letters = []
    for _ in range(length):
        number, index = divmod(number, 36)
        letters.append(ALPHABET[index])
    return "".join(letters)
