"""A body in a recording: JSON as JSON, so that people can read it and compare it, and anything else without loss."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any, Final, Literal, NamedTuple

from ltx_mock_contracts.api import data_of
from ltx_mock_contracts.validation.json_body import MalformedBody, parse_body

__all__ = ["EMPTY", "Body"]

_FIELDS: Final = {"json": "body", "text": "bodyText", "base64": "bodyBase64"}


class Body(NamedTuple):
    """The body of a request or a response.

    Attributes:
        form: `json`, `text` for other UTF-8, `base64` for other bytes, or `empty`.
        value: The decoded JSON, the text, the Base64, or None.
    """

    form: Literal["json", "text", "base64", "empty"]
    value: Any

    @classmethod
    def of(cls, raw: bytes) -> Body:
        """Read the bytes of a body. JSON that parsers read in different ways is kept as text."""
        if not raw:
            return EMPTY
        try:
            return cls("json", parse_body(raw))
        except MalformedBody:
            pass
        try:
            return cls("text", raw.decode())
        except UnicodeDecodeError:
            return cls("base64", b64encode(raw).decode())

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> Body:
        """Read the body from the part of a recording that has it."""
        for form, field in _FIELDS.items():
            if field in entry:
                return cls(form, entry[field])  # type: ignore[arg-type] # the names are those of the forms
        return EMPTY

    def to_json(self) -> dict[str, Any]:
        """Return the field of a recording that has the body; none for an empty one."""
        return {} if self.form == "empty" else {_FIELDS[self.form]: self.value}

    @property
    def raw(self) -> bytes:
        """The bytes. JSON may have other white space and other escapes than it had."""
        if self.form == "json":
            return json.dumps(self.value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
        if self.form == "base64":
            return b64decode(self.value)
        return b"" if self.value is None else str(self.value).encode(errors="replace")

    @property
    def data(self) -> dict[str, Any]:
        """The `data` of the envelope; empty if there is none."""
        return data_of(self.value)


EMPTY: Final = Body("empty", None)
"""No body."""
