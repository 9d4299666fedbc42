"""Bodies in a HAR. Recorders encode, mangle, cut and lose them, so a missing body is not the server's fault."""

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
_ELSEWHERE: Final = ("_file", "_sha1")
"""Playwright's field with the name of the file that contains the body."""

_OPENING: Final = ("{", "[")
_CLOSING: Final = ("}", "]")
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
        size: Its size in bytes by the recorder; anything but a positive number or 0 means unknown.
        length: The header `Content-Length`, or None.
        chunked: Whether there was a header `Transfer-Encoding`.
        encoded: Whether the recorded bytes may be compressed.
        broken_off: Whether the connection broke during the transfer.
        doubtful: Whether an empty body was probably lost by the recorder, unless a header says otherwise.
    """

    part: Mapping[str, Any]
    size: object = None
    length: str | None = None
    chunked: bool = False
    encoded: bool = False
    broken_off: bool = False
    doubtful: bool = False

    @property
    def text(self) -> str | None:
        """The body as it was sent; None if it is missing or incomplete."""
        given = self.part.get("text")
        if not isinstance(given, str) or not given:
            return "" if self._is_empty else None
        text = self._decoded(given)
        if text is None:
            return None
        text = self._repaired(text.removeprefix(_BOM))
        return None if self._may_be_cut(text) and not _is_json(text) else text

    @property
    def _stated_size(self) -> int:
        return self.size if isinstance(self.size, int) else 0

    @property
    def _is_empty(self) -> bool:
        """Whether certainly nothing was sent (as opposed to: nothing was recorded)."""
        lost = self.part.get("comment") or self.part.get("text", "") is None or any(map(self.part.get, _ELSEWHERE))
        if lost or self.chunked or self.broken_off or self.size != 0:
            return False
        return not self.doubtful if self.length is None else self.length.strip() == "0"

    def _may_be_cut(self, text: str) -> bool:
        if self.encoded or self.broken_off or self.part.get("comment"):
            return True
        if self._stated_size > 0:
            return self._stated_size > len(text.encode(errors="surrogatepass"))
        return text.lstrip().startswith(_OPENING) and not text.rstrip().endswith(_CLOSING)

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
