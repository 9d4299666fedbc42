"""Bodies in a HAR. Recorders encode, damage, cut and omit them, so a missing body is no deviation of the server."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RecordedBody"]

_BOM: Final = "\ufeff"
_FILE_FIELDS: Final = ("_file", "_sha1")
"""Playwright's field with the name of the file that contains the body."""

_FIRST_CHARACTERS: Final = ("{", "[")
_LAST_CHARACTERS: Final = ("}", "]")
_BASE64_OF_JSON: Final = re.compile(r"e[wy]|77u/e|ICAg")
"""The first characters of base64-encoded JSON objects."""

_WINDOWS_1252: Final = {
    ord(bytes([byte]).decode("cp1252")): byte for byte in range(0x80, 0xA0) if bytes([byte]).decode("cp1252", "ignore")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedBody:
    """One body as recorded in a HAR.

    Attributes:
        part: The `postData` or `content` object; empty if there is none.
        size: Its size in bytes, as the recorder states it; unknown unless it is a positive number or 0.
        length: The header `Content-Length`, or None.
        chunked: Whether there was a header `Transfer-Encoding`.
        encoded: Whether the recorded bytes may be compressed.
        interrupted: Whether the connection broke during the transfer.
        maybe_lost: Whether the recorder may have omitted the body, if it is empty and no header says so.
    """

    part: Mapping[str, Any]
    size: object = None
    length: str | None = None
    chunked: bool = False
    encoded: bool = False
    interrupted: bool = False
    maybe_lost: bool = False

    @property
    def text(self) -> str | None:
        """The body as it was sent; None if it is missing or incomplete."""
        text = self.part.get("text")
        if not isinstance(text, str) or not text:
            return "" if self._is_empty else None
        text = self._decoded(text)
        if text is None:
            return None
        text = self._repaired(text.removeprefix(_BOM))
        return None if self._may_be_incomplete(text) and not _is_json(text) else text

    @property
    def _stated_size(self) -> int:
        return self.size if isinstance(self.size, int) else 0

    @property
    def _is_empty(self) -> bool:
        """Whether the body was certainly empty, and not omitted by the recorder."""
        lost = self.part.get("comment") or self.part.get("text", "") is None or any(map(self.part.get, _FILE_FIELDS))
        if lost or self.chunked or self.interrupted or self.size != 0:
            return False
        return not self.maybe_lost if self.length is None else self.length.strip() == "0"

    def _may_be_incomplete(self, text: str) -> bool:
        if self.encoded or self.interrupted or self.part.get("comment"):
            return True
        if self._stated_size > 0:
            return self._stated_size > len(text.encode(errors="surrogatepass"))
        return text.lstrip().startswith(_FIRST_CHARACTERS) and not text.rstrip().endswith(_LAST_CHARACTERS)

    def _decoded(self, text: str) -> str | None:
        encodings = (self.part.get("encoding"), self.part.get("_encoding"))
        if any(isinstance(each, str) and each.lower() == "base64" for each in encodings):
            decoded = _from_base64(text)
            return text if decoded is None and _is_json(text) else decoded
        decoded = _from_base64(text) if _BASE64_OF_JSON.match(text) else None  # not every recorder marks base64
        return decoded if decoded is not None and _is_json(decoded) else text

    def _repaired(self, text: str) -> str:
        """Repair UTF-8 text that the recorder decoded as Latin-1 or Windows-1252."""
        if text.isascii() or self._stated_size == len(text.encode(errors="surrogatepass")):
            return text
        try:
            return text.translate(_WINDOWS_1252).encode("latin-1").decode()
        except UnicodeError:
            return text


def _from_base64(text: str) -> str | None:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
