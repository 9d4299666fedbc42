"""The log of the program that the fake runs in has nothing of the fake's own, and nobody else's lines are lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from ltx_mock import CallbackReceiver, MockServer
from ltx_mock.server.http import bind, url_of
from support.bodies import GENERATE, IMAGE, STATUS, request_body

LOGS = ["asyncio", "httpcore", "httpx", "ltx_mock", "uvicorn", "uvicorn.access", "uvicorn.asgi", "uvicorn.error"]


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Have each of these logs hold back nothing."""
    levels = {name: logging.getLogger(name).level for name in LOGS}
    caplog.set_level(logging.DEBUG)
    for name in LOGS:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield caplog
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_nothing_of_the_fake_is_in_a_users_log(everything: pytest.LogCaptureFixture) -> None:
    with (
        MockServer(clock="manual") as mock,
        CallbackReceiver() as receiver,
        httpx.Client(
            base_url=mock.base_url, headers={"authorization": f"Bearer {mock.api_key}"}, verify=False, trust_env=False
        ) as client,
    ):
        image = request_body(IMAGE, image_urls=[f"{mock.url}/files/images/reference.jpg"])
        back = {"request_type": "callback", "callback_url": receiver.url}
        assert client.post(GENERATE, json=image | back).status_code == 200
        assert client.post(GENERATE, json={}).status_code == 400
        mock.respond_next(500)
        assert client.get(STATUS).status_code == 500
        mock.clock.run_until_idle()
        assert [each.state for each in mock.callbacks] == ["delivered"]
    here = threading.current_thread().name
    assert [each for each in everything.records if each.threadName != here] == []


def test_another_uvicorn_of_the_same_process_logs_as_ever(everything: pytest.LogCaptureFixture) -> None:
    sock = bind("127.0.0.1", 0)
    url = url_of(sock)
    other = uvicorn.Server(uvicorn.Config(Starlette(), log_config=None, lifespan="off"))
    thread = threading.Thread(target=other.run, kwargs={"sockets": [sock]}, name="another")
    with MockServer(clock="manual"):
        thread.start()
        assert httpx.get(f"{url}/nothing", verify=False, trust_env=False).status_code == 404
        other.should_exit = True
        thread.join()
    told = [each.getMessage() for each in everything.records if each.threadName == "another"]
    assert any('"GET /nothing HTTP/1.1" 404' in each for each in told)
    assert any(each.startswith("Finished server process") for each in told)
