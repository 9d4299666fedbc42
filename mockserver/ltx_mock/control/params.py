"""What the handlers of the control plane are given: a JSON object, numbers, a key."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from ltx_mock.asgi.content_encoding import EncodingError, TooLargeError, decoded
from ltx_mock.engine.engine import Engine
from ltx_mock.errors import NotFoundError, SettingsError, suggestion
from ltx_mock.store.interface import Tenant
from ltx_mock_contracts.validation.findings import show
from ltx_mock_contracts.validation.json_body import LARGE, PatientDecoder

MAX_BODY_BYTES = 1024 * 1024
MAX_PARTS = 40_000
"""A body of more commas and opening brackets is not looked into: nothing that the control plane takes has so many."""
MAX_WAIT_SECONDS = 600
DEFAULT_LIMIT = 1000
_SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)


def picked(engine: Engine, request: Request) -> Tenant | None:
    """Return the tenant that `?tenant=` or `?key=` picks; None stands for all of them. See `chosen`."""
    return chosen(engine, request.query_params)


def chosen(engine: Engine, given: Mapping[str, object]) -> Tenant | None:
    """Return the tenant that is named by its id, or by its key; None where neither is given.

    The tenant of a key is made if need be; an id is only there once its key has been seen.

    Raises:
        NotFoundError: no tenant has the id, or the server does not accept the key.
        SettingsError: id and key are of different tenants.
    """
    tenant_id, key = given.get("tenant"), given.get("key")
    if tenant_id is None:
        return None if key is None else _tenant_of(engine, key)
    tenant = engine.store.find_id(tenant_id) if isinstance(tenant_id, str) else None
    if tenant is None:
        raise NotFoundError(f"no tenant {str(tenant_id)[:40]!r}; GET /__admin/tenants lists them")
    if key not in {None, tenant.key}:
        raise SettingsError("tenant and key are not the same; give one of them")
    return tenant


def _tenant_of(engine: Engine, key: object) -> Tenant:
    tenant = engine.tenants.of_key(key) if key and isinstance(key, str) else None
    if tenant is None:
        raise NotFoundError("the server does not accept this key")
    return tenant


def limit_of(request: Request, default: int = DEFAULT_LIMIT) -> int:
    """Return how many of a list are asked for.

    Raises:
        SettingsError: it is no whole number.
    """
    limit = request.query_params.get("limit", str(default))
    if not (limit.isascii() and limit.isdecimal()) or len(limit) > 10:
        raise SettingsError(f"limit must be a whole number, not {limit[:40]!r}")
    return int(limit)


async def json_body(engine: Engine, request: Request, known: set[str] | None = None) -> dict[str, Any]:
    """Return the body, a JSON object with these fields and no others; None leaves that to the reader."""
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY_BYTES:
            raise SettingsError(f"the body is larger than {MAX_BODY_BYTES} bytes")
    try:
        raw = decoded(request.scope["headers"], raw, MAX_BODY_BYTES)
    except TooLargeError:
        raise SettingsError(f"the body is larger than {MAX_BODY_BYTES} bytes") from None
    except EncodingError as problem:
        raise SettingsError(str(problem)) from None
    if sum(map(raw.count, (b",", b"[", b"{"))) > MAX_PARTS:
        is_object = raw.lstrip().startswith(b"{")
        what = f"has more than {MAX_PARTS} commas and opening brackets" if is_object else "must be a JSON object"
        raise SettingsError(f"the body {what}")
    try:
        body = await engine.aside.read(_decode, raw or b"{}")
    except (ValueError, RecursionError):
        raise SettingsError("the body must be a JSON object") from None
    if not isinstance(body, dict):
        raise SettingsError("the body must be a JSON object")
    if known is not None:
        _check_names(body, known)
    return body


def _decode(raw: bytes) -> object:
    """Decode JSON; what is no JSON elsewhere, as NaN, is refused later with the name of its field."""
    decoder = PatientDecoder() if len(raw) > LARGE else json.JSONDecoder()
    return decoder.decode(raw.decode(json.detect_encoding(raw), "surrogatepass"))


def _check_names(body: dict[str, Any], known: set[str]) -> None:
    for name in body:
        if name not in known:
            raise SettingsError(
                f"unknown field {name[:80]!r}{suggestion(name, known)}; known are {', '.join(sorted(known))}"
            )


def number(name: str, value: object) -> float:
    """Return a finite number.

    Raises:
        SettingsError: it is something else.
    """
    try:
        result = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        result = math.nan
    if not math.isfinite(result):
        raise SettingsError(f"{name} must be a number, not {show(value)}")
    return result


def real_seconds(request: Request) -> float | None:
    """Return the real seconds of `?wait=`; None where it is not given.

    Raises:
        SettingsError: it is no number, or too large a one.
    """
    given = request.query_params.get("wait")
    if given is None:
        return None
    if not _SECONDS.fullmatch(given) or float(given) > MAX_WAIT_SECONDS:
        raise SettingsError(f"wait must be a number of seconds from 0 to {MAX_WAIT_SECONDS}, not {given[:40]!r}")
    return float(given)
