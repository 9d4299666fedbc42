"""What we use of libraries without their promise: an upgrade that removes it fails here, by name."""

from __future__ import annotations

import ast
import dis
import inspect
import tomllib
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from hypothesis.internal.conjecture.providers import PrimitiveProvider
from packaging.requirements import Requirement
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import Server

from ltx_mock.server.http import HttpServer
from ltx_mock.server.http_protocol_h11 import H11Connection
from ltx_mock.server.http_protocol_httptools import HttptoolsConnection
from ltx_mock_contracts.fuzzing.deterministic import Digests

ROOT = Path(__file__).parents[2]
SOURCES = ("mockserver", "contracts")

_CONNECTION = (
    "access_log app_state connection_lost connection_made cycle data_received flow loop server_state "
    "timeout_keep_alive timeout_keep_alive_task transport"
)
_CYCLE = "disconnected message_event more_body on_response response_complete response_started scope"
USED = {
    "uvicorn.server:Server": "capture_signals config main_loop serve server_state servers shutdown startup",
    "uvicorn.server:ServerState": "connections tasks",
    "uvicorn.config:Config": "app get_loop_factory",
    "uvicorn.middleware.proxy_headers:ProxyHeadersMiddleware": "",
    "uvicorn.protocols.http.flow_control:FlowControl": "pause_reading resume_reading write_paused",
    "uvicorn.protocols.http.h11_impl:H11Protocol": f"{_CONNECTION} _should_upgrade conn send_400_response",
    "uvicorn.protocols.http.h11_impl:RequestResponseCycle": _CYCLE,
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol": (
        f"{_CONNECTION} _should_upgrade _unset_keepalive_if_required headers on_headers_complete on_response_complete "
        "parser pipeline scope url"
    ),
    "uvicorn.protocols.http.httptools_impl:RequestResponseCycle": (
        f"{_CYCLE} flow keep_alive transport waiting_for_100_continue"
    ),
    "uvicorn.protocols.http.httptools_impl:STATUS_LINE": "",
    "starlette.applications:Starlette": "router",
    "starlette.routing:Mount": "path_regex routes",
    "starlette.routing:Route": "path_regex",
    "starlette.routing:Router": "default redirect_slashes",
    "starlette.responses:JSONResponse": "render",
    "redis.asyncio.connection:AbstractConnection": (
        "can_read connect disconnect is_connected read_response send_packed_command"
    ),
    "redis.asyncio.connection:Connection": "",
    "redis.asyncio.connection:SSLConnection": "",
    "redis.asyncio.connection:UnixDomainSocketConnection": "",
    "redis.asyncio.connection:parse_url": "",
    "redis.crc:REDIS_CLUSTER_HASH_SLOTS": "",
    "redis.crc:key_slot": "",
    "httpcore._async.http11:AsyncHTTP11Connection": (
        "aclose can_handle_request handle_async_request has_expired is_idle"
    ),
    "httpcore._backends.anyio:AnyIOBackend": "connect_tcp",
    "httpcore._models:Request": "",
    "httpcore._models:URL": "",
    "httpcore._sync.http11:HTTP11Connection": "can_handle_request close handle_request has_expired is_idle",
    "httpx._client:AsyncClient": "",
    "httpx._client:Client": "",
    "httpx._models:Response": "",
    "hypothesis.configuration:set_hypothesis_home_dir": "",
    "hypothesis.configuration:__hypothesis_home_directory": "",
    "hypothesis.control:BuildContext": "is_final",
    "hypothesis.control:current_build_context": "",
    "hypothesis.internal.conjecture.providers:AVAILABLE_PROVIDERS": "",
    "hypothesis.internal.conjecture.providers:_get_local_constants": "",
    "hypothesis.internal.conjecture.providers:PrimitiveProvider": (
        "draw_boolean draw_bytes draw_float draw_integer draw_string lifetime per_test_case_context_manager"
    ),
    "hypothesis.internal.intervalsets:IntervalSet": "__getitem__ __len__",
    "hypothesis.stateful:TestCaseProperty": "__get__",
    "hypothesis.stateful:run_state_machine_as_test": "",
}
"""By module and name in it: the attributes that we override, read or set."""
PRIVATE = (
    "uvicorn.",
    "redis.asyncio.connection",
    "redis.crc",
    "httpcore._",
    "httpx._",
    "hypothesis.configuration",
    "hypothesis.control",
    "hypothesis.internal",
)
"""Modules from which an import is no use of a documented interface."""


def attributes(value: Any) -> set[str]:
    """Return the attributes that a class has, or gives its instances in any of its methods."""
    found = set(dir(value))
    for kind in getattr(value, "__mro__", ()):
        found |= set(vars(kind).get("__annotations__", ()))
        for each in vars(kind).values():
            if isinstance(each, FunctionType):
                found |= {step.argval for step in dis.get_instructions(each) if step.opname == "STORE_ATTR"}
    return found


@pytest.mark.parametrize("place", USED)
def test_what_we_use_is_there(place: str) -> None:
    module, _, name = place.partition(":")
    value = vars(import_module(module))[name]
    missing = set(USED[place].split()) - attributes(value)
    assert not missing, f"{place} of this version has no {', '.join(sorted(missing))}"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (HttpServer, Server),
        (HttptoolsConnection, HttpToolsProtocol),
        (H11Connection, H11Protocol),
        (Digests, PrimitiveProvider),
    ],
)
def test_our_methods_take_what_theirs_take(ours: type, theirs: type) -> None:
    for name, method in vars(ours).items():
        if isinstance(method, FunctionType) and name != "__init__" and hasattr(theirs, name):
            taken = [str(each.name) for each in inspect.signature(method).parameters.values()]
            given = [str(each.name) for each in inspect.signature(getattr(theirs, name)).parameters.values()]
            assert taken == given, f"{theirs.__name__}.{name} takes {given}"


def test_no_other_private_module_is_imported() -> None:
    imported = set()
    for path in (path for source in SOURCES for path in (ROOT / source).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(PRIVATE):
                imported |= {f"{node.module}:{alias.name}" for alias in node.names}
    assert imported
    assert imported <= set(USED)


def test_the_libraries_whose_insides_we_use_have_upper_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["test"], *extras["redis"]]
    bounds = {each.name: str(each.specifier) for each in map(Requirement, asked)}
    for library in {place.partition(".")[0] for place in USED}:
        assert "<" in bounds[library], library
