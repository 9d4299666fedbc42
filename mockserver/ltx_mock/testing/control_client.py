"""The control plane client of one tenant or of all, with the errors of `ltx_mock`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ltx_mock.errors import ConflictError, LtxMockError, NotFoundError, SettingsError
from ltx_mock_contracts.control_client import ControlClient, ControlError, Transport
from ltx_mock_contracts.io.reply import NoReplyError

if TYPE_CHECKING:
    from ltx_mock.server.thread import ServerThread

ERROR_OF = {400: SettingsError, 404: NotFoundError, 409: ConflictError}


class NoResponseError(LtxMockError):
    """Nobody answers at the URL of the server."""


class Admin(ControlClient):
    """A client of the control plane, for one API key or for all.

    Args:
        transport: sends the requests.
        root: the server's URL without a path.
        key: the API key of the tenant; by default all tenants are meant.
    """

    def __init__(self, transport: Transport, root: str, key: str | None = None) -> None:
        super().__init__(transport, root, None if key is None else {"key": key})

    def greet(self) -> None:
        """See `ControlClient`; raises `LtxMockError`."""
        with self._own_errors():
            super().greet()

    def call(self, method: str, path: str, body: object = None, /, **params: object) -> dict[str, Any]:
        """See `ControlClient`.

        Raises:
            LtxMockError: an error response, or none; see `ltx_mock.errors` for the kinds.
        """
        with self._own_errors():
            return super().call(method, path, body, **params)

    @contextmanager
    def _own_errors(self) -> Iterator[None]:
        try:
            yield
        except NoReplyError as error:
            raise NoResponseError(f"no response from {self.root}: {error}") from error
        except ControlError as error:
            raise ERROR_OF.get(error.status, LtxMockError)(error.reason) from None


def transport_to(server_thread: ServerThread) -> Transport:
    """Return a transport to a server of this process, without a token."""
    from starlette.routing import Router  # noqa: PLC0415 - remote worlds do without

    from ltx_mock.asgi.in_process import call  # noqa: PLC0415
    from ltx_mock.control.routes import ControlPlane  # noqa: PLC0415

    app = Router(ControlPlane(server_thread.engine).routes())

    def transport(method: str, target: str, body: bytes | None, timeout: float, /) -> tuple[int, bytes]:
        reply = server_thread.wait_for(call(app, method, target, body=body or b""), timeout)
        return reply.status, reply.body

    return transport
