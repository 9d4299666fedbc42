"""Unpatched sockets for traffic between the fake, its receivers and its clients.

A test may replace `socket.socket`, its `connect` or `socket.getaddrinfo`, as pytest-socket does. Listeners made here,
and connections to them, bypass the replacement; connections to other servers do not.
"""

from __future__ import annotations

import _socket
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self
from weakref import WeakSet

Place = tuple[socket.AddressFamily, tuple[Any, ...]]
"""Address family and address of a socket."""

ALLOW = "where a guard blocks sockets, allow this machine: --allow-hosts=127.0.0.1,::1 of pytest-socket"
"""The hint to a user whose guard blocks sockets."""

# Even if `socket.socket` is replaced, the standard library's class is the direct subclass of `_socket.socket`.
_Socket: type[socket.socket] = next(  # type: ignore[assignment]
    kind for kind in _socket.socket.__subclasses__() if (kind.__module__, kind.__name__) == ("socket", "socket")
)


class OwnSocket(_Socket):  # type: ignore[misc, valid-type] # the class of all sockets, whatever its name leads to now
    """A socket of the unpatched standard library class."""

    __slots__ = ()

    connect = _socket.socket.connect

    def listen(self, backlog: int = 128, /) -> None:
        """See `socket.socket`; also note the address as one of our own."""
        super().listen(backlog)
        _listening.add(self)

    def accept(self) -> tuple[Self, Any]:
        """See `socket.socket`."""
        handle, address = self._accept()
        accepted = type(self)(self.family, self.type, self.proto, fileno=handle)
        if self.gettimeout():
            accepted.setblocking(True)
        return accepted, address


_listening: WeakSet[OwnSocket] = WeakSet()


def socket_for(place: Place) -> socket.socket:
    """Return a socket for connecting to an address: unpatched if one of our listeners has the address."""
    family, address = place
    kind = OwnSocket if address[1] in _own_ports() else socket.socket
    return kind(family, socket.SOCK_STREAM)


@contextmanager
def without_guard() -> Iterator[None]:
    """Restore `socket.socket` while an event loop is created: it creates sockets, and uvloop keeps the class."""
    guard, socket.socket = socket.socket, _Socket  # type: ignore[misc]
    try:
        yield
    finally:
        socket.socket = guard  # type: ignore[misc]


def _own_ports() -> set[int]:
    found = set[int]()
    for each in list(_listening):
        with suppress(OSError):  # the socket is closed
            found.add(each.getsockname()[1])
    return found
