"""API keys: what one looks like (AUTH-2), and what may be shown of it."""

from __future__ import annotations

import re

from ltx_mock.errors import SettingsError

MAX_KEY_LENGTH = 512
_KEY = re.compile(rf"[!-~\x80-\xff]{{1,{MAX_KEY_LENGTH}}}")


def is_key(text: str) -> bool:
    """Tell whether an Authorization header can carry a text as its key: no blanks, no controls, each letter a byte."""
    return _KEY.fullmatch(text) is not None


def require_key(path: str, value: object) -> str:
    """Read a key that is set here, not sent: one that every client can send. A refusal does not show it."""
    if not isinstance(value, str) or not value.isascii() or not is_key(value):
        raise SettingsError(f"{path} must be 1 to {MAX_KEY_LENGTH} printable ASCII characters without spaces", path)
    return value


def bearer_key(given: str) -> str | None:
    """Return the API key in an Authorization header, or None when it is not `Bearer <key>` (AUTH-2)."""
    scheme, _, key = given.strip().partition(" ")
    key = key.strip()
    return key if scheme.lower() == "bearer" and is_key(key) else None


def key_label(key: str) -> str:
    """Return what may be shown of an API key: its last four characters, or less of a short one."""
    visible = min(4, len(key) // 2)
    return "…" + key[len(key) - visible :]
