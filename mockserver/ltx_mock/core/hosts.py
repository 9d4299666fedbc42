"""Classify host names and addresses: this machine, or another one."""

from __future__ import annotations

import os
import re
import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from ltx_mock_contracts.io.own_sockets import Place

LONGEST_NAME = 253
"""The maximum length of a host name (RFC 1035). Longer ones are not cached."""

_OLD_STYLE = re.compile(r"[0-9a-fx.]+", re.ASCII)
_PORT = re.compile(r":\d*$", re.ASCII)
_CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv")
_CONTAINER_VARIABLES = ("container", "KUBERNETES_SERVICE_HOST")

ORIGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[^\s/?#@:\[\]\\]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
"""A page's origin in the form that browsers send, in lower case."""


def host_of(url: str) -> str:
    """Return the lower-case host name of a URL, or an empty string if there is none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def without_local_port(url: str) -> str:
    """Return a URL on this machine without its port, and any other URL unchanged."""
    if not is_this_machine(host_of(url)):
        return url
    parts = urlsplit(url)
    return parts._replace(netloc=_PORT.sub("", parts.netloc)).geturl()


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Parse a host as an address, in any notation that resolvers accept, such as `127.1`; None for a name."""
    return _address_of(host) if len(host) <= LONGEST_NAME else _read_address(host)


def _read_address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return _unmapped(ip_address(host.strip("[]")))
    except ValueError:
        if not _OLD_STYLE.fullmatch(host):
            return None
        try:
            return IPv4Address(socket.inet_aton(host))
        except OSError:
            return None


# Each request tests the same few hosts several times, and parsing names is slow.
_address_of = lru_cache(maxsize=1024)(_read_address)


def is_loopback(host: str) -> bool:
    """Tell whether a lower-case host is a common name or address of the loopback interface."""
    try:
        return _is_localhost(host) or _unmapped(ip_address(host)).is_loopback
    except ValueError:
        return False


def is_this_machine(host: str) -> bool:
    """Tell whether a lower-case host, in any notation, is this machine.

    So are `0.0.0.0` and `::`. Names that a resolver maps to this machine are not recognized.
    """
    address = address_of(host)
    return _is_localhost(host) or (address is not None and (address.is_loopback or address.is_unspecified))


def connectable(host: str) -> str:
    """Return the host to connect to: `localhost` for its sub-names, loopback for `0.0.0.0` and `::`, else the same.

    Some resolvers do not know `app.localhost` (RFC 6761), and some systems cannot connect to an unspecified address.
    """
    if _is_localhost(host):
        return "localhost"
    address = address_of(host)
    if address is None:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "::1"
    return str(address)


def known_places(host: str, port: int) -> list[Place]:
    """Return the addresses of a host without a resolver: for an address, and for `localhost` (RFC 6761)."""
    host = connectable(host)
    found = [address_of(each) for each in (("127.0.0.1", "::1") if host == "localhost" else (host,))]
    return [
        (socket.AF_INET if each.version == 4 else socket.AF_INET6, (str(each), port))
        for each in found
        if each is not None
    ]


def in_container() -> bool:
    """Tell whether this process runs in a container, where `localhost` is the container's own."""
    return any(map(os.path.exists, _CONTAINER_FILES)) or any(os.environ.get(name) for name in _CONTAINER_VARIABLES)


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _is_localhost(host: str) -> bool:
    name = host.rstrip(".")
    return name == "localhost" or name.endswith(".localhost")
