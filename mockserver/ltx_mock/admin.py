"""A client of the control plane, for a server in this process or elsewhere."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from ltx_mock.errors import ConflictError, LtxMockError, NotFoundError, SettingsError

if TYPE_CHECKING:
    from ltx_mock.backstage import Backstage

LOOK_SECONDS = 10.0
ACT_SECONDS = 600.0  # an advance waits for callback receivers
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
            told = json.loads(raw)
        except ValueError:
            raise LtxMockError(
                f"{method} /__admin{path} answered HTTP {status} and no JSON; is it an ltx-mock?"
            ) from None
        if status != 200:
            problem = told.get("error", told) if isinstance(told, dict) else told
            raise ERROR_OF.get(status, LtxMockError)(str(problem))
        return told  # type: ignore[no-any-return]


def inside(backstage: Backstage) -> Exchange:
    """Return the way to a server of this process. It needs no token: who has the object may drive it."""
    from starlette.routing import Router  # noqa: PLC0415 - remote worlds do without

    from ltx_mock.control import ControlPlane  # noqa: PLC0415
    from ltx_mock.inprocess import call  # noqa: PLC0415

    app = Router(ControlPlane(backstage.engine).routes())

    def exchange(method: str, target: str, body: bytes, patience: float) -> tuple[int, bytes]:
        reply = backstage.wait_for(call(app, method, target, body=body), patience)
        return reply.status, reply.body

    return exchange


def over_http(root: str, token: str | None) -> Exchange:
    """Return the way to a server elsewhere; `root` is its URL without a path."""
    parts = urlsplit(root)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})

    def exchange(method: str, target: str, body: bytes, patience: float) -> tuple[int, bytes]:
        connection = connect(parts.hostname or "", parts.port, timeout=patience)
        try:
            connection.request(method, f"{parts.path}/__admin{target}", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise LtxMockError(f"no answer from {root}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()

    return exchange
