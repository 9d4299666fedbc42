"""The parts of a URL that the fake calls, and a connection to it."""

from __future__ import annotations

import asyncio
import base64
import socket
from functools import lru_cache
from typing import NamedTuple, Self
from urllib.parse import quote, unquote, urlsplit

from ltx_mock.core.hosts import address_of, connectable, is_public, known_places
from ltx_mock_contracts.io.own_sockets import socket_for

_SAFE = "!#$%&'()*+,/:;=?@[]~"


class Target(NamedTuple):
    """The parts of a URL that a connection and a request need.

    `host` is the host to connect to, `name` the name that the certificate must have.
    """

    secure: bool
    host: str
    name: str
    port: int
    path: str
    authority: str
    authorization: str | None

    @classmethod
    def of(cls, url: str) -> Self:
        """Parse a URL; raises `ValueError` if it is not an http or https URL."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            raise ValueError(f"the scheme is {parts.scheme[:20]!r}, not http or https")
        if not parts.hostname:
            raise ValueError("it has no host")
        host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
        secure = parts.scheme == "https"
        query = f"?{parts.query}" if parts.query else ""
        shown = f"[{host}]" if ":" in host else host
        user = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        return cls(
            secure,
            connectable(host),
            connectable(host) if address_of(host) else host.rstrip("."),
            (443 if secure else 80) if parts.port is None else parts.port,
            quote((parts.path or "/") + query, safe=_SAFE),
            shown if parts.port is None else f"{shown}:{parts.port}",
            None if user == ":" else f"Basic {base64.b64encode(user.encode()).decode()}",
        )


@lru_cache(maxsize=256)
def target_of(url: str) -> Target:
    """Return the target of a URL; see `Target.of`."""
    return Target.of(url)


async def connected(target: Target, *, only_public: bool = False) -> socket.socket:
    """Connect to the first address of the target that accepts.

    Args:
        target: where to connect.
        only_public: whether all its addresses must be public.
    """
    loop = asyncio.get_running_loop()
    places = known_places(target.host, target.port)
    if not places:
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        places = [(family, where) for family, _, _, _, where in found]
    if only_public and not all(is_public(place[1][0]) for place in places):
        raise OSError(f"{target.name} is no public host")
    for number, place in enumerate(places, 1):
        sock = socket_for(place)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, place[1])
        except BaseException as error:
            sock.close()
            if number == len(places) or not isinstance(error, OSError):
                raise
        else:
            return sock
    raise OSError("its name has no address")
