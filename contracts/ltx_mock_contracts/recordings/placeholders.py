"""Placeholders of secrets, such as `REDACTED-email-1`."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

__all__ = ["LABEL", "Placeholders", "ends_with_placeholder", "is_placeholder", "without_numbers"]

LABEL: Final = "REDACTED-"
_PLACEHOLDER: Final = re.compile(rf"{LABEL}[a-z]+-[0-9a-f]{{1,16}}")
_NUMBERED: Final = re.compile(rf"{LABEL}([a-z]+)-(\d{{1,9}})(?![0-9a-f])")
_AT_END: Final = re.compile(rf"{_PLACEHOLDER.pattern}\Z")
_PER_RESPONSE: Final = re.compile(rf"({LABEL}(?:parameter|user|token))-\d+")


class Placeholders:
    """Numbers the secrets of each kind in order of their first appearance. Placeholders stay as they are."""

    def __init__(self) -> None:
        self._labels: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def copy(self) -> Placeholders:
        """Return placeholders that go on counting from here."""
        other = Placeholders()
        other._labels |= self._labels
        other._counts |= self._counts
        return other

    def reserve(self, text: str) -> None:
        """Count on after the placeholders in a text."""
        for kind, number in _NUMBERED.findall(text):
            self._counts[kind] = max(self._counts.get(kind, 0), int(number))

    def of(self, kind: str, secret: str) -> str:
        """Return the placeholder of a secret; `kind` is a lower-case word."""
        if is_placeholder(secret):
            return secret
        if (kind, secret) not in self._labels:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._labels[kind, secret] = f"{LABEL}{kind}-{self._counts[kind]}"
        return self._labels[kind, secret]

    @staticmethod
    def digest(kind: str, text: str, salt: str) -> str:
        """Return a placeholder that is the same for the same text; without the salt nobody can look it up."""
        if is_placeholder(text):
            return text
        return f"{LABEL}{kind}-{sha256(f'{salt} {text}'.encode(errors='replace')).hexdigest()[:16]}"


def is_placeholder(text: str) -> bool:
    """Tell whether a text is a placeholder."""
    return _PLACEHOLDER.fullmatch(text) is not None


def ends_with_placeholder(text: str) -> bool:
    """Tell whether a text ends with a placeholder."""
    return _AT_END.search(text) is not None


def without_numbers(text: str) -> str:
    """Return a redacted text in which secrets that differ from response to response, such as signatures, are equal."""
    return _PER_RESPONSE.sub(r"\1", text)
