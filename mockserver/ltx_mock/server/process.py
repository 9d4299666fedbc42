"""Requirements of a server thread on its process: real threads, and no inherited sockets in child processes."""

from __future__ import annotations

import _thread
import contextlib
import os
from collections.abc import Iterable
from types import BuiltinFunctionType
from typing import Protocol
from weakref import WeakSet

from ltx_mock.errors import LtxMockError


class HasSockets(Protocol):
    """A server with open sockets."""

    def open_sockets(self) -> Iterable[int]:
        """Return their file descriptors."""


_servers: WeakSet[HasSockets] = WeakSet()


def require_threads(what: str) -> None:
    """Raise if a library has replaced threads by green threads.

    Raises:
        LtxMockError: gevent or eventlet has patched them.
    """
    start = _thread.start_new_thread
    if not isinstance(start, BuiltinFunctionType):
        library = str(getattr(start, "__module__", "")).partition(".")[0] or "a library"
        raise LtxMockError(
            f"{what} needs a thread of its own, but {library} has patched threads in this process. Run the fake in "
            "another process (ltx-mock serve --clock manual) and use RemoteServer(url), or pytest --ltx-base-url=URL; "
            "or leave threads as they are: monkey.patch_all(thread=False)"
        )


def close_in_children(server: HasSockets) -> None:
    """Make forked child processes close a server's sockets.

    Otherwise a child would keep the port in use after the server has stopped.
    """
    _servers.add(server)


def _close_all() -> None:
    """Replace each socket's descriptor by /dev/null, so that the objects that own the number may close it."""
    descriptors = [each for server in list(_servers) for each in server.open_sockets() if each >= 0]
    if not descriptors:
        return
    with contextlib.suppress(OSError):
        nothing = os.open(os.devnull, os.O_RDWR)
        for each in descriptors:
            os.dup2(nothing, each, inheritable=False)
        os.close(nothing)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_all)
