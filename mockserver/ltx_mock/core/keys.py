"""API keys: their syntax (AUTH-2), and the label that may be shown."""

from __future__ import annotations

import re
from functools import lru_cache

from ltx_mock.errors import SettingsError
from ltx_mock.fields import value_text

MAX_KEY_LENGTH = 512
_KEY = re.compile(rf"[!-~\x80-\xff]{{1,{MAX_KEY_LENGTH}}}")


def is_key(text: str) -> bool:
    """Tell whether a text is valid as a key in a header: Latin-1 without blanks and control characters."""
    return _KEY.fullmatch(text) is not None


def require_key(path: str, value: object) -> str:
    """Read a key from the settings. It must be a key that every client can send. The error does not contain a text."""
    if not isinstance(value, str) or not value.isascii() or not is_key(value):
        got = "" if isinstance(value, str) else f", not {value_text(value)}"
        allowed = f"1 to {MAX_KEY_LENGTH} printable ASCII characters without spaces"
        raise SettingsError(f"{path} must be {allowed}{got}", path)
    return value


def bearer_key(given: str) -> str | None:
    """Return the API key in an Authorization header, or None when it is not `Bearer <key>` (AUTH-2)."""
    return (_same_bearer_key if len(given) <= 2 * MAX_KEY_LENGTH else _bearer_key)(given)


def _bearer_key(given: str) -> str | None:
    scheme, _, key = given.strip().partition(" ")
    key = key.strip()
    return key if scheme.lower() == "bearer" and is_key(key) else None


_same_bearer_key = lru_cache(maxsize=4096)(_bearer_key)


def key_label(key: str) -> str:
    """Return the label of an API key: its last four characters, or fewer of a short one."""
    visible = min(4, len(key) // 2)
    return "…" + key[len(key) - visible :]
