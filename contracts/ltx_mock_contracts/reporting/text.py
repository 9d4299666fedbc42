"""Text that a server or a recording brought, made safe to show."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["counted", "json_text", "printable", "shortened"]


def printable(text: str) -> str:
    """Return one line without anything that could move a cursor, hide text or be no Unicode."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def shortened(text: str, limit: int | None) -> str:
    """Return a text of at most `limit` characters whole; of a longer one the beginning, and how long it is."""
    return text if limit is None or len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def json_text(value: Any) -> str:
    """Return a body as compact JSON; a text, which was no JSON, as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def counted(count: int, what: str) -> str:
    """Return a number with the word for what it counts."""
    return f"{count} {what}{'s' * (count != 1)}"
