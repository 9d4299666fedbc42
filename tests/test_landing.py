"""What a browser and a program that waits for the server find at its root."""

from __future__ import annotations

import socket

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.server import bind, url_of
from support import message_of


def test_a_browser_is_sent_to_the_dashboard(server: MockServer) -> None:
    accept = "text/html,application/xhtml+xml,*/*;q=0.8"
    answer = httpx.get(server.url, headers={"accept": accept})
    assert (answer.status_code, answer.headers["location"]) == (307, "/__admin/")
    page = httpx.get(server.url, headers={"accept": accept}, follow_redirects=True)
    assert page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("accept", ["*/*", "application/json", None])
def test_a_program_that_waits_gets_200_and_links(method: str, accept: str | None, server: MockServer) -> None:
    headers = {} if accept is None else {"accept": accept}
    answer = httpx.request(method, f"{server.url}/", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    if method == "GET":
        links = answer.json()
        assert links["baseUrl"] == server.base_url
        for name in ("dashboard", "openapi", "health", "files"):
            assert httpx.get(links[name]).status_code == 200


def test_nothing_is_posted_to_the_root(server: MockServer) -> None:
    assert "Nothing at '/'" in message_of(httpx.post(f"{server.url}/"), 404)


def test_the_icon_and_the_root_are_no_news() -> None:
    with MockServer() as mock:
        assert httpx.get(f"{mock.url}/favicon.ico").status_code == 204
        assert httpx.get(mock.url).status_code == 200
        assert httpx.get(f"{mock.url}/__admin/requests?kind=all").json()["requests"] == []


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
@pytest.mark.parametrize("host", ["localhost", "::"])
def test_a_name_of_two_families_serves_both(host: str) -> None:
    with MockServer(host=host, admin_token="t") as mock:
        port = int(mock.url.rpartition(":")[2])
        for url in (f"http://127.0.0.1:{port}", f"http://[::1]:{port}", f"http://localhost:{port}", mock.url):
            assert httpx.get(f"{url}/__admin/health").json()["status"] == "ok"


def test_one_family_has_one_socket() -> None:
    sock = bind("127.0.0.1", 0)
    try:
        assert url_of(sock) == f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        sock.close()
