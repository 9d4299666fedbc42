"""Connections from tests to a fake, which bypass mocks of the resolver and of `socket.create_connection`."""

from __future__ import annotations

import socket

from ltx_mock.core.hosts import known_places
from ltx_mock_contracts.io.own_sockets import socket_for


def connected(address: tuple[str, int], timeout: float | None) -> socket.socket:
    """Return a connection to a host and a port, as `socket.create_connection` does.

    Raises:
        OSError: none of its addresses accepts within `timeout` seconds.
    """
    places = known_places(*address)
    for number, place in enumerate(places, 1):
        sock = socket_for(place)
        try:
            sock.settimeout(timeout)
            sock.connect(place[1])
        except BaseException as error:
            sock.close()
            if number == len(places) or not isinstance(error, OSError):
                raise
        else:
            return sock
    return socket.create_connection(address, timeout)
