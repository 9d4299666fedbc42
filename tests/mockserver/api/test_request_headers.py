"""The journal keeps the headers of a request, and what is secret in them goes nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.testing.receiver import CallbackReceiver
from ltx_mock_contracts.reporting.redaction import header_value
from support.bodies import STATUS, request_body, submit

KEY, TOKEN = "the-secret-key-1111", "the-admin-token"
SENT = {
    "User-Agent": "my-app/1.0",
    "X-Team": "video",
    "Cookie": "session=hidden-1",
    "X-Api-Key": "hidden-2",
    "X-Trace": f"of {KEY}",
    "Proxy-Authorization": "Basic hidden-3",
}


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual", api_key=[KEY], admin_token=TOKEN) as running:
        with running.client(headers=SENT) as client:
            client.get(STATUS)
            submit(client)
        httpx.get(running.base_url + STATUS, headers={"authorization": "hidden-4 of a stranger"}, trust_env=False)
        yield running


def told(mock: MockServer, form: str) -> str:
    admin = {"authorization": f"Bearer {TOKEN}"}
    return httpx.get(f"{mock.url}/__admin/requests", params={"format": form}, headers=admin, trust_env=False).text


def test_they_are_in_the_journal_without_what_is_secret(mock: MockServer) -> None:
    for entry in mock.requests:
        headers = entry.request_headers
        assert (headers["user-agent"], headers["x-team"], headers["host"]) == ("my-app/1.0", "video", "127.0.0.1")
        assert (headers["authorization"], headers["proxy-authorization"]) == ("Bearer …", "Basic …")
        assert (headers["cookie"], headers["x-api-key"], headers["x-trace"]) == ("…", "…", "of …1111")
    assert mock.requests[1].request_headers["content-type"] == "application/json"
    assert mock.unauthenticated_requests[0].request_headers["authorization"] == "…"


@pytest.mark.parametrize("form", ["json", "ndjson", "har"])
def test_no_form_of_the_journal_has_a_secret(mock: MockServer, form: str) -> None:
    text = told(mock, form)
    assert "my-app/1.0" in text
    assert not [secret for secret in (KEY, TOKEN, "hidden-") if secret in text]


def test_har_has_them_all_in_their_order(mock: MockServer) -> None:
    first = json.loads(told(mock, "har"))["log"]["entries"][0]
    names = [header["name"] for header in first["request"]["headers"]]
    assert {"host", "user-agent", "x-team", "cookie"} <= set(names)
    assert first["time"] == first["timings"]["wait"] == 0


def test_latency_is_virtual_and_what_a_scenario_or_a_receiver_made_of_it() -> None:
    """So it is the same in every run; where the clock stands no answer is waited for."""
    with MockServer(clock="real", speed=10_000) as mock, mock.client() as client:
        mock.scenarios.add(delay={"type": "fixed", "milliseconds": 2500}, operation="statusTask")
        client.get(STATUS), client.get(STATUS)
        assert [entry.latency for entry in mock.requests] == [2500, 0]
        har = httpx.get(f"{mock.url}/__admin/requests", params={"format": "har"}, trust_env=False).json()
        assert [entry["time"] for entry in har["log"]["entries"]] == [2500, 0]
        mock.clock.set("manual")
        mock.scenarios.add(delay={"type": "fixed", "milliseconds": 2500}, operation="statusTask")
        client.get(STATUS)
        assert mock.requests[-1].latency == 0


def test_a_callback_has_its_content_type_and_a_download_has_its_headers() -> None:
    with MockServer(clock="manual") as mock, mock.client() as client, CallbackReceiver() as receiver:
        body = request_body() | {"request_type": "callback", "callback_url": receiver.url}
        client.post("/generateTask/ltx-2-19b", json=body)
        mock.clock.advance(60)
        client.get(mock.tasks[0].result_url or "", headers={"range": "bytes=0-9"})
        assert mock.requests[-1].request_headers["content-type"] == "application/json"
        assert mock.downloads[0].request_headers["range"] == "bytes=0-9"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", "Bearer abc", "Bearer …"),
        ("authorization", "abc def", "…"),
        ("authorization", "", ""),
        ("Set-Cookie", "a=b", "…"),
        ("X-Auth-Token", "abc", "…"),
        ("X-Amz-Signature", "abc", "…"),
        ("Ocp-Apim-Subscription-Key", "abc", "…"),
        ("X-Jwt-Assertion", "abc", "…"),
        ("Idempotency-Key", "abc", "abc"),
        ("Accept", "*/*", "*/*"),
        ("X-Request-Id", "7", "7"),
    ],
)
def test_a_header_is_secret_by_its_name(name: str, value: str, shown: str) -> None:
    assert header_value(name, value) == shown
