"""Bytes over HTTP: ranges, conditions and HEAD, whatever a client sends."""

from __future__ import annotations

import asyncio
import string
from collections.abc import MutableMapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ltx_mock.asgi.byte_ranges import CHUNK_BYTES, BytesResponse, parse_range

CONTENT = bytes(range(100))
POSITIONS = st.one_of(st.integers(0, 120), st.integers(0, 10**30))


class Answer:
    """What a response sent over ASGI."""

    def __init__(self, messages: list[MutableMapping[str, Any]]) -> None:
        start, *self.pieces = messages
        self.status: int = start["status"]
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}
        assert len(self.headers) == len(start["headers"]), "a header is there twice"
        assert [piece["more_body"] for piece in self.pieces] == [True] * (len(self.pieces) - 1) + [False]
        self.body = b"".join(piece["body"] for piece in self.pieces)


def call(response: BytesResponse, method: str = "GET", **headers: str) -> Answer:
    messages: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        messages.append(message)

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError("the response needs nothing from the client")

    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    asyncio.run(response({"type": "http", "method": method, "headers": raw}, receive, send))
    return Answer(messages)


def serve(method: str = "GET", **headers: str) -> Answer:
    return call(BytesResponse(CONTENT, media_type="video/mp4", etag="v1"), method, **headers)


def test_the_whole_content_comes_with_the_headers_of_a_file() -> None:
    answer = serve()
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers == {
        "accept-ranges": "bytes",
        "content-type": "video/mp4",
        "etag": '"v1"',
        "content-length": "100",
    }


def test_head_tells_the_same_as_get_without_the_body() -> None:
    answer = serve("HEAD", range="bytes=0-9")
    assert (answer.status, answer.headers, answer.body) == (200, serve().headers, b"")


@pytest.mark.parametrize(
    ("header", "body", "content_range"),
    [
        ("bytes=0-0", CONTENT[:1], "bytes 0-0/100"),
        ("bytes=0-", CONTENT, "bytes 0-99/100"),
        ("bytes=10-19", CONTENT[10:20], "bytes 10-19/100"),
        ("bytes=90-", CONTENT[90:], "bytes 90-99/100"),
        ("bytes=90-18446744073709551615", CONTENT[90:], "bytes 90-99/100"),
        ("bytes=-10", CONTENT[-10:], "bytes 90-99/100"),
        ("bytes=-1000", CONTENT, "bytes 0-99/100"),
        ("Bytes=99-99", CONTENT[99:], "bytes 99-99/100"),
    ],
)
def test_a_single_range_answers_206_with_that_part(header: str, body: bytes, content_range: str) -> None:
    answer = serve(range=header)
    assert (answer.status, answer.body) == (206, body)
    assert answer.headers["content-range"] == content_range
    assert answer.headers["content-length"] == str(len(body))


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", f"bytes={10**30}-"])
def test_a_range_past_the_end_answers_416_with_the_length(header: str) -> None:
    answer = serve(range=header)
    assert (answer.status, answer.body) == (416, b"")
    assert (answer.headers["content-range"], answer.headers["content-length"]) == ("bytes */100", "0")


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=", "bytes=-", "bytes=9-1", "bytes=a-b", "items=0-1", "bytes=0-1,5-6", "bytes=--1", "bytes=²-"],
)
def test_a_malformed_or_multiple_range_is_ignored(header: str) -> None:
    answer = serve(range=header)
    assert (answer.status, answer.body) == (200, CONTENT)
    assert "content-range" not in answer.headers


def test_a_number_of_thousands_of_digits_is_ignored() -> None:
    assert serve(range=f"bytes=0-{'9' * 10_000}").status == 200


@pytest.mark.parametrize(
    ("condition", "status"),
    [('"v1"', 206), ('"v2"', 200), ('W/"v1"', 200), ("Sun, 06 Nov 1994 08:49:37 GMT", 200), ("", 200)],
)
def test_if_range_gives_the_part_of_the_same_version_only(condition: str, status: int) -> None:
    assert serve(range="bytes=0-9", if_range=condition).status == status


def test_if_range_takes_the_last_modified_date_that_was_told() -> None:
    date = "Sun, 06 Nov 1994 08:49:37 GMT"
    response = BytesResponse(CONTENT, media_type="video/mp4", headers={"Last-Modified": date})
    assert call(response, range="bytes=0-9", if_range=date).status == 206
    assert call(response, range="bytes=0-9", if_range="Mon, 07 Nov 1994 08:49:37 GMT").status == 200


@pytest.mark.parametrize("condition", ['"v1"', "*", 'W/"v1"', '"a", "v1"', '"a,b",W/"v1"'])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_none_match_answers_304_when_the_client_has_this_version(method: str, condition: str) -> None:
    answer = serve(method, if_none_match=condition, range="bytes=0-9")
    assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", '"v1"')
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("condition", ['"v2"', "v1", "", '"v1', '"*"', "W/v1"])
def test_if_none_match_of_another_version_gets_the_content(condition: str) -> None:
    assert serve(if_none_match=condition).status == 200


def test_an_etag_is_made_from_the_content_when_none_is_given() -> None:
    etags = [
        call(BytesResponse(content, media_type="text/plain")).headers["etag"] for content in (b"one", b"two", b"one")
    ]
    assert etags[0] == etags[2] != etags[1]


def test_content_is_made_only_when_it_is_needed() -> None:
    made: list[bytes] = []

    def content() -> bytes:
        made.append(CONTENT)
        return CONTENT

    response = BytesResponse(content, media_type="video/mp4", etag="v1")
    assert call(response, if_none_match='"v1"').status == 304
    assert made == []
    assert call(response).body == CONTENT
    assert made == [CONTENT]


def test_further_headers_go_out_with_every_answer() -> None:
    response = BytesResponse(
        CONTENT, media_type="video/mp4", etag="v1", headers={"Content-Disposition": 'attachment; filename="a.mp4"'}
    )
    for headers in ({}, {"range": "bytes=0-9"}, {"range": "bytes=200-"}, {"if_none_match": "*"}):
        assert call(response, **headers).headers["content-disposition"] == 'attachment; filename="a.mp4"'


def test_a_long_body_goes_out_in_pieces() -> None:
    content = bytes(3 * CHUNK_BYTES + 1)
    answer = call(BytesResponse(content, media_type="video/mp4"))
    assert answer.body == content
    assert max(len(piece["body"]) for piece in answer.pieces) == CHUNK_BYTES


def test_empty_content_is_served_whole_whatever_the_range() -> None:
    answer = call(BytesResponse(b"", media_type="text/plain"), range="bytes=-5")
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "0", b"")


@given(first=st.none() | POSITIONS, last=st.none() | POSITIONS, size=st.integers(0, 110))
def test_a_range_is_the_positions_of_the_file_that_lie_in_it(first: int | None, last: int | None, size: int) -> None:
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    positions = [
        position
        for position in range(size)
        if (position >= size - (last or 0) if first is None else first <= position <= (size if last is None else last))
    ]
    ignored = size == 0 or (last is None if first is None else last is not None and last < first)
    part = parse_range(header, size)
    assert part is None if ignored else part is not None and list(part) == positions


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(["range", "if_range", "if_none_match"], st.text(string.digits + '-=,"*W/ bytesé'))
    )
)
@example({"range": "bytes=" + "-" * 5000})
@example({"if_none_match": '"' * 5001})
def test_no_header_makes_it_fail(headers: dict[str, str]) -> None:
    answer = serve(**headers)
    assert answer.status in {200, 206, 304, 416}
    assert int(answer.headers.get("content-length", 0)) == len(answer.body)
