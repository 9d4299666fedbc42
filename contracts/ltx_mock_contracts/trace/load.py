"""Read a recording from a file in any supported format."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.io.json_text import read_json
from ltx_mock_contracts.io.safe_files import read_file
from ltx_mock_contracts.trace.exchange import Trace, TraceError
from ltx_mock_contracts.trace.har import read_har_log
from ltx_mock_contracts.trace.ndjson import read_entries, read_ndjson, syntax

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["parse_trace", "read_trace"]

LARGEST: Final = 512 * 1024 * 1024
"""The maximum size of a recording in bytes."""

_DIGITS: Final = 300

_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_trace(path: str | PathLike[str]) -> Trace:
    """Read a recording: our NDJSON, a response of `GET /__admin/requests`, or HAR. The content decides.

    Args:
        path: The file.

    Raises:
        TraceError: The file cannot be read, or is not a recording.
    """
    try:
        raw = read_file(path, most=LARGEST)
    except (OSError, ValueError) as error:
        raise TraceError(f"it cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return parse_trace(_text(raw))


def parse_trace(text: str) -> Trace:
    """Read a recording from text; see `read_trace`."""
    if not text.strip():
        return Trace([])
    try:
        document = read_json(text)
    except json.JSONDecodeError as error:
        if error.lineno > 1 and error.msg != "Extra data" and not _has_a_line(text):
            raise TraceError(syntax(error), line=error.lineno) from None
        return read_ndjson(text)
    except ValueError:
        document = _decoded_loosely(text)
        if not _is_har(document):
            return read_ndjson(text)
    if _is_har(document):
        return read_har_log(document)
    entries = document.get("requests") if isinstance(document, dict) else document
    return read_entries(entries) if isinstance(entries, list) else read_ndjson(text)


def _is_har(document: object) -> bool:
    return isinstance(document, dict) and "log" in document


def _has_a_line(text: str) -> bool:
    """Tell whether the text has at least one line of our format, so that it is not one JSON document."""
    lines = (line.strip() for line in text.split("\n") if '"target"' in line)
    return any(line.startswith("{") and line.endswith("}") for line in lines)


def _decoded_loosely(text: str) -> Any:
    """Decode JSON with `NaN`, `Infinity` and huge integers, which some recorders write, as None; no rule needs them.

    Returns:
        The value, or None if it is not JSON.
    """
    try:
        return json.loads(
            text,
            parse_constant=lambda _: None,
            parse_int=lambda digits: int(digits) if len(digits) < _DIGITS else None,
        )
    except (ValueError, RecursionError):
        return None


def _text(raw: bytes) -> str:
    encoding = "utf-16" if raw.startswith(_UTF_16) else "utf-8-sig"  # as PowerShell writes with `>`
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise TraceError(f"it is not text: byte {error.start} is 0x{raw[error.start]:02x}", line=line) from None
