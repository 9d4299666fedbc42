"""The same requests with HTTP clients that have nothing in common: httpx, requests, http.client."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import requests

from ltx_mock.testing.tenant import World
from support.bodies import GENERATE, STATUS, request_body
from support.waiting import SECONDS


class Told(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> dict[str, Any]:
        """What is in the envelope of a success."""
        told = json.loads(self.body)
        assert self.status == 200, told
        return dict(told["data"])


class Lost(Exception):  # noqa: N818 - it is what is expected
    """No whole answer came. The text says what the client makes of it."""


Send = Callable[[str, str, dict[str, str], bytes | None, float], Told]
"""Sends method, URL, headers and body, with a timeout in seconds."""


def with_httpx(method: str, url: str, headers: dict[str, str], body: bytes | None, patience: float) -> Told:
    try:
        with httpx.Client(trust_env=False, verify=False, timeout=patience) as client:
            answer = client.request(method, url, headers=headers, content=body)
    except httpx.TransportError as error:
        raise Lost(f"{type(error).__name__}: {error}") from error
    return Told(answer.status_code, dict(answer.headers), answer.content)


def with_requests(method: str, url: str, headers: dict[str, str], body: bytes | None, patience: float) -> Told:
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, url, headers=headers, data=body, timeout=patience)
    except requests.RequestException as error:
        raise Lost(f"{type(error).__name__}: {error}") from error
    lower = {name.lower(): value for name, value in answer.headers.items()}
    return Told(answer.status_code, lower, answer.content)


def with_http_client(method: str, url: str, headers: dict[str, str], body: bytes | None, patience: float) -> Told:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=patience)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body, headers)
        answer = connection.getresponse()
        return Told(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    except (OSError, http.client.HTTPException) as error:
        raise Lost(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()


CLIENTS: dict[str, Send] = {"httpx": with_httpx, "requests": with_requests, "http.client": with_http_client}


class Caller:
    """One of these clients, with the key of a world."""

    def __init__(self, send: Send, world: World) -> None:
        self._send = send
        self.world = world

    def generate(self, *, headers: Mapping[str, str] = {}, patience: float = SECONDS, **changes: Any) -> Told:
        """Ask for a video; `callback_url` makes it a callback task."""
        url = changes.pop("callback_url", None)
        body = request_body(**changes) | ({"request_type": "callback", "callback_url": url} if url else {})
        sent = {"content-type": "application/json", **headers}
        return self._call("POST", self.world.base_url + GENERATE, sent, json.dumps(body).encode(), patience)

    def submit(self, **changes: Any) -> str:
        """Have a task made and return its id."""
        return str(self.generate(**changes).data["taskId"])

    def status(self, task_id: str, *, headers: Mapping[str, str] = {}, patience: float = SECONDS) -> Told:
        """Ask for the status of a task."""
        return self._call("GET", f"{self.world.base_url}{STATUS}?taskId={task_id}", headers, None, patience)

    def download(self, task_id: str, *, headers: Mapping[str, str] = {}) -> Told:
        """Fetch the video of a task; whether it is there is not asked before."""
        return self._call("GET", f"{self.world.url}/files/results/{task_id}.mp4", headers, None, SECONDS)

    def _call(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, patience: float) -> Told:
        return self._send(method, url, {"authorization": f"Bearer {self.world.api_key}", **headers}, body, patience)
