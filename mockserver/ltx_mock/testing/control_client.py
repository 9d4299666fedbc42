"""A client of the control plane, for a server in this process or elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ltx_mock.errors import ConflictError, LtxMockError, NotFoundError, SettingsError
from ltx_mock_contracts.io.json_text import read_json
from ltx_mock_contracts.validation.findings import show

if TYPE_CHECKING:
    from ltx_mock.server.thread import ServerThread

LOOK_SECONDS = 10.0
ACT_SECONDS = 600.0  # an advance waits for callback receivers
LARGEST_ANSWER = 256 * 1024 * 1024  # bytes; a journal may be that long
ERROR_OF = {400: SettingsError, 404: NotFoundError, 409: ConflictError}

Exchange = Callable[[str, str, bytes, float], tuple[int, bytes]]
"""Sends method, path with query, body, with a timeout in real seconds; returns status and body."""


class Admin:
    """The control plane as seen by one API key.

    Args:
        exchange: the way to the server.
        key: the API key whose world is meant.
    """

    def __init__(self, exchange: Exchange, key: str) -> None:
        self._exchange = exchange
        self._key = key

    def get(self, path: str, **params: object) -> dict[str, Any]:
        """Look at something."""
        return self._call("GET", path, {}, params)

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Change something."""
        return self._call("POST", path, body or {}, {})

    def delete(self, path: str) -> dict[str, Any]:
        """Forget something."""
        return self._call("DELETE", path, {}, {})

    def _call(self, method: str, path: str, body: dict[str, Any], params: dict[str, object]) -> dict[str, Any]:
        """Return what the server answers.

        Raises:
            LtxMockError: it answers an error or not at all; see `ltx_mock.errors` for the kinds.
        """
        query = urlencode({"key": self._key, **params})
        patience = LOOK_SECONDS if method == "GET" else ACT_SECONDS
        status, raw = self._exchange(method, f"{path}?{query}", json.dumps(body).encode() if body else b"", patience)
        try:
            told = read_json(raw)
        except ValueError:
            raise LtxMockError(
                f"{method} /__admin{path} answered HTTP {status} and no JSON; is it an ltx-mock?"
            ) from None
        if status != 200 or not isinstance(told, dict):
            problem = told.get("error", told) if isinstance(told, dict) else told
            raise ERROR_OF.get(status, LtxMockError)(problem if isinstance(problem, str) else show(problem))
        return told


def inside(server_thread: ServerThread) -> Exchange:
    """Return the way to a server of this process. It needs no token: who has the object may drive it."""
    from starlette.routing import Router  # noqa: PLC0415 - remote worlds do without

    from ltx_mock.asgi.in_process import call  # noqa: PLC0415
    from ltx_mock.control.routes import ControlPlane  # noqa: PLC0415

    app = Router(ControlPlane(server_thread.engine).routes())

    def exchange(method: str, target: str, body: bytes, patience: float) -> tuple[int, bytes]:
        reply = server_thread.wait_for(call(app, method, target, body=body), patience)
        return reply.status, reply.body

    return exchange


def over_http(root: str, token: str | None) -> Exchange:
    """Return the way to a server elsewhere; `root` is its URL without a path.

    It is no traffic of the app that is tested: mocks of httpx and requests do not see it.
    """
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})

    def exchange(method: str, target: str, body: bytes, patience: float) -> tuple[int, bytes]:
        from ltx_mock_contracts.io.http_client import HttpClient, NoAnswerError  # noqa: PLC0415 - only remote worlds need it

        client = HttpClient(patience)
        try:
            answer = client.send(method, f"{root}/__admin{target}", headers=headers, content=body, most=LARGEST_ANSWER)
        except NoAnswerError as error:
            raise LtxMockError(f"no answer from {root}: {error}") from error
        finally:
            client.close()
        return answer.status, answer.body

    return exchange
