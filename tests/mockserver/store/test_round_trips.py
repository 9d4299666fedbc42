"""How often a request of the API waits for its backend: once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ltx_mock import MockServer
from ltx_mock.store import shared
from ltx_mock.store.redis_client import RedisClient
from ltx_mock.store.sqlite_backend import SqliteBackend
from support.bodies import request_body
from support.redis_servers import shared_server

GENERATE = "/generateTask/ltx-2-19b"
STATUS = "/statusTask/ltx-2-19b"


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.redis)])
def waits(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, list[None]]]:
    """The URL of a store, and a list that grows with each round trip to it."""
    found = list[None]()

    def count(cls: type[Any], name: str) -> None:
        call: Callable[..., Any] = getattr(cls, name)

        async def counted(*args: Any, **options: Any) -> Any:
            found.append(None)
            return await call(*args, **options)

        monkeypatch.setattr(cls, name, counted)

    monkeypatch.setattr(shared, "SIGN_SECONDS", 3600)
    if request.param == "sqlite":
        count(SqliteBackend, "_run")
        yield f"sqlite:{tmp_path / 'state.db'}", found
    else:
        server = shared_server()
        server.command("FLUSHALL")
        count(RedisClient, "call")
        yield server.url, found


@pytest.mark.parametrize("path", ["generate", "status", "unknown", "refused", "balance"])
def test_a_request_is_one_round_trip(waits: tuple[str, list[None]], path: str) -> None:
    url, found = waits
    with MockServer(store=url, clock="manual") as mock, mock.client() as client:
        made = client.post(GENERATE, json=request_body()).json()["data"]["taskId"]
        ask: dict[str, Callable[[], Any]] = {
            "generate": lambda: client.post(GENERATE, json=request_body()),
            "status": lambda: client.get(STATUS, params={"taskId": made}),
            "unknown": lambda: client.get(STATUS, params={"taskId": "task_0"}),
            "refused": lambda: client.post(GENERATE, json={}),
            "balance": lambda: client.get("/apikeys/current-balance"),
        }
        found.clear()
        ask[path]()
        assert len(found) == 1
