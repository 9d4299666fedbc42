"""What several test files need: bodies to send, answers to take apart, and a way past the socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import httpx
    from starlette.types import ASGIApp

GENERATE = "/generateTask/ltx-2-19b"
STATUS = "/statusTask/ltx-2-19b"
MINUTE = 60
DAY = 24 * 60 * MINUTE

TEXT: dict[str, Any] = {
    "mode": "text-to-video",
    "prompt": "a futuristic city with flying cars at sunset",
    "resolution": "480p",
    "duration": 5,
}
IMAGE: dict[str, Any] = TEXT | {"mode": "image-to-video", "image_urls": ["https://example.com/ref.jpg"]}
LORAS = [{"path": "https://example.com/style.safetensors?download=true", "scale": 1.2}]
TEXT_LORA: dict[str, Any] = TEXT | {"mode": "text-to-video-LoRA", "loras": LORAS}
IMAGE_LORA: dict[str, Any] = IMAGE | {"mode": "image-to-video-LoRA", "loras": LORAS}


def request_body(source: Mapping[str, Any] = TEXT, /, **changes: Any) -> dict[str, Any]:
    """Return a body around one of the inputs above; a change to `...` takes the field away."""
    changed = {**source, **changes}
    return {"input": {name: value for name, value in changed.items() if value is not ...}}


def post(client: httpx.Client, body: Any) -> httpx.Response:
    """Send a body to generateTask; bytes go as they are."""
    if isinstance(body, bytes):
        return client.post(GENERATE, content=body, headers={"content-type": "application/json"})
    return client.post(GENERATE, json=body)


def submit(client: httpx.Client, source: Mapping[str, Any] = TEXT, /, **changes: Any) -> str:
    """Have a task made and return its id."""
    told = data_of(post(client, request_body(source, **changes)))
    assert list(told) == ["taskId"]
    return str(told["taskId"])


def ask(client: httpx.Client, task_id: str) -> dict[str, Any]:
    """Return what statusTask says of a task."""
    return data_of(client.get(STATUS, params={"taskId": task_id}))


def data_of(response: httpx.Response) -> dict[str, Any]:
    """Take a success out of its envelope (ENV-1, ENV-2)."""
    assert response.status_code == 200, response.text
    envelope = response.json()
    assert (list(envelope), envelope["code"], envelope["message"]) == (["code", "message", "data"], 200, "success")
    assert isinstance(envelope["data"], dict)
    return dict(envelope["data"])


def message_of(response: httpx.Response, status: int) -> str:
    """Take the message of an error out of its envelope (ENV-1, ENV-3, ENV-4)."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    return message_in(response.content, status)


def message_in(raw: bytes, status: int) -> str:
    """Do the same for the bytes of an answer."""
    envelope = json.loads(raw)
    assert (list(envelope), envelope["code"], envelope["data"]) == (["code", "message", "data"], status, None)
    assert isinstance(envelope["message"], str)
    assert envelope["message"].strip()
    return envelope["message"]


class Reply(NamedTuple):
    """What an ASGI application sent."""

    status: int
    headers: dict[str, str]
    body: bytes


async def call(
    app: ASGIApp,
    method: str,
    path: str,
    *,
    query: bytes = b"",
    headers: Iterable[tuple[bytes, bytes]] = (),
    chunks: Iterable[bytes] = (b"",),
) -> Reply:
    """Send one request straight into an ASGI application: nothing on the way tidies it up."""
    parts = list(chunks)
    incoming = [
        {"type": "http.request", "body": part, "more_body": index < len(parts) - 1} for index, part in enumerate(parts)
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        if incoming:
            return incoming.pop(0)
        await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "query_string": query,
        "root_path": "",
        "headers": list(headers),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)
    start = sent[0]
    named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]}
    return Reply(start["status"], named, b"".join(message.get("body", b"") for message in sent[1:]))
