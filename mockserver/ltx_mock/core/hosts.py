"""Classify host names and addresses: this machine, or another one."""

from __future__ import annotations

import os
import re
import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from ltx_mock_contracts.io.own_sockets import Place

LONGEST_NAME = 253
"""The maximum length of a host name (RFC 1035). Longer ones are not cached."""
LONGEST_URL = 2000
"""The maximum length of a usual URL. Longer ones are not cached."""

UNREACHABLE_DOMAIN = "invalid"
"""Names under this domain never resolve (RFC 2606)."""

CONTAINER_HOST = "host.docker.internal"
"""The name that container engines give to the machine that they run on."""

_OLD_STYLE = re.compile(r"[0-9a-fx.]+", re.ASCII)
_PORT = re.compile(r":\d*$", re.ASCII)
_CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv")
_CONTAINER_VARIABLES = ("container", "KUBERNETES_SERVICE_HOST")

ORIGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[^\s/?#@:\[\]\\]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
"""A page's origin in the form that browsers send, in lower case."""


class UrlHost(NamedTuple):
    """The host of a URL.

    Attributes:
        name: Its lower-case name, or an empty string if there is none.
        is_here: Whether it is this machine.
        is_nowhere: Whether its name never resolves.
        portless: The URL without its port if the host is this machine; else unchanged.
    """

    name: str
    is_here: bool
    is_nowhere: bool
    portless: str


def url_host(url: str) -> UrlHost:
    """Return the host of a URL."""
    return _url_host(url) if len(url) <= LONGEST_URL else _read_url(url)


def host_of(url: str) -> str:
    """Return the lower-case host name of a URL, or an empty string if there is none."""
    return url_host(url).name


def _read_url(url: str) -> UrlHost:
    try:
        parts = urlsplit(url)
        name = (parts.hostname or "").rstrip(".")
    except ValueError:
        return UrlHost("", is_here=False, is_nowhere=False, portless=url)
    if not is_this_machine(name):
        return UrlHost(name, is_here=False, is_nowhere=f".{name}".endswith(f".{UNREACHABLE_DOMAIN}"), portless=url)
    portless = parts._replace(netloc=_PORT.sub("", parts.netloc)).geturl()
    return UrlHost(name, is_here=True, is_nowhere=False, portless=portless)


# Processing a request needs the host of each URL several times.
_url_host = lru_cache(maxsize=1024)(_read_url)


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


def is_public(host: str) -> bool:
    """Tell whether a host is an address that the whole Internet can reach; a name is none."""
    address = address_of(host)
    return address is not None and address.is_global and not address.is_multicast


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
