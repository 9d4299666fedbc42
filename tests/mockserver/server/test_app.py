"""How the application finds an endpoint, and what it does once for each request."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ltx_mock import MockServer
from ltx_mock.asgi.in_process import Reply, call
from ltx_mock.core.settings import Settings
from ltx_mock.engine import submissions
from ltx_mock.engine.tenants import Tenants
from ltx_mock.server.app import build, new_engine
from ltx_mock_contracts.api import BASE_PATH
from ltx_mock_contracts.model import MODEL
from support.processes import serving

BODY = json.dumps(
    {"input": {"mode": "text-to-video", "prompt": "a boat", "resolution": "480p", "duration": 5}}
).encode()
HEADERS = [(b"authorization", b"Bearer some-key"), (b"content-type", b"application/json")]


async def _submit_and_poll(prefix: str) -> tuple[Reply, Reply]:
    engine = new_engine(Settings())
    await engine.open()
    app = build(engine)
    created = await call(app, "POST", f"{prefix}{MODEL.generate_path}", headers=HEADERS, body=BODY)
    task_id = json.loads(created.body)["data"]["taskId"]
    seen = await call(app, "GET", f"{prefix}{MODEL.status_path}?taskId={task_id}", headers=HEADERS)
    await engine.close()
    return created, seen


@pytest.mark.parametrize("prefix", [BASE_PATH, ""])
def test_the_endpoints_are_found_without_a_try_of_other_routes(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    def tried(*_: object) -> None:
        raise AssertionError("a route was tried")

    monkeypatch.setattr(Route, "matches", tried)
    assert [reply.status for reply in asyncio.run(_submit_and_poll(prefix))] == [200, 200]


def test_a_body_is_parsed_once_and_a_key_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: Counter[str] = Counter()

    def counted(owner: Any, name: str) -> None:
        known: Callable[..., Any] = getattr(owner, name)

        def count(*given: Any) -> Any:
            counts[name] += 1
            return known(*given)

        monkeypatch.setattr(owner, name, count)

    counted(submissions, "parse_body")
    counted(Tenants, "of_key")
    for _ in range(2):
        asyncio.run(_submit_and_poll(BASE_PATH))
    assert counts == {"parse_body": 1, "of_key": 2}  # each server sees a new key, both see the same body


@pytest.mark.parametrize(
    ("proxy", "trusted", "scheme"),
    [
        *(("127.0.0.1", None, "https"), ("::1", None, "https"), ("10.0.0.9", None, "http")),
        *(("10.0.0.9", "10.0.0.9", "https"), ("127.0.0.1", "10.0.0.9", "http")),
    ],
)
def test_only_a_trusted_proxy_is_believed_about_the_scheme(
    monkeypatch: pytest.MonkeyPatch, proxy: str, trusted: str | None, scheme: str
) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    if trusted is not None:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", trusted)
    headers = [*HEADERS, (b"host", b"mock.example"), (b"x-forwarded-proto", b"https")]

    async def submit_and_list() -> tuple[list[str], str]:
        engine = new_engine(Settings())
        await engine.open()
        app = build(engine)

        async def behind_proxy(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "client": (proxy, 1)}, receive, send)

        created = await call(behind_proxy, "POST", MODEL.generate_path, headers=headers, body=BODY)
        files = await call(behind_proxy, "GET", "/files/", headers=headers)
        tenant = await engine.tenants.of_key("some-key")
        assert created.status == 200
        assert tenant is not None
        roots = [task.root for task in tenant.tasks()]
        await engine.close()
        return roots, str(json.loads(files.body)["files"][0]).partition("/files/")[0]

    assert asyncio.run(submit_and_list()) == ([f"{scheme}://mock.example"], f"{scheme}://mock.example")


def test_an_internal_error_of_an_endpoint_is_a_500_that_pages_can_read_and_raised_for_the_server_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("as planned")

    monkeypatch.setattr(submissions, "parse_body", broken)

    async def submit() -> tuple[list[Any], str]:
        engine, sent = new_engine(Settings()), list[Any]()
        await engine.open()

        async def receive() -> Any:
            return {"type": "http.request", "body": BODY}

        async def send(message: Any) -> None:
            sent.append(message)

        path = f"{BASE_PATH}{MODEL.generate_path}"
        headers = [*HEADERS, (b"origin", b"http://localhost:3000")]
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b""}
        scope |= {"scheme": "http", "server": ("127.0.0.1", 1), "root_path": ""}
        with pytest.raises(ZeroDivisionError) as error:
            await build(engine)(scope, receive, send)
        await engine.close()
        return sent, str(error.value)

    sent, message = asyncio.run(submit())
    assert (sent[0]["status"], message) == (500, "as planned")
    assert (b"access-control-allow-origin", b"*") in sent[0]["headers"]
    assert json.loads(sent[1]["body"])["code"] == 500


def test_a_number_of_workers_for_other_programs_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "auto")
    with MockServer(clock="manual") as server, serving("--quiet") as served:
        for url in (server.url, served.url):
            assert httpx.get(f"{url}/__admin/health", verify=False).status_code == 200
