"""Reading the bytes of a body."""

from __future__ import annotations

import inspect
import json
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ltx_mock_contracts import MalformedBody, parse_body
from ltx_mock_contracts.validation import json_body
from ltx_mock_contracts.validation.json_body import DEPTH_LIMIT, LARGE

MEBIBYTE = 1 << 20
TRAILING_COMMA = (
    "Illegal trailing comma before end of object at line 2, column 9"
    if sys.version_info >= (3, 13)
    else "Expecting property name enclosed in double quotes at line 3, column 1"
)
TEXT = st.text(st.characters(codec="utf-8"))
NUMBERS = st.integers(-(10**299), 10**299) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda children: st.lists(children) | st.dictionaries(TEXT, children),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        pytest.param(b"", "it is empty", id="empty"),
        pytest.param(b" \n", "it is empty", id="blank"),
        pytest.param(b"\xff{}", "it is not UTF-8: byte 0 is 0xff", id="not UTF-8"),
        pytest.param('"é"'.encode("latin-1"), "it is not UTF-8: byte 1 is 0xe9", id="Latin-1"),
        pytest.param(b'"\xed\xa0\x80"', "it is not UTF-8: byte 1 is 0xed", id="surrogate in UTF-8"),
        pytest.param("\ufeff{}".encode(), "it starts with a byte order mark", id="BOM"),
        pytest.param("{}".encode("utf-16"), "it is not UTF-8: byte 0 is 0xff", id="UTF-16"),
        pytest.param(
            b'{\n  "a": 1,\n}',
            f"it is not JSON: {TRAILING_COMMA}",
            id="trailing comma",
        ),
        pytest.param(
            b"{'a': 1}",
            "it is not JSON: Expecting property name enclosed in double quotes at line 1, column 2",
            id="quotes",
        ),
        pytest.param(b'{"a": 1} x', "it is not JSON: Extra data at line 1, column 10", id="extra"),
        pytest.param(b'{"a": "b', "it is not JSON: Unterminated string starting at line 1, column 7", id="cut off"),
        pytest.param(b'"a\nb"', "it is not JSON: Invalid control character at line 1, column 3", id="control"),
        pytest.param(b"[NaN]", "it has NaN, which is not JSON", id="NaN"),
        pytest.param(b"[-Infinity]", "it has -Infinity, which is not JSON", id="Infinity"),
        pytest.param(b"[1e999]", "it has a number that is too large for a double", id="overflow"),
        pytest.param(b"[-1e999]", "it has a number that is too large for a double", id="negative overflow"),
        pytest.param(b"1" * 5000, "it has a number that is too large for a double", id="long integer"),
        pytest.param(b'{"a": {"b": 1, "b": 1}}', 'it has the key "b" twice in one object', id="duplicate"),
        pytest.param(b'["a", {"b": "\\ud800"}]', "it has a lone surrogate", id="surrogate"),
        pytest.param(b'{"\\udc00": 1}', "it has a lone surrogate", id="surrogate in a key"),
        pytest.param(b"[" * 65 + b"]" * 65, "it is nested deeper than 64 levels", id="deep"),
        pytest.param(b'{"a":' * 400_000, "it is nested deeper than 64 levels", id="very deep"),
    ],
)
def test_what_is_refused_and_why(raw: bytes, problem: str) -> None:
    """GEN-1: whatever two readers of JSON might understand in two ways is no JSON object."""
    with pytest.raises(MalformedBody) as refused:
        parse_body(raw)
    finding = refused.value.finding
    assert finding.rule == "GEN-1"
    assert finding.severity == "violation"
    assert finding.message == str(refused.value) == f"the body must be a JSON object in UTF-8, but {problem}"


