"""Who may drive the control plane: not the pages in a developer's browser, and not the network."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from ltx_mock import MockServer

TOKEN = "an-admin-token"
READING = ["/tasks", "/clock", "/requests", "/settings", "/openapi.json", "/schemas", "/nothing/here"]


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual") as running:
        yield running


@pytest.fixture(scope="module")
def guarded() -> Iterator[MockServer]:
    with MockServer(clock="manual", admin_token=TOKEN) as running:
        yield running


@pytest.fixture(scope="module")
def exposed() -> Iterator[MockServer]:
    with MockServer(clock="manual", host="0.0.0.0") as running:
        yield running


def get(mock: MockServer, path: str = "/tasks", method: str = "GET", **headers: str) -> httpx.Response:
    """Call the control plane; an underscore in a header's name stands for a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.Client(trust_env=False, verify=False) as client:
        return client.request(method, f"{mock.url}/__admin{path}", headers=named)


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:9999", "127.0.0.1", "127.1.2.3:80", "[::1]:80", "a.localhost"]
)
def test_loopback_names_are_let_in(mock: MockServer, host: str) -> None:
    assert get(mock, host=host).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.com",
        "127.0.0.1.evil.com",
        "localhost.evil.com",
        "127.0.0.1.nip.io:8219",
        "127.0.0.1@evil.com",
        "0.0.0.0",
        "192.168.0.7",
        "[::",
        "",
        "127.0.0.",
        "localhost\\.evil.com",
    ],
)
def test_a_rebound_name_is_shut_out(mock: MockServer, host: str) -> None:
    answer = get(mock, host=host)
    assert answer.status_code == 403
    assert "loopback host such as localhost" in answer.json()["error"]


def test_a_name_that_is_no_text_is_shut_out(mock: MockServer) -> None:
    with httpx.Client(trust_env=False, verify=False) as client:
        answer = client.get(f"{mock.url}/__admin/tasks", headers=[(b"host", "127.0.0.²".encode("latin-1"))])
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "origin", ["https://evil.com", "http://localhost:3000", "null", "http://[", "", "file://", "x"]
)
@pytest.mark.parametrize("path", READING)
def test_a_page_from_another_origin_is_shut_out(mock: MockServer, origin: str, path: str) -> None:
    answer = get(mock, path, origin=origin)
    assert answer.status_code == 403
    assert answer.json() == {"error": "the control plane refuses requests from pages of other sites"}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_the_browser_says_comes_from_another_site_is_shut_out(mock: MockServer, site: str) -> None:
    assert get(mock, "/reset", "POST", sec_fetch_site=site).status_code == 403


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_the_address_bar_and_its_own_pages_are_let_in(mock: MockServer, site: str) -> None:
    assert get(mock, sec_fetch_site=site).status_code == 200
    assert get(mock, origin=mock.url).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD", "PUT"])
@pytest.mark.parametrize("path", ["", "/", *READING, "/health", "/reset", "/clock/advance"])
def test_no_answer_lets_a_foreign_page_read_it(mock: MockServer, method: str, path: str) -> None:
    answer = get(mock, path, method, origin="https://evil.com", access_control_request_method="POST")
    assert [name for name in answer.headers if name.startswith("access-control")] == []
    assert answer.status_code in {200, 403, 405}
    assert answer.status_code != 200 or path == "/health"


def test_a_pre_flight_gets_no_permission(mock: MockServer) -> None:
    answer = get(mock, "/reset", "OPTIONS", origin="https://evil.com", access_control_request_method="POST")
    assert answer.status_code == 403


def test_with_a_token_only_the_token_opens(guarded: MockServer) -> None:
    assert get(guarded).status_code == 401
    assert get(guarded, authorization=f"Bearer {TOKEN}x").status_code == 401
    assert get(guarded, authorization="Bearer").status_code == 401
    assert get(guarded, authorization="Bearer any-key").status_code == 401
    assert get(guarded, authorization=TOKEN).status_code == 401
    assert get(guarded, authorization=f"Bearer {TOKEN}").status_code == 200
    assert get(guarded, authorization=f"bearer {TOKEN}").status_code == 200


def test_a_401_says_what_to_send_and_not_the_token(guarded: MockServer) -> None:
    answer = get(guarded)
    assert answer.json() == {"error": 'the control plane needs "Authorization: Bearer <admin token>" here'}
    assert TOKEN not in answer.text


def test_a_token_opens_under_any_name_but_not_to_foreign_pages(guarded: MockServer) -> None:
    assert get(guarded, authorization=f"Bearer {TOKEN}", host="mock.internal").status_code == 200
    assert get(guarded, authorization=f"Bearer {TOKEN}", origin="https://evil.com").status_code == 403


def test_on_an_open_address_the_control_plane_is_closed_without_a_token(exposed: MockServer) -> None:
    for path in READING:
        answer = get(exposed, path)
        assert answer.status_code == 403
        assert answer.json()["error"] == (
            "the control plane is closed on this address; start the server with --admin-token"
        )


def test_health_is_open_to_all(mock: MockServer, guarded: MockServer, exposed: MockServer) -> None:
    for each in (mock, guarded, exposed):
        answer = get(each, "/health", host="some.pod.cluster")
        assert answer.status_code == 200
        assert answer.json()["status"] == "ok"


def test_the_api_itself_is_open_on_an_open_address(exposed: MockServer) -> None:
    with exposed.client(verify=False) as client:
        assert client.get("/statusTask/ltx-2-19b", params={"taskId": "x"}).status_code == 404


def test_the_api_key_of_a_client_is_no_admin_token(guarded: MockServer) -> None:
    with guarded.client(verify=False) as client:
        assert client.get(f"{guarded.url}/__admin/tasks").status_code == 401
