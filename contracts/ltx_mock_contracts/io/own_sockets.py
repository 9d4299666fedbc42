"""Sockets between the fake, its receivers and its clients: no traffic of the program under test, so no mock's concern.

A test may put something in the place of `socket.socket`, of its `connect` or of `socket.getaddrinfo`, as pytest-socket
does. What listens here, and what connects to that, goes past it; a connection to anybody else does not.
"""

from __future__ import annotations

import _socket
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self
from weakref import WeakSet

Place = tuple[socket.AddressFamily, tuple[Any, ...]]
"""Family and address of a socket."""

ALLOW = "where a guard blocks sockets, allow this machine: --allow-hosts=127.0.0.1,::1 of pytest-socket"
"""What to do about a guard that is in the way."""

# Whatever `socket.socket` leads to, the standard library's class is the one below Python's own.
_Socket: type[socket.socket] = next(  # type: ignore[assignment]
    kind for kind in _socket.socket.__subclasses__() if (kind.__module__, kind.__name__) == ("socket", "socket")
)


class OwnSocket(_Socket):  # type: ignore[misc, valid-type] # the class of all sockets, whatever its name leads to now
    """A socket that is made, connected and accepted by Python itself."""

    __slots__ = ()

    connect = _socket.socket.connect

    def listen(self, backlog: int = 128, /) -> None:
        """See `socket.socket`; from now on the address is one of our own."""
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
    """Return a socket to connect to an address: our own where one of ours listens there."""
    family, address = place
    kind = OwnSocket if address[1] in _own_ports() else socket.socket
    return kind(family, socket.SOCK_STREAM)


@contextmanager
def without_guard() -> Iterator[None]:
    """Give `socket.socket` back while an event loop is made: it makes sockets, and uvloop keeps the class."""
    guard, socket.socket = socket.socket, _Socket  # type: ignore[misc]
    try:
        yield
    finally:
        socket.socket = guard  # type: ignore[misc]


def _own_ports() -> set[int]:
    found = set[int]()
    for each in list(_listening):
        with suppress(OSError):  # it is closed
            found.add(each.getsockname()[1])
    return found
