"""The one client of the control plane: whom it talks to, what it shows them, and what it makes of their answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ltx_mock import ConflictError, MockServer, NotFoundError, SettingsError
from ltx_mock.testing.control_client import Admin
from ltx_mock.testing.remote_server import RemoteServer
from ltx_mock_contracts.control_client import ControlClient, ControlError, HttpTransport, NotLtxMockError, Timeouts
from support.servers import answer, serving

ROOT = "http://server.example"
HEALTH = json.dumps({"name": "ltx-mock"}).encode()


class Way:
    """A transport that answers from a list, and notes what it was given."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers)
        self.sent: list[tuple[str, str, bytes | None, float]] = []

    def __call__(self, method: str, target: str, body: bytes | None, timeout: float, /) -> tuple[int, bytes]:
        self.sent.append((method, target, body, timeout))
        return self.answers.pop(0)


def test_each_kind_of_request_has_its_time() -> None:
    way = Way(*[(200, HEALTH)] * 5)
    client = ControlClient(way, ROOT, {"key": "a key"}, timeouts=Timeouts(1, 2, 3, 4))
    client.greet()
    client.get("/tasks", state="failed")
    client.post("/clock", {"mode": "auto"})
    client.post("/clock/advance", {"seconds": 1})
    client.delete("/tenants", key="another")
    assert way.sent == [
        ("GET", "/health", None, 1),
        ("GET", "/tasks?key=a+key&state=failed", None, 2),
        ("POST", "/clock?key=a+key", b'{"mode": "auto"}', 3),
        ("POST", "/clock/advance?key=a+key", b'{"seconds": 1}', 4),
        ("DELETE", "/tenants?key=another", None, 3),
    ]


def test_bytes_that_a_locale_does_not_know_are_sent_as_they_are() -> None:
    way = Way((200, b"{}"))
    ControlClient(way, ROOT, {"key": "caf\udce9"}).get("/tasks")
    assert way.sent[0][1] == "/tasks?key=caf%E9"


@pytest.mark.parametrize("said", [b"", b"hello", b"{}", b"[]", b'{"name": "other"}', b"null"])
def test_who_is_wary_sends_nothing_to_a_stranger(said: bytes) -> None:
    way = Way((200, said))
    with pytest.raises(NotLtxMockError, match=f"^{ROOT} is not an ltx-mock: /__admin/health responded with HTTP 200$"):
        ControlClient(way, ROOT, {"key": "a-key"}, greet_first=True).post("/reset")
    assert [target for _, target, *_ in way.sent] == ["/health"]


def test_who_is_wary_greets_once() -> None:
    way = Way((200, HEALTH), (200, b"{}"), (200, b"a text"))
    client = ControlClient(way, ROOT, greet_first=True)
    client.post("/reset")
    assert client.text("/requests") == "a text"
    assert [target for _, target, *_ in way.sent] == ["/health", "/reset", "/requests"]


@pytest.mark.parametrize(
    ("status", "body", "text", "reason"),
    [
        (404, b'{"error": "no task"}', "responded with HTTP 404: no task", "no task"),
        (500, b'{"error": {"a": 1}}', "responded with HTTP 500: an object of 1 field", None),
        (500, b"[1]", "responded with HTTP 500: an array of 1 item", None),
        (502, b"<html>", "responded with HTTP 502 and no JSON; is it an ltx-mock?", None),
        (200, b"<html>", "responded with HTTP 200 and no JSON; is it an ltx-mock?", None),
        (200, b'"x"', 'responded with HTTP 200: "x"', None),
    ],
)
def test_an_error_says_where_and_why(status: int, body: bytes, text: str, reason: str | None) -> None:
    with pytest.raises(ControlError) as error:
        ControlClient(Way((status, body)), ROOT).get("/tasks")
    assert str(error.value) == f"{ROOT}/__admin/tasks {text}"
    assert (error.value.status, error.value.reason) == (status, reason or str(error.value))


def test_a_text_is_no_error() -> None:
    with pytest.raises(ControlError, match="responded with HTTP 400: no such form"):
        ControlClient(Way((400, b'{"error": "no such form"}')), ROOT).text("/requests", format="x")


@pytest.mark.parametrize(("status", "kind"), [(400, SettingsError), (404, NotFoundError), (409, ConflictError)])
def test_an_error_is_of_the_kind_that_its_status_says(status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"^not that$"):
        Admin(Way((status, b'{"error": "not that"}')), ROOT, "a-key").post("/tenants")


def test_both_ways_lead_to_the_same_answers() -> None:
    def seen(admin: Any) -> list[Any]:
        return [admin.get("/settings"), admin.get("/clock"), admin.post("/scenarios", {"name": "stuck"})]

    with MockServer(clock="manual", admin_token="secret-token") as mock:
        inside = seen(mock._admin)
        mock.scenarios.clear()
        assert seen(RemoteServer(mock.url, mock.api_key, "secret-token")._admin) == inside


def test_a_stranger_learns_neither_key_nor_token() -> None:
    with serving([answer(b"{}")]) as (port, requests):
        server = RemoteServer(f"http://127.0.0.1:{port}", "secret-key", "secret-token")
        assert "is not an ltx-mock" in str(server.why_not_ours())
    assert len(requests) == 1
    assert b"secret" not in requests[0]


def test_a_token_goes_with_all_that_asks_for_one() -> None:
    with serving([answer(b"{}")]) as (port, requests):
        root = f"http://127.0.0.1:{port}"
        ControlClient(HttpTransport(root, "the-token"), root).get("/tasks")
    assert b"authorization: bearer the-token" in requests[0].lower()


def test_a_long_path_is_told_in_short() -> None:
    with pytest.raises(ControlError) as error:
        ControlClient(Way((414, b"")), ROOT).get(f"/tasks/{'x' * 100_000}")
    assert len(str(error.value)) < 400
