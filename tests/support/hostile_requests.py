"""Requests that nobody should send, drawn from a seeded generator."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from support.bodies import IMAGE_LORA, TEXT, TEXT_LORA, request_body

Header = tuple[bytes, bytes]

PATHS = [
    "/api/v1/generateTask/ltx-2-19b",
    "/generateTask/ltx-2-19b",
    "/api/v1/statusTask/ltx-2-19b",
    "/statusTask/ltx-2-19b",
    "/api/v1/generateTask/ltx-2-19b/",
    "/",
    "//",
    "/files/",
    "/files/results/task_x.mp4",
    "/files/results/\x00.mp4",
    "/files/../../etc/passwd",
    "/files/images/reference.jpg",
    "/__admin",
    "/__admin/tasks",
    "/__admin/tasks/\ud7ff",
    "/__admin/requests",
    "/__admin/clock",
    "/__admin/clock/advance",
    "/__admin/reset",
    "/__admin/tasks/task_x/finish",
    "/__admin/settings",
    "/__admin/callbacks",
    "/__admin/schemas/../x",
    "/\u202e",
    "/" + "x" * 5000,
]
POSTED = ("generateTask/ltx-2-19b", "/clock", "/advance", "/reset", "/finish")
METHODS = ["GET", "POST", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW", "get"]
KEYS = [
    b"Bearer a",
    b"Bearer b",
    b"bearer c",
    b"Bearer",
    b"",
    b"Basic YTpi",
    b"Bearer a b",
    b"Bearer \xff\xfe",
    b"\x00",
]
TYPES = [b"application/json", b"application/json", b"text/plain", b"\xff", b"application/" + b"+" * 3000, b";", b""]
HOSTS = [
    b"127.0.0.1:80",
    b"localhost",
    b"127.0.0.\xb2",
    b"[",
    b"[::1",
    b"a:99999",
    b"\xe2\x84\x80.com",
    b"",
    b"x" * 300,
]
ORIGINS = [b"http://localhost:3000", b"null", b"http://[", b"\xff", b"http://evil.example"]
OTHERS: list[Header] = [
    (b"range", b"bytes=0-0,5-,-1"),
    (b"range", b"bytes=" + b"9" * 5000 + b"-"),
    (b"range", b"bytes=5-1"),
    (b"if-none-match", b'W/"' + b"x" * 999),
    (b"if-range", b"\xff"),
    (b"access-control-request-method", b"POST"),
    (b"access-control-request-headers", b"\xff\x00"),
    (b"x-forwarded-for", b"\xff,,"),
    (b"x-forwarded-proto", b"gopher"),
    (b"sec-fetch-site", b"cross-site"),
    (b"cookie", b"a=\xff"),
    (b"content-encoding", b"gzip"),
    (b"expect", b"100-continue"),
]
QUERIES = [
    b"",
    b"taskId=task_x",
    b"taskId=",
    b"taskId=%",
    b"taskId=%ff%00%ed%a0%80",
    b"taskId=\xff",
    b"taskId[]=1&taskId=2",
    b"&&==&=;",
    b"key=a",
    b"key=",
    b"key=%ed%a0%80",
    b"limit=-1",
    b"limit=%D9%A3",
    b"limit=999999999999",
    b"state=%00",
    b"taskId=" + b"x" * 4000,
]
VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    2**31,
    2**64,
    -(10**250),
    1e308,
    5e-324,
    "",
    "\x00",
    "\ud7ff\uffff",
    "💥" * 200,
    "http://127.0.0.²/",
    "http://[1.2]/",
    "http://[@h/",
    "http://\u2100.example/",
    "https://a.invalid/",
    "javascript:alert(1)",
    "\x1b[2J\r\n",
    "[[content-violation]]",
    "[[" * 300,
    [],
    {},
    [[[]]],
    {"\u2028": {"__proto__": None}},
    ["http://a.example/x"] * 50,
    {str(number): number for number in range(60)},
]
RAW = [b"", b"{", b"null", b"NaN", b"[" * 2000, b'{"a":' * 500, b'"\\ud800"', b"\xff\xfe{\x00", b"1e999", b"9" * 6000]
RAW += [b'{"seconds": 1e300}', b'{"seconds": 30}', b'{"seconds": NaN}', b'{"mode": "\\ud800"}', b'{"speed": 1e-300}']


class Request(NamedTuple):
    """One request, in the parts that ASGI knows."""

    method: str
    path: str
    query: bytes
    headers: list[Header]
    body: bytes


def hostile_request(random: Random) -> Request:
    """Draw one: most are wrong in one or two places only, so that they get far before they are found out."""
    path = random.choice(PATHS[:4] if random.random() < 0.7 else PATHS)
    usual = "POST" if path.endswith(POSTED) else "GET"
    method = usual if random.random() < 0.8 else random.choice(METHODS)
    headers = [(b"authorization", random.choice(KEYS[:3] if random.random() < 0.85 else KEYS))]
    if random.random() < 0.9:
        headers.append((b"content-type", random.choice(TYPES[:2] if random.random() < 0.85 else TYPES)))
    headers.append((b"host", random.choice(HOSTS[:2] if random.random() < 0.7 else HOSTS)))
    if random.random() < 0.2:
        headers.append((b"origin", random.choice(ORIGINS)))
    headers += random.sample(OTHERS, random.choice([0, 0, 0, 1, 3]))
    query = random.choice(QUERIES[1:2] if random.random() < 0.3 else QUERIES)
    return Request(method, path, query, headers, hostile_body(random) if method in {"POST", "PUT"} else b"")


def hostile_body(random: Random) -> bytes:
    """Draw bytes: noise, broken JSON, or a good request with something bad in it."""
    kind = random.random()
    if kind < 0.1:
        return random.randbytes(random.randrange(200))
    if kind < 0.35:
        return random.choice(RAW)
    good = copy.deepcopy(request_body(random.choice([TEXT, TEXT_LORA, IMAGE_LORA])))
    if kind < 0.65:
        return json.dumps(good).encode()
    if kind < 0.8:
        raw = bytearray(json.dumps(good).encode())
        raw[random.randrange(len(raw))] = random.randrange(256)
        return bytes(raw[: random.randrange(len(raw))] if random.random() < 0.3 else raw)
    target = random.choice([good, good["input"], good["input"]])
    target[random.choice([*target, "callback_url", "request_type", "seed", "x"])] = random.choice(VALUES)
    return json.dumps(good, ensure_ascii=random.random() < 0.5).encode()


def hostile_bytes(random: Random) -> bytes:
    """Draw what comes over a connection, HTTP or not."""
    return random.choice(_CONNECTIONS)(random)


def _plain(random: Random) -> bytes:
    request = hostile_request(random)
    target = request.path.encode("utf-8", "replace") + (b"?" + request.query if request.query else b"")
    lines = [
        request.method.encode() + b" " + target + b" HTTP/1.1",
        *(name + b": " + value for name, value in request.headers),
    ]
    lines.append(b"content-length: %d" % len(request.body))
    return b"\r\n".join([*lines, b"connection: close", b"", request.body])


def _cut(random: Random) -> bytes:
    raw = _plain(random)
    return raw[: random.randrange(len(raw))]


def _flipped(random: Random) -> bytes:
    raw = bytearray(_plain(random))
    for _ in range(3):
        raw[random.randrange(min(len(raw), 200))] = random.randrange(256)
    return bytes(raw)


def _noise(random: Random) -> bytes:
    return random.randbytes(random.randrange(1, 500))


def _odd(random: Random) -> bytes:
    post = b"POST /generateTask/ltx-2-19b HTTP/1.1\r\nhost: x\r\nauthorization: Bearer a\r\n"
    return random.choice(
        [
            post + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
            post + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            post + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}",
            post + b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n{}",
            post + b"content-length: -1\r\n\r\n{}",
            post + b"content-length: 99999999999999999999999\r\n\r\n{}",
            post + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}x",
            post + b"expect: 100-continue\r\ncontent-length: 2\r\n\r\n{}",
            post + b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\r\n",
            b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET / HTTP/1.0\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET http://evil.example/statusTask/ltx-2-19b HTTP/1.1\r\nhost: x\r\n\r\n",
            b"CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\n\r\n",
            b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
            b"GET /\xff\xfe?\xff HTTP/1.1\r\nhost: x\r\n\r\n",
            b"GET /%zz%ff%00 HTTP/1.1\r\nhost: x\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 2000 + b"\r\n",
            b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
            b"\r\n" * 500,
            b"GET /statusTask/ltx-2-19b HTTP/1.1\r\nhost: x\r\n\r\n" * 20,
        ]
    )


_CONNECTIONS: list[Callable[[Random], bytes]] = [_plain, _plain, _plain, _cut, _flipped, _noise, _odd, _odd]