@pytest.mark.parametrize("end", [b"", b"\n", b" \t\r\n", b" x"])
def test_an_object_is_decoded_once_whatever_follows_it(monkeypatch: pytest.MonkeyPatch, end: bytes) -> None:
    scanned, scan_once = list[int](), json_body._DECODER.scan_once  # type: ignore[attr-defined]

    def scan(text: str, start: int) -> Any:
        scanned.append(start)
        return scan_once(text, start)

    monkeypatch.setattr(json_body._DECODER, "scan_once", scan)
    with suppress(MalformedBody):
        assert parse_body(b'{"a": [1]}' + end) == {"a": [1]}
    assert scanned == [0]


def test_a_lone_surrogate_is_pointed_at() -> None:
    with pytest.raises(MalformedBody) as refused:
        parse_body(b'{"a": ["\\ud83d\\ude00", "\\ud83d"], "b": "\\ud800"}')
    assert refused.value.finding.pointer == "/a/1"


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"null", None),
        (b" [1, -2.5, true] ", [1, -2.5, True]),
        (b'"\\ud83d\\ude00 \\\\ud800"', "😀 \\ud800"),
        (b"1e300", 1e300),
        (b"1e-999", 0.0),
        (b"9" * 300, 10**300 - 1),
        (b"-" + b"9" * 300, 1 - 10**300),
        (b"[" * DEPTH_LIMIT + b"]" * DEPTH_LIMIT, json.loads("[" * DEPTH_LIMIT + "]" * DEPTH_LIMIT)),
        (b"[" + b"{}," * 99 + b"{}]", [{}] * 100),
        (b'"' + b"[" * 100 + b'\\"' + b"{" * 100 + b'"', "[" * 100 + '"' + "{" * 100),
    ],
)
def test_what_is_read(raw: bytes, value: object) -> None:
    assert parse_body(raw) == value


@given(JSON, st.booleans())
def test_what_json_can_carry_comes_back_as_it_was(value: Any, ascii_only: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert parse_body(raw) == value


@given(st.binary() | st.text(st.sampled_from('[]{}",:\\u08d1eE.+- tfn')).map(str.encode))
def test_bytes_are_read_as_everyone_reads_them_or_refused(raw: bytes) -> None:
    with suppress(MalformedBody):
        assert parse_body(raw) == json.loads(raw)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"[" * MEBIBYTE, id="arrays"),
        pytest.param(b'"' + b'\\"' * (MEBIBYTE // 2) + b"[" * 65, id="escaped quotes"),
        pytest.param(b"[" * 65 + b'"' + b"\\" * MEBIBYTE, id="backslashes"),
        pytest.param(b"[" + b"[]," * (MEBIBYTE // 3), id="wide"),
        pytest.param(b"9" * MEBIBYTE, id="digits"),
        pytest.param(b"1." + b"9" * MEBIBYTE + b"e999", id="fraction"),
        pytest.param(b'["\\ud800"' + b",0" * (MEBIBYTE // 2) + b"]", id="surrogate"),
        pytest.param(b"{" + b'"a":0,' * (MEBIBYTE // 6) + b'"a":0}', id="duplicates"),
    ],
)
def test_a_hostile_mebibyte_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedBody):
        parse_body(raw)


def test_a_body_is_read_close_to_the_recursion_limit_too() -> None:
    def dive(levels: int) -> object:
        return dive(levels - 1) if levels else parse_body(b"[" * DEPTH_LIMIT + b"]" * DEPTH_LIMIT)

    assert dive(sys.getrecursionlimit() - len(inspect.stack()) - 150)


NEARLY_NUMBERS = st.text(st.sampled_from("-0012.eE+２٣"), min_size=1, max_size=6)


@given(NEARLY_NUMBERS)
@example("1２")
@example("1.２")
@example("-1٣")
@example("1e٣")
def test_a_number_is_one_however_long_the_body_around_it_is(number: str) -> None:
    """Long and deep bodies are decoded in Python, whose scanner takes digits of other scripts."""
    found = set()
    for padding in ("", "[]," * 70, " " * LARGE):
        try:
            parse_body(f'{{"x":[{padding}0],"n":{number}}}'.encode())
        except MalformedBody as error:
            found.add(error.finding.rule)
        else:
            found.add("read")
    assert found in ({"read"}, {"GEN-1"})
