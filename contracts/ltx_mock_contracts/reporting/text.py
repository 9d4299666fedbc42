"""Text that a server or a recording brought, made safe to show; and text that fits where it is shown."""

from __future__ import annotations

import codecs
import json
import unicodedata
from typing import Any, Final

__all__ = ["READABLE", "counted", "fitting", "json_text", "printable", "shortened"]

READABLE: Final = "ltx_mock_readable"
"""A handler of encoding errors: what a code page lacks is written in ASCII, our own signs so that they can be read."""

_IN_ASCII: Final = str.maketrans(
    {"→": "->", "←": "<-", "…": "...", "–": "-", "—": "-", "−": "-", "×": "x", "≥": ">=", "≤": "<=", "·": "-", "•": "-"}
    | {"“": '"', "”": '"', "‘": "'", "’": "'", "━": "-", "─": "-", "│": "|", "╸": "-", "╺": "-", "�": "?"}
    | {"✅": "ok", "❌": "x", "⚠": "!", "➖": "-", "\ufe0f": "", "\xa0": " "}
)


def printable(text: str, *, limit: int | None = None) -> str:
    """Return one line without anything that could move a cursor, hide text or be no Unicode.

    Args:
        text: What somebody sent.
        limit: How many characters of it are shown, where that is limited.
    """
    text = text if limit is None else text[:limit]
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "�" for letter in text)


def fitting(text: str, encoding: str | None) -> str:
    """Return a text with what an encoding lacks in ASCII; an encoding that nobody knows is taken for ASCII."""
    try:
        return text.encode(encoding or "utf-8", READABLE).decode(encoding or "utf-8")
    except LookupError:
        return text.encode("ascii", READABLE).decode("ascii")


def _readable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    return "".join(map(_letter, found)), error.end


def _letter(letter: str) -> str:
    ascii_form = letter.translate(_IN_ASCII)
    if ascii_form.isascii():
        return ascii_form
    plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return plain if plain and plain.isprintable() else letter.encode("ascii", "backslashreplace").decode()


codecs.register_error(READABLE, _readable)


def shortened(text: str, limit: int | None) -> str:
    """Return a text of at most `limit` characters whole; of a longer one the beginning, and how long it is."""
    return text if limit is None or len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def json_text(value: Any) -> str:
    """Return a body as compact JSON; a text, which was no JSON, as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def counted(count: int, what: str) -> str:
    """Return a number with the word for what it counts."""
    return f"{count} {what}{'s' * (count != 1)}"
