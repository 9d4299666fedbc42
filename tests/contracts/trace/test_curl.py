"""A command line that makes a request again: one line of ASCII, and the very same bytes when a shell runs it."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from ltx_mock_contracts.receiver import HttpReceiver, Request, Response
from ltx_mock_contracts.trace.curl import curl_command

URL = "http://server.example/path"
HOSTILE = "it's $(id) `x` \\ % \n\x1b[2J \x7f é 城"
BODIES = {
    "an object": ({"prompt": HOSTILE}, json.dumps({"prompt": HOSTILE}).encode()),
    "no object": ([1, None], b"[1, null]"),
    "a text": (HOSTILE, HOSTILE.encode()),
    "a file's name": ("@/etc/passwd", b"@/etc/passwd"),
    "an option": ("--help é", "--help é".encode()),
    "bytes": (b"\0\xff'%d\\n\n", b"\0\xff'%d\\n\n"),
    "nothing": (None, b""),
}


@pytest.mark.curl
@pytest.mark.parametrize(("body", "sent"), BODIES.values(), ids=BODIES)
def test_what_a_shell_makes_of_it_is_the_request(body: object, sent: bytes) -> None:
    asked: list[Request] = []

    def respond(request: Request) -> Response:
        asked.append(request)
        return Response()

    with HttpReceiver(respond) as receiver:
        url = f"http://127.0.0.1:{receiver.port}/a%20b?x[1]='$(id)'"
        line = curl_command("POST", url, body)
        assert line.isascii()
        assert line.isprintable()
        line = line.replace("curl ", "curl -sS --noproxy '*' ")
        subprocess.run(["sh", "-c", line], env=os.environ | {"API_KEY": "the-key"}, check=True, capture_output=True)
    (request,) = asked
    assert (request.method, request.path) == ("POST", "/a%20b?x[1]='$(id)'")
    assert request.headers["authorization"] == "Bearer the-key"
    assert request.body == sent


@pytest.mark.parametrize(
    ("method", "url", "line"),
    [
        ("GET", URL, f"curl {URL}"),
        ("DELETE", URL, f"curl -X DELETE {URL}"),
        ("GET", "/path?a=b c", "curl \"$BASE_URL\"'/path?a=b%20c'"),
        ("GET", "http://user:pass@server.example/path", f"curl {URL}"),
    ],
)
def test_a_url_is_quoted_and_has_no_password(method: str, url: str, line: str) -> None:
    assert curl_command(method, url, authorization=None) == line
    assert curl_command(method, url) == f'{line} -H "Authorization: Bearer $API_KEY"'


def test_a_method_that_is_no_text_is_quoted_too() -> None:
    assert curl_command("\ud800'", URL).startswith("curl -X %3F%27 ")
