"""A scanner finds no marked secret in any file, wherever in an exchange it was, and in whatever form it came back."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ltx_mock.client_checks.programs import free_port
from ltx_mock_contracts.recordings import read_recordings
from mockserver.upstream.test_record import recording
from support.bodies import GENERATE, STATUS, TEXT, request_body
from support.raw_upstream import RawUpstream, response
from support.receivers import Receiver
from support.secrets import FORMS, escaped, found_in, marked, texts

pytestmark = pytest.mark.sample(3)

KEY = f"live/key+{marked(0)}"
COOKIE = f"id={marked(1)}cookie; other={marked(2)}"
HEADERS = {
    "Authorization": f"Bearer {KEY}",
    "Cookie": COOKIE,
    "X-Api-Key": f"{marked(3)}header",
    "X-Trace": f"{marked(4)}",
    "User-Agent": f"app {marked(5)}",
    "Proxy-Authorization": f"Basic {marked(6)}",
}
CALLBACK = f"https://me:{marked(7)}@app.example/done?user={marked(8)}&t={marked(9)}#{marked(10)}"
CUSTOMER = f"Jane {marked(11)}"
PROMPT = f"a fox called {marked(12)}"
OPTIONS = ("--redact-field", "input.customer", "--keep-prompts", "no")
IDS = ("task_1", f"task-{marked(13)}@mail.example")


def echoes() -> list[str]:
    """Return texts that repeat the secrets of the request, which have no form by which they could be known."""
    known = [KEY, f"{marked(1)}cookie", f"{marked(3)}header", marked(8), CUSTOMER, PROMPT]
    return [form(each) for each in known for form in (str, escaped, lambda text: json.dumps(text)[1:-1])]


def envelope(state: str, task_id: str, number: int) -> dict[str, Any]:
    """Return the body of a status with a secret in every place."""
    every = [*texts(number), *echoes()]
    return {
        "code": 200,
        "message": " ".join(every),
        "data": {
            "taskId": task_id,
            "state": state,
            "failMsg": " ".join(every),
            "resultJson": json.dumps({"resultUrls": every, "token": marked(number)}),
            "token": marked(number),
            "nested": {"auth": [marked(number), {"x": marked(number)}]},
            **dict.fromkeys(every, number),
        },
        "echoed": {"callback_url": CALLBACK, "apiKey": marked(number), "prompt": PROMPT},
    }


def raw(status: str, body: bytes) -> bytes:
    """Return a response with a secret in each header."""
    cookies = f"Set-Cookie: session={marked(20)}set; Path=/"
    headers = (f"X-Secret: {marked(21)}", f"WWW-Authenticate: Bearer realm=x, token={marked(22)}", cookies)
    location = f"Location: https://me:{marked(23)}@h.example/?x={marked(24)}"
    return response(body, status, *headers, location, f"Content-Type: text/plain; token={marked(25)}")


def responses(task_id: str) -> list[list[bytes]]:
    """Return everything that the API says: the task, each state, errors in every form."""
    created = {"code": 200, "message": " ".join(echoes()), "data": {"taskId": task_id, "secret": marked(30)}}
    texts_of_errors = " ".join([*texts(40), *echoes(), f"password={marked(41)}", f"see https://h/?x={marked(42)}"])
    cut = json.dumps({"token": marked(43), "prompt": PROMPT, "callback_url": CALLBACK})[:-1]
    bodies = [
        ("200 OK", json.dumps(created).encode()),
        *(("200 OK", json.dumps(envelope(state, task_id, 50)).encode()) for state in ("pending", "odd", "success")),
        ("500 Internal Server Error", texts_of_errors.encode()),
        ("502 Bad Gateway", f"<p>{texts_of_errors} set {marked(20)}set</p>".encode()),
        ("502 Bad Gateway", b"\xff\xfe" + texts_of_errors.encode()),
        ("503 Service Unavailable", cut.encode()),
    ]
    return [[raw(status, body)] for status, body in bodies]


def request() -> dict[str, Any]:
    """Return a request with a secret in every place."""
    every = [*texts(60), KEY, f"{marked(1)}cookie"]
    loras = [{"path": text, "scale": 1, "token": marked(61)} for text in every]
    more = {"request_type": "callback", "callback_url": CALLBACK, "webhook": f"https://h/?{marked(62)}"}
    body = request_body(TEXT, prompt=PROMPT, negative_prompt=PROMPT, image_urls=every, loras=loras, customer=CUSTOMER)
    return {**body, **more, "password": marked(63), "note": f"for {CUSTOMER}", **dict.fromkeys(every, 1)}


@pytest.mark.parametrize("task_id", IDS)
def test_no_secret_is_in_any_file(task_id: str, tmp_path: Path) -> None:
    with (
        RawUpstream(*responses(task_id)) as api,
        recording(api.url, tmp_path, *OPTIONS) as recorder,
        recorder.client() as client,
    ):
        client.headers.update(HEADERS)
        query = {"token": marked(70), "x": marked(71)}
        assert client.post(GENERATE, json=request(), params=query).status_code == 200
        for _ in range(7):
            client.get(STATUS, params={"taskId": task_id})
    (told,) = read_recordings(tmp_path).recordings
    assert len(told.answers) == 7
    assert told.end is not None
    assert found_in(tmp_path) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"not json ", b"\xff"])
def test_no_secret_of_a_request_that_is_refused_is_in_any_file(body: bytes, tmp_path: Path) -> None:
    sent = body + json.dumps(request())[:-1].encode() + f" password={marked(63)}".encode()
    refusal = raw("400 Bad Request", " ".join([*texts(40), *echoes()[:-6]]).encode())
    with (
        RawUpstream([refusal]) as api,
        recording(api.url, tmp_path, "--keep-prompts", "no") as recorder,
        recorder.client() as client,
    ):
        client.headers.update(HEADERS)
        assert client.post(GENERATE, content=sent).status_code == 400
    (told,) = read_recordings(tmp_path).recordings
    assert told.task_id is None
    assert found_in(tmp_path) == []


def test_no_secret_of_a_callback_is_in_any_file(tmp_path: Path) -> None:
    with Receiver(200) as app, RawUpstream(*responses("task_1")) as api:
        port = free_port()
        public = f"http://127.0.0.1:{port}"
        options = ("--port", str(port), "--callback-url", public, *OPTIONS)
        with recording(api.url, tmp_path, *options) as recorder, recorder.client() as client:
            client.headers.update(HEADERS)
            client.post(GENERATE, json=request() | {"callback_url": f"{app.url}?user={marked(8)}&token={marked(80)}"})
            url = json.loads(api.take().body)["callback_url"]
            assert urlsplit(url).path.startswith("/callbacks/")
            content = json.dumps(
                envelope("success", "task_1", 81) | {"echoed": f"{app.url}?user={marked(8)}&token={marked(80)}"}
            )
            assert client.post(url, content=content).status_code == 200
    (told,) = read_recordings(tmp_path).recordings
    assert len(told.callbacks) == 1
    assert urlsplit(url).path.rpartition("/")[2] not in (tmp_path / "task_1.json").read_text()
    assert found_in(tmp_path) == []


@pytest.mark.parametrize("form", FORMS)
def test_the_scanner_finds_what_is_there(form: str, tmp_path: Path) -> None:
    text = FORMS[form].format(marked(1))
    units = "".join(f"\\u{ord(letter):04x}" for letter in text)
    for raw_form in (text.encode(), escaped(text).encode(), b64encode(text.encode()), units.encode()):
        (tmp_path / "file").write_bytes(b'{"a": "' + raw_form + b'"}')
        assert found_in(tmp_path)
