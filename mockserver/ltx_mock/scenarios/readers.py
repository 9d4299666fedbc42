"""Readers for the values of scenarios."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping

from ltx_mock.errors import SettingsError
from ltx_mock.fields import Reader, refused, text, whole

MAX_JSON_BYTES = 128 * 1024
"""The maximum size of JSON that a scenario adds to each response."""
FOREVER = "forever"


def header_value(path: str, value: object) -> str:
    """Read a valid header value."""
    found = text(200)(path, value)
    if not found.isascii():
        raise refused(path, "ASCII", value)
    return found


def count(high: int) -> Reader[int | str]:
    """Return a reader of a number of times or `forever`."""

    def read_count(path: str, value: object) -> int | str:
        if value == FOREVER:
            return FOREVER
        if isinstance(value, str):
            raise refused(path, f'a whole number from 1 or "{FOREVER}"', value)
        return whole(1, high)(path, value)

    return read_count


def json_object(path: str, value: object) -> dict[str, object]:
    """Read a JSON object with any fields; a copy, with the types that JSON has."""
    written = b""
    if isinstance(value, Mapping) and value:
        with contextlib.suppress(TypeError, ValueError, RecursionError):
            written = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    if not written:
        raise refused(path, "a JSON object with fields in it", value)
    if len(written) > MAX_JSON_BYTES:
        raise SettingsError(f"{path} must be JSON of at most {MAX_JSON_BYTES} bytes, not of {len(written)}", path)
    found: dict[str, object] = json.loads(written)
    return found
