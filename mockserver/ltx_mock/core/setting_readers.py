"""Readers for the values of settings. See `ltx_mock.fields`."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

from ltx_mock.core.clock import FIXED_START, LATEST, MINUTE, SECOND
from ltx_mock.core.hosts import ORIGIN
from ltx_mock.fields import Table, choice, in_digits, pairs, refused, text, whole
from ltx_mock.scenarios import Scenario, find_scenario, from_dict
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.recordings.fields import parse_field
from ltx_mock_contracts.validation.urls import is_http_url

MEMORY = "memory"
"""The store within the process."""
ANY_PORT = ":*"
"""What stands in a URL prefix for every port."""
STORES = "memory, sqlite:PATH, redis://HOST:PORT/N or rediss://HOST:PORT/N"
UNIT_MS = {"second": SECOND, "minute": MINUTE, "hour": 60 * MINUTE}
DEFAULT_PRICES = {each.name: each.price for each in MODEL.resolutions.values()}
_DEFAULT_PORT = re.compile(r"^(http://.*):80$|^(https://.*):443$")
_HOST_NAME = re.compile(r"[^\s/?#@:]+|\[?[0-9a-f:]+\]?")
_NO_PORT = re.compile(r"https?://([^\s/?#@:]+|\[[0-9a-f:]+\])", re.IGNORECASE)
_DATABASE = re.compile(r"/?|/\d{1,5}", re.ASCII)
_USER_OR_QUERY = re.compile(r"(?<=:)(?!/).*(?=@)|(?<=//).*(?=@)|(?<=\?).*")
_RATE = re.compile(r"(\d{1,12})/(second|minute|hour)", re.ASCII)


class Rate(Table):
    """A number of requests per window in milliseconds."""

    count: int
    window_ms: int

    def __str__(self) -> str:
        unit = next(name for name, length in UNIT_MS.items() if length == self.window_ms)
        return f"{self.count}/{unit}"


def rate(path: str, value: object) -> Rate:
    """Read `10000/minute`, `5/second` or `100/hour`."""
    if isinstance(value, Rate):
        return value
    found = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise refused(path, "one like 10000/minute (or /second, /hour)", value)
    return Rate(count=int(found[1]), window_ms=UNIT_MS[found[2]])


def prices(path: str, value: object) -> dict[str, int]:
    """Read prices in credits by resolution; resolutions without one keep their default."""
    return DEFAULT_PRICES | pairs(choice(*DEFAULT_PRICES), in_digits(whole(0)))(path, value)


def http_url(path: str, value: object) -> str:
    """Read an absolute http or https URL, without a trailing slash."""
    if not isinstance(value, str) or not value.isprintable() or not is_http_url(value):
        raise refused(path, "an absolute http or https URL", value)
    return value.rstrip("/")


def rewrite_source(path: str, value: object) -> str:
    """Read a URL prefix, with scheme and host in lower case for comparison; `http://host:*` is every port."""
    scheme, _, rest = _url_prefix(path, value).partition("://")
    host, slash, way = rest.partition("/")
    return f"{scheme}://{host}".lower() + slash + way


def rewrites(path: str, value: object) -> dict[str, str]:
    """Read URL prefixes and their replacements; `http://host:*` in both keeps the port."""
    found = pairs(rewrite_source, _url_prefix)(path, value)
    for source, to in found.items():
        if to.endswith(ANY_PORT) and not source.endswith(ANY_PORT):
            raise refused(f"{path} of {source}", f"a URL with a port, since {source} is a single port", to)
    return found


def _url_prefix(path: str, value: object) -> str:
    host = value.removesuffix(ANY_PORT) if isinstance(value, str) else ""
    if host == value:
        return http_url(path, value)
    if not _NO_PORT.fullmatch(host):
        raise refused(path, f"scheme and host before {ANY_PORT}", value)
    return http_url(path, host) + ANY_PORT


def host_name(path: str, value: object) -> str:
    """Read the name or address of a host."""
    name = text()(path, value).lower().rstrip(".")
    if not _HOST_NAME.fullmatch(name):
        raise refused(path, "a host name without scheme, port and path", value)
    return name.strip("[]")


def page_origin(path: str, value: object) -> str:
    """Read an origin in the form that browsers send; `null` is the origin of files and sandboxed frames."""
    origin = _DEFAULT_PORT.sub(r"\1\2", text()(path, value).lower().rstrip("/"))
    if origin != "null" and not ORIGIN.fullmatch(origin):
        raise refused(path, "scheme, host and port of a page, such as https://app.example.com", value)
    return origin


def file_path(path: str, value: object) -> str:
    """Read the path of a file."""
    return text()(path, os.fspath(value) if isinstance(value, os.PathLike) else value)


def request_field(path: str, value: object) -> str:
    """Read the name of a field of a request."""
    given = text()(path, value)
    try:
        parse_field(given)
    except ValueError:
        raise refused(path, "the name of a field, such as input.seed or /input/seed", value) from None
    return given


def scenario(_path: str, value: object) -> Scenario:
    """Read a scenario from its name or from a table."""
    if isinstance(value, Scenario):
        return value
    return find_scenario(value) if isinstance(value, str) else from_dict(value)


def store(path: str, value: object) -> str:
    """Read where all state is kept: `memory`, `sqlite:PATH`, or the URL of a Redis with a database number."""
    given = text()(path, value)
    kind, _, place = given.partition(":")
    if given == MEMORY or (kind == "sqlite" and place and not place.startswith(":")) or _is_redis_url(given):
        return given
    raise refused(path, STORES, public_store(given))


def public_store(store: str) -> str:
    """Return a store for people to read: without user, password and query of a URL."""
    return store if store.startswith("sqlite:") else _USER_OR_QUERY.sub("…", store)


def _is_redis_url(given: str) -> bool:
    try:
        url = urlsplit(given)
        has_place = bool(url.hostname) and url.port != 0
    except ValueError:
        return False
    is_redis = url.scheme in {"redis", "rediss"} and _DATABASE.fullmatch(url.path) is not None
    return is_redis and has_place and not {"?", "#"}.intersection(given)


def start_time(path: str, value: object) -> str:
    """Read the start time of a stopped clock, as text; see `first_moment`."""
    given = text()(path, value)
    try:
        moment = first_moment(given)
    except ValueError:
        raise refused(path, "fixed, now or an ISO 8601 time", value) from None
    if moment is not None and not 0 <= moment < LATEST:
        raise refused(path, "from 1970 to 9998", value)
    return given


def first_moment(start: str) -> int | None:
    """Return a start time in Unix milliseconds; None means now.

    Raises:
        ValueError: not an ISO 8601 time.
    """
    if start in {"fixed", "now"}:
        return FIXED_START if start == "fixed" else None
    moment = datetime.fromisoformat(start)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * SECOND)
