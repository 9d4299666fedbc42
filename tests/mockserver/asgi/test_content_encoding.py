"""Bodies that come encoded are decoded within the bound, or refused with what is allowed."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.testing.tenant import World
from support.bodies import GENERATE, data_of, message_of, request_body

try:
    import brotli  # type: ignore[import-untyped]  # the dependency of nobody: decoded where it is installed
except ImportError:
    brotli = None

BODY = json.dumps(request_body()).encode()
MEBIBYTE = 1024 * 1024


def bare(body: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(body) + stream.flush()


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "X-Gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": bare,
    "identity": bytes,
    "": bytes,
    "gzip, identity": gzip.compress,
    "deflate, gzip": lambda body: gzip.compress(zlib.compress(body)),
    "GZIP": lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:]),
}
if brotli:
    CODINGS["br"] = brotli.compress
KNOWN = ", ".join(["gzip", "x-gzip", "deflate", *(["br"] if brotli else [])])
SINGLE = [coding for coding in ("gzip", "deflate", "br") if coding in CODINGS]
HARM: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda _: BODY,
    "cut": lambda whole: whole[:-3],
    "more after it": lambda whole: whole + b"x",
    "nothing of the kind": lambda _: b"\x00",
}


def send(client: httpx.Client, body: bytes, coding: str) -> httpx.Response:
    headers = {"content-type": "application/json", "content-encoding": coding}
    return client.post(GENERATE, content=body, headers=headers)


@pytest.mark.parametrize("coding", CODINGS)
def test_an_encoded_body_is_decoded_and_so_it_stands_in_the_journal(
    coding: str, client: httpx.Client, world: World
) -> None:
    assert data_of(send(client, CODINGS[coding](BODY), coding))["taskId"]
    assert world.requests[-1].body == request_body()


@pytest.mark.rule("ENV-3", "ENV-5")
@pytest.mark.parametrize(
    "coding", ["nonsense", "zstd", "compress", "gzip, nonsense", "gzip, gzip, gzip", "*", "gzip;q=1"]
)
def test_an_unknown_coding_is_415_that_says_what_is_allowed(coding: str, client: httpx.Client, world: World) -> None:
    answer = send(client, BODY, coding)
    message = message_of(answer, 415)
    assert message.startswith(f"Content-Encoding must be one of {KNOWN}, identity")
    assert coding in message
    assert answer.headers["accept-encoding"] == KNOWN
    assert not world.tasks


@pytest.mark.rule("GEN-1")
@pytest.mark.parametrize("coding", SINGLE)
@pytest.mark.parametrize("harm", HARM)
def test_a_body_that_is_not_so_encoded_is_refused(coding: str, harm: str, client: httpx.Client, world: World) -> None:
    message = message_of(send(client, HARM[harm](CODINGS[coding](BODY)), coding), 400)
    assert message == f"Content-Encoding is {coding}, but the body is not {coding}"
    assert not world.tasks


def test_of_many_empty_gzip_members_only_so_many_are_decoded(client: httpx.Client, world: World) -> None:
    members = [gzip.compress(b"")] * 62 + [gzip.compress(BODY)]
    assert send(client, b"".join(members), "gzip").status_code == 200
    message_of(send(client, b"".join([*members, *members]), "gzip"), 400)
    assert len(world.tasks) == 1


@pytest.mark.sample
@pytest.mark.rule("ENV-5")
@pytest.mark.parametrize("coding", [*SINGLE, "gzip, gzip"])
def test_a_bomb_stays_small(coding: str, client: httpx.Client) -> None:
    large = b" " * (64 * MEBIBYTE)
    body = gzip.compress(gzip.compress(large)) if coding == "gzip, gzip" else CODINGS[coding](large)
    assert "larger than 1048576 bytes" in message_of(send(client, body, coding), 413)


@pytest.mark.parametrize("coding", SINGLE)
def test_the_bound_is_that_of_a_plain_body(coding: str, client: httpx.Client) -> None:
    filled = BODY + b" " * (MEBIBYTE - len(BODY))
    assert send(client, CODINGS[coding](filled), coding).status_code == 200
    assert send(client, CODINGS[coding](filled + b" "), coding).status_code == 413


def test_the_control_plane_reads_encoded_bodies_too(server: MockServer, world: World) -> None:
    url, body = f"{server.url}/__admin/clock/advance?key={world.api_key}", b'{"seconds": 30}'
    for coding in SINGLE:
        answer = httpx.post(url, content=CODINGS[coding](body), headers={"content-encoding": coding})
        assert answer.json()["advanced"] == 30
    for wrong, told in (("nonsense", "must be one of gzip"), ("gzip", "is not gzip")):
        answer = httpx.post(url, content=body, headers={"content-encoding": wrong})
        assert (answer.status_code, told in answer.json()["error"]) == (400, True)
    bomb = gzip.compress(b" " * (64 * MEBIBYTE))
    answer = httpx.post(url, content=bomb, headers={"content-encoding": "gzip"})
    assert "larger than" in answer.json()["error"]
