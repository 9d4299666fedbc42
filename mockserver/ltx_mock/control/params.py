"""Read the parameters of control plane requests: bodies, numbers, keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from ltx_mock.asgi.content_encoding import EncodingError, TooLargeError, decoded
from ltx_mock.engine.engine import Engine
from ltx_mock.errors import NotFoundError, SettingsError
from ltx_mock.fields import AnyTable, in_digits, number, read, whole
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.validation.json_body import LARGE, PythonDecoder

MAX_BODY_BYTES = 1024 * 1024
MAX_PARTS = 40_000
"""The maximum number of commas and opening brackets in a body; longer bodies are refused unparsed."""
MAX_WAIT_SECONDS = 600
DEFAULT_LIMIT = 1000


async def tenant_of_query(engine: Engine, request: Request) -> Tenant | None:
    """Return the tenant that `?tenant=` or `?key=` selects; None means all tenants. See `find_tenant`."""
    return await find_tenant(engine, request.query_params)


async def find_tenant(engine: Engine, given: Mapping[str, object]) -> Tenant | None:
    """Return the tenant with the given id or key; None without either.

    The tenant of a key is made if needed; an id exists only after the first use of its key.

    Raises:
        NotFoundError: unknown id, or the server does not accept the key.
        SettingsError: id and key belong to different tenants.
    """
    tenant_id, key = given.get("tenant"), given.get("key")
    if tenant_id is None:
        return None if key is None else await _tenant_of(engine, key)
    tenant = engine.store.find_id(tenant_id) if isinstance(tenant_id, str) else None
    if tenant is None:
        raise NotFoundError(f"no tenant {str(tenant_id)[:40]!r}; GET /__admin/tenants lists them")
    if key not in {None, tenant.key}:
        raise SettingsError("tenant and key are not the same; give one of them")
    return tenant


async def _tenant_of(engine: Engine, key: object) -> Tenant:
    tenant = await engine.tenants.of_key(key) if key and isinstance(key, str) else None
    if tenant is None:
        raise NotFoundError("the server does not accept this key")
    return tenant


def limit_of(request: Request, default: int = DEFAULT_LIMIT) -> int:
    """Return the `limit` of a list.

    Raises:
        SettingsError: it is not a whole number.
    """
    return in_digits(whole(0))("limit", request.query_params.get("limit", default))


async def body_of(cls: type[AnyTable], engine: Engine, request: Request) -> AnyTable:
    """Return the body as a table of `ltx_mock.control.bodies`.

    Raises:
        SettingsError: it is not a JSON object, or a name or a value in it is not allowed.
    """
    return read(cls, await json_body(engine, request))


async def json_body(engine: Engine, request: Request) -> dict[str, Any]:
    """Return the body, a JSON object."""
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
        body = await engine.worker.read(_decode, raw or b"{}")
    except (ValueError, RecursionError):
        raise SettingsError("the body must be a JSON object") from None
    if not isinstance(body, dict):
        raise SettingsError("the body must be a JSON object")
    return body


def _decode(raw: bytes) -> object:
    """Decode JSON; `NaN` and the like are refused later, with the name of the field."""
    decoder = PythonDecoder() if len(raw) > LARGE else json.JSONDecoder()
    return decoder.decode(raw.decode(json.detect_encoding(raw), "surrogatepass"))


def real_seconds(request: Request) -> float | None:
    """Return the real seconds of `?wait=`; None without it.

    Raises:
        SettingsError: it is not a number, or too large.
    """
    given = request.query_params.get("wait")
    return None if given is None else in_digits(number(MAX_WAIT_SECONDS, zero=True, unit="seconds"))("wait", given)
