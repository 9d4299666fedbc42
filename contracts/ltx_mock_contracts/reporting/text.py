"""Make untrusted text printable, and fit text to a length or an encoding."""

from __future__ import annotations

import codecs
import json
import unicodedata
from typing import Any, Final

__all__ = ["READABLE", "counted", "fitting", "json_text", "printable", "shortened"]

READABLE: Final = "ltx_mock_readable"
"""A handler of encoding errors that writes missing characters in ASCII, our own symbols in a readable form."""

_IN_ASCII: Final = str.maketrans(
    {"→": "->", "←": "<-", "…": "...", "–": "-", "—": "-", "−": "-", "×": "x", "≥": ">=", "≤": "<=", "·": "-", "•": "-"}
    | {"“": '"', "”": '"', "‘": "'", "’": "'", "━": "-", "─": "-", "│": "|", "╸": "-", "╺": "-", "�": "?"}
    | {"✅": "ok", "❌": "x", "⚠": "!", "➖": "-", "\ufe0f": "", "\xa0": " "}
)


def printable(text: str, *, limit: int | None = None) -> str:
    """Return one line without control characters, invisible characters or lone surrogates.

    Args:
        text: Any text.
        limit: The maximum number of characters, if limited.
    """
    text = text if limit is None else text[:limit]
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "�" for letter in text)


def fitting(text: str, encoding: str | None) -> str:
    """Return a text with the characters that an encoding lacks in ASCII; an unknown encoding counts as ASCII."""
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
    """Return a text whole if it has at most `limit` characters, else its beginning and its length."""
    return text if limit is None or len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def json_text(value: Any) -> str:
    """Return a body as compact JSON; text (which was not JSON) unchanged."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun in singular or plural, which by default ends in `s`."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"
