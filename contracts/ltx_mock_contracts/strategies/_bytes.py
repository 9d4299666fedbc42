"""Bodies that are not a JSON object."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

from ltx_mock_contracts.dialects import readable_json
from ltx_mock_contracts.model import MODES
from ltx_mock_contracts.strategies._choose import choose
from ltx_mock_contracts.strategies._requests import valid_requests
from ltx_mock_contracts.validation.json_body import DEPTH_LIMIT

__all__ = ["DIALECT_FAMILIES", "MALFORMED_FAMILIES", "MalformedBytes", "malformed_bodies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedBytes:
    """A body that is refused because it cannot be parsed.

    Attributes:
        raw: The bytes of the body.
        family: The kind of error, one of `MALFORMED_FAMILIES`.
        rule: The id of the rule that it breaks.
        status: The expected status.
    """

    raw: bytes
    family: str
    rule: str = "GEN-1"
    status: int = 400

    @property
    def dialect(self) -> str | None:
        """The id of the dialect that allows a server to parse it, a key of `DIALECTS`; None if the rule is binding."""
        return "json-extension" if readable_json(self.raw.decode(errors="replace")) else None

    @property
    def binding(self) -> bool:
        """Whether every server must refuse it."""
        return self.dialect is None


def malformed_bodies(*, family: str | None = None) -> st.SearchStrategy[MalformedBytes]:
    """Generate bodies that are not a JSON object, or are one that parsers read in different ways.

    Args:
        family: One of `MALFORMED_FAMILIES`; any of them by default.

    Raises:
        ValueError: There is no such family.
    """
    return _malformed(st.sampled_from(choose("family", family, MALFORMED_FAMILIES)))


@st.composite
def _malformed(draw: st.DrawFn, families: st.SearchStrategy[str]) -> MalformedBytes:
    family = draw(families)
    return MalformedBytes(raw=draw(_FAMILIES[family]), family=family)


def _utf_8(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _with_field(*values: str) -> st.SearchStrategy[bytes]:
    """Draw a valid request with one more field, whose value is one of these texts."""
    return st.builds(lambda raw, value: raw[:-1] + f', "x": {value}}}'.encode(), _GOOD, st.sampled_from(values))


@st.composite
def _cut_off(draw: st.DrawFn) -> bytes:
    raw = draw(_GOOD)
    return raw[: draw(st.integers(1, len(raw) - 1))]


@st.composite
def _not_utf_8(draw: st.DrawFn) -> bytes:
    raw, wrong = draw(_GOOD), draw(_WRONG_BYTES)
    at = raw.index(b'"prompt": "') + len(b'"prompt": "')
    return raw[:at] + wrong + raw[at:]


_WRONG_BYTES: Final = st.sampled_from([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe9"])
_GOOD: Final = valid_requests().map(_utf_8)

_FAMILIES: Final[dict[str, st.SearchStrategy[bytes]]] = {
    "empty": st.sampled_from([b"", b" ", b"\r\n\t"]),
    "no object": st.sampled_from([b"null", b"[]", b"0", b'""', b"true", b"[{}]", b'"{}"', b"-1.5e3"]),
    "no JSON": st.sampled_from(
        [
            *(b"{", b"}", b"x", b"{]", b"{'input': 1}", b"{input: 1}", b'{"input": }', b'{"input" 1}'),
            f"mode={MODES[0]}".encode(),
        ]
    )
    | st.binary(min_size=1, max_size=8).map(b"\x01".__add__),
    "cut off": _cut_off(),
    "more after the end": st.builds(
        bytes.__add__, _GOOD, st.sampled_from([b"}", b",", b"x", b"{}", b" null", b"\x00"])
    ),
    "trailing comma": _GOOD.map(lambda raw: raw[:-1] + b",}"),
    "comment": _GOOD.map(lambda raw: b"// a task\n" + raw) | _GOOD.map(lambda raw: raw[:-1] + b"/* */}"),
    "byte order mark": _GOOD.map(b"\xef\xbb\xbf".__add__),
    "other encoding": st.builds(
        lambda body, codec: json.dumps(body).encode(codec), valid_requests(), st.sampled_from(["utf-16", "utf-32"])
    ),
    "not UTF-8": _not_utf_8(),
    "not a number": _with_field("NaN", "Infinity", "-Infinity", "[NaN]"),
    "number too large": _with_field("1e999", "-1e999", "9" * 400, '{"y": 1e400}'),
    "key twice": _GOOD.map(lambda raw: raw[:-1] + b', "input": {}}') | _with_field('1, "x": 1', '{"y": 1, "y": 2}'),
    "lone surrogate": _with_field('"\\ud800"', '"\\udc00x"', '{"\\ud83d": 1}', '"\\ud83d\\ud83d"'),
    "control character": _with_field('"\n"', '"\x00"', '"\t"'),
    "too deep": _with_field(*("[" * depth + "]" * depth for depth in (DEPTH_LIMIT, 1000, 5000))),
}

MALFORMED_FAMILIES: Final = tuple(_FAMILIES)
"""The kinds of errors in `malformed_bodies`."""

DIALECT_FAMILIES: Final = frozenset(MALFORMED_FAMILIES) - {"empty", "no object", "no JSON", "cut off"}
"""Those that a JSON parser may accept; a test checks the list."""
