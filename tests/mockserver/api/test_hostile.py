"""Thousands of requests in a row that nobody should send: no 5xx, no traceback, no growth, and still alive."""

from __future__ import annotations

import contextlib
import logging
import socket
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ltx_mock import MockServer
from ltx_mock.server.app import build
from support.bodies import ask, call, message_in, submit
from support.hostile_requests import PATHS, hostile_bytes, hostile_request
from support.waiting import SECONDS

MEBIBYTE = 1024 * 1024
ENDPOINTS = PATHS[:5]
SETTINGS: dict[str, Any] = {
    "clock": "manual",
    "rate_limit": "100000000/minute",
    "max_concurrent": 20,
    "journal_entries": 300,
}


def resident_bytes() -> int:
    """Return the memory of this process, or 0 where the system does not tell."""
    path = Path("/proc/self/statm")
    return int(path.read_text().split()[1]) * 4096 if path.exists() else 0


async def attack(mock: MockServer, random: Random, count: int) -> None:
    app = build(mock._server_thread.engine)
    for _ in range(count):
        method, path, query, headers, body = request = hostile_request(random)
        cut = random.randrange(len(body) + 1)
        answer = await call(app, method, path, query=query, headers=headers, chunks=[body[:cut], body[cut:]])
        assert answer.status < 500, request
        if answer.status >= 400 and method not in {"HEAD", "OPTIONS"} and path in ENDPOINTS:
            message_in(answer.body, answer.status)


def exchange(address: tuple[str, int], raw: bytes) -> bytes:
    """Send bytes, say that no more will come, and return all that comes back before the other side hangs up."""
    with socket.create_connection(address, timeout=SECONDS) as connection:
        heard = b""
        with contextlib.suppress(ConnectionError):  # a server may hang up on nonsense
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65_536):
                heard += chunk
        return heard


def statuses(heard: bytes) -> set[int]:
    return {int(part[:3]) for part in heard.split(b"HTTP/1.1 ")[1:] if part[:3].isdigit()}


@pytest.mark.rule("ENV-1", "ENV-3", "ENV-5")
@pytest.mark.parametrize("requests", [500, pytest.param(20_000, marks=pytest.mark.slow)])
def test_hostile_requests_do_no_harm(
    requests: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    random, over_a_socket = Random(requests), requests // 5
    half = (requests - over_a_socket) // 2
    with MockServer(**SETTINGS) as mock:
        address = ("127.0.0.1", int(mock.url.rpartition(":")[2]))
        mock._server_thread.wait_for(attack(mock, random, half))
        warmed_up = resident_bytes()
        mock._server_thread.wait_for(attack(mock, random, half))
        answered = 0
        for _ in range(over_a_socket):
            raw = hostile_bytes(random)
            told = statuses(exchange(address, raw))
            answered += bool(told)
            assert all(status < 500 for status in told), raw
        assert resident_bytes() - warmed_up < 24 * MEBIBYTE
        assert answered > over_a_socket / 2
        with mock.tenant("still-alive").client(verify=False) as client:
            assert ask(client, submit(client))["state"] == "pending"
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]
    assert "Traceback" not in "".join(capfd.readouterr())
