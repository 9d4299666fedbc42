"""generateTask over HTTP: how the request comes, and in which order it is looked at."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Receive

from ltx_mock import MockServer
from ltx_mock.api import endpoints
from ltx_mock.asgi.in_process import call
from ltx_mock.asgi.messages import read_body
from ltx_mock.core.settings import Settings
from ltx_mock.server.app import build, new_engine
from ltx_mock.testing.tenant import World
from support.bodies import GENERATE, IMAGE, STATUS, TEXT, TEXT_LORA, ask, data_of, message_of, post
from support.bodies import request_body as body
from support.connections import connect
from support.waiting import SECONDS

MEBIBYTE = 1024 * 1024
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "given_type",
    ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/vnd.api+json", None],
)
def test_json_may_be_declared_in_every_usual_way(client: httpx.Client, given_type: str | None) -> None:
    headers = {"content-type": given_type} if given_type else {}
    data_of(client.post(GENERATE, content=json.dumps(body()), headers=headers))


@pytest.mark.rule("GEN-1")
@pytest.mark.parametrize(
    "given_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/xml+json+x", ""]
)
def test_another_content_type_is_a_400_that_says_which_is_wanted(client: httpx.Client, given_type: str) -> None:
    answer = client.post(GENERATE, content=json.dumps(body()), headers={"content-type": given_type})
    assert "application/json" in message_of(answer, 400)


@pytest.mark.rule("ENV-5")
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_one_mebibyte_is_read_and_one_byte_more_is_a_413(client: httpx.Client, *, chunked: bool) -> None:
    def send(size: int) -> httpx.Response:
        raw = json.dumps(body()).encode().ljust(size)
        parts: Any = (raw[at : at + 65_536] for at in range(0, size, 65_536)) if chunked else raw
        return client.post(GENERATE, content=parts, headers=JSON)

    data_of(send(MEBIBYTE))
    assert str(MEBIBYTE) in message_of(send(MEBIBYTE + 1), 413)
    data_of(send(100))


@pytest.mark.rule("ENV-5", "ENV-1")
@pytest.mark.parametrize(
    "path",
    ["/", "/generateTask", "/generateTask/ltx-2-19c", "/statusTask/ltx-2-19b/", "/../x", "/%00", "/é", "/GENERATETASK"],
)
def test_an_unknown_path_or_model_is_a_404_in_the_envelope(client: httpx.Client, path: str) -> None:
    assert "/api/v1/generateTask/ltx-2-19b" in message_of(client.post(path, json=body()), 404)


@pytest.mark.rule("ENV-5")
def test_a_wrong_path_stands_in_the_journal_of_the_key_that_asked_for_it(client: httpx.Client, world: World) -> None:
    client.post("/generateTsk/ltx-2-19b", json=body())
    assert [(entry.target, entry.status) for entry in world.requests] == [("/api/v1/generateTsk/ltx-2-19b", 404)]


@pytest.mark.rule("ENV-5")
@pytest.mark.parametrize(
    ("path", "wrong", "allowed"),
    [
        (GENERATE, ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"], "POST"),
        (STATUS, ["POST", "PUT", "OPTIONS"], "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_a_405_that_allows_the_right_one(
    client: httpx.Client, path: str, wrong: list[str], allowed: str
) -> None:
    for method in wrong:
        answer = client.request(method, path)
        assert answer.headers["allow"] == allowed
        assert f"Method {method} is not allowed here; use {allowed}" in message_of(answer, 405)
    head = client.head(GENERATE)
    assert (head.status_code, head.content) == (405, b"")


def test_the_base_url_works_with_and_without_its_prefix(world: World, client: httpx.Client) -> None:
    task_id = data_of(client.post(world.url + GENERATE, json=body()))["taskId"]
    assert ask(client, task_id)["taskId"] == task_id


def test_a_browser_app_may_ask_first_and_then_call(client: httpx.Client) -> None:
    wants = {"origin": "http://localhost:3000", "access-control-request-method": "POST"}
    wants["access-control-request-headers"] = "authorization,content-type"
    before = client.options(GENERATE, headers=wants)
    assert (before.status_code, before.headers["access-control-allow-origin"]) == (200, "*")
    assert "authorization" in before.headers["access-control-allow-headers"]
    for sent, status in ((body(), 200), (body(mode="x"), 400)):
        answer = client.post(GENERATE, json=sent, headers={"origin": "http://localhost:3000"})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, "*")


@pytest.mark.rule("AUTH-3")
def test_checks_come_in_order_access_rate_body_validation_credits_slots() -> None:
    """Each request has every later fault as well; mending the first one brings the next."""
    limits: dict[str, Any] = {"clock": "manual", "rate_limit": "8/minute", "credits": 9, "max_concurrent": 1}
    with MockServer(**limits) as mock, mock.client(verify=False) as client:
        data_of(post(client, body()))
        too_long, poor = b"{" * (MEBIBYTE + 1), body(duration=20)
        no_json = {"content-type": "text/plain"}
        assert message_of(client.post(GENERATE, content=too_long, headers={"authorization": "x"}), 401)
        assert "larger than" in message_of(client.post(GENERATE, content=too_long, headers=no_json), 413)
        assert "Content-Type" in message_of(client.post(GENERATE, content=b"{", headers=no_json), 400)
        assert "not JSON" in message_of(post(client, b"{"), 400)
        assert "input.mode" in message_of(post(client, body(mode="x", duration=20)), 400)
        assert message_of(post(client, poor), 400) == "Insufficient credits"
        with_credits = MockServer(**limits | {"credits": 10})
        with with_credits, with_credits.client(verify=False) as richer:
            data_of(post(richer, body()))
            assert "Too many concurrent tasks" in message_of(post(richer, body()), 429)
        for _ in range(2):
            message_of(post(client, b"{"), 400)
        assert "Rate limit" in message_of(client.post(GENERATE, content=too_long, headers=no_json), 429)
        assert message_of(client.post(GENERATE, content=too_long, headers={"authorization": "x"}), 401)


URLS = st.sampled_from(
    [
        "http://127.0.0.²/",
        "http://[1.2]/",
        "http://[@h/",
        "http://℀.example/",
        "http://a:99999/",
        "http://127.0.0.1.:1/",
    ]
) | st.from_regex(
    r"https?://([^/?#@\\\s]{0,4}@)?(\[[0-9a-f:.]{1,8}\]|[^/?#@:\[\]\\\s]{1,8})(:[0-9]{0,5})?/", fullmatch=True
)


@settings(max_examples=50)
@given(url=URLS, source=st.sampled_from([TEXT, IMAGE, TEXT_LORA]))
def test_no_url_whatever_breaks_the_server(server: MockServer, url: str, source: dict[str, Any]) -> None:
    """Hosts that `urlsplit`, `int` or IDNA stumble over (127.0.0.², [1.2], ℀) are answered like any other."""
    changes = {"image_urls": [url]} if source is IMAGE else {"loras": [{"path": url, "scale": 1}]}
    sent = body(source, **({} if source is TEXT else changes))
    with server.tenant().client(verify=False) as client:
        answer = post(client, {"request_type": "callback", "callback_url": url, **sent})
        assert answer.status_code in {200, 400}
        assert "code" in answer.json()


def test_a_body_that_comes_slowly_makes_its_task_in_the_world_and_at_the_moment_of_its_end() -> None:
    raw, waits = json.dumps(body()).encode(), threading.Event()

    async def noted(receive: Receive, limit: int) -> bytes | None:
        waits.set()
        return await read_body(receive, limit)

    with (
        MockServer(clock="manual") as server,
        server.client() as client,
        patch.object(endpoints, "read_body", noted),
    ):
        with connect(server.url) as slow:
            head = f"POST {GENERATE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(raw)}\r\n"
            slow.sendall(f"{head}Authorization: Bearer {server.api_key}\r\n\r\n".encode() + raw[:9])
            assert waits.wait(SECONDS)
            server.reset()
            server.clock.advance(300)
            slow.sendall(raw[9:])
            answer = b"".join(iter(lambda: slow.recv(65_536), b""))
        task = ask(client, json.loads(answer.partition(b"\r\n\r\n")[2])["data"]["taskId"])
        assert (task["state"], task["createTime"]) == ("pending", server.clock.now)


@pytest.mark.parametrize(("method", "target"), [("POST", GENERATE), ("GET", f"{STATUS}?taskId=task_0")])
def test_a_request_is_one_unit_of_work_so_that_a_shared_store_commits_once(method: str, target: str) -> None:
    async def units() -> int:
        engine = new_engine(Settings())
        app, headers = build(engine), [(b"authorization", b"Bearer key")]
        await engine.open()
        with patch.object(engine.store, "run", wraps=engine.store.run) as run:
            await call(app, method, target, headers=headers, body=json.dumps(body()).encode())
        await engine.close()
        return run.call_count

    assert asyncio.run(units()) == 1
