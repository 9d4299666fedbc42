"""API keys: what one looks like (AUTH-2), and what may be shown of it."""

from __future__ import annotations

MAX_KEY_LENGTH = 512


def bearer_key(given: str) -> str | None:
    """Return the API key in an Authorization header, or None when it is not `Bearer <key>` (AUTH-2)."""
    scheme, _, key = given.strip().partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key or len(key) > MAX_KEY_LENGTH or " " in key or "\t" in key:
        return None
    return key


def key_label(key: str) -> str:
    """Return what may be shown of an API key: its last four characters, or less of a short one."""
    shown = min(4, len(key) // 2)
    return "…" + key[len(key) - shown :]
