"""What a browser and a program that waits for the server find at its root."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import httpx
import pytest

from ltx_mock import LtxMockError, MockServer
from ltx_mock.api import endpoints as api
from ltx_mock.control import params as control_input
from ltx_mock.control import tenants as control_worlds
from ltx_mock.control import to_json as views
from ltx_mock.server import http as server
from ltx_mock.server import http_protocol as connection
from ltx_mock.server.http import listen, url_of
from ltx_mock_contracts.validation.json_body import DEPTH_LIMIT, LARGE
from support.bodies import message_of


def test_a_browser_is_sent_to_the_dashboard(server: MockServer) -> None:
    accept = "text/html,application/xhtml+xml,*/*;q=0.8"
    answer = httpx.get(server.url, headers={"accept": accept})
    assert (answer.status_code, answer.headers["location"]) == (307, "/__admin/")
    page = httpx.get(server.url, headers={"accept": accept}, follow_redirects=True)
    assert page.headers["content-type"].startswith("text/html")


@pytest.mark.sample(4)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "accept",
    ["*/*", "application/json", None, "", "text/html;q=0", "application/json, text/html;q=0.5", "text/html;q=x"],
)
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


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_a_name_of_which_one_address_is_taken_is_refused() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
        port = other.getsockname()[1]
        with pytest.raises(LtxMockError) as refused:
            listen("localhost", port)
        assert str(refused.value) == (
            f"cannot listen on [::1]:{port}, which localhost includes: another program does. "
            "Try --port 0, or --host 127.0.0.1"
        )
        with MockServer(host="127.0.0.1", port=port) as mock:  # nothing is left behind
            assert httpx.get(mock.url).status_code == 200


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_a_free_port_is_free_on_both_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
        taken, free = other.getsockname()[1], server.bind
        ports = iter([taken])
        monkeypatch.setattr(server, "bind", lambda host, port: free(host, next(ports, port)))
        sockets = listen("localhost", 0)
    try:
        assert {sock.getsockname()[1] for sock in sockets} == {sockets[0].getsockname()[1]} - {taken}
    finally:
        for sock in sockets:
            sock.close()


def test_one_family_has_one_socket() -> None:
    [sock] = listen("127.0.0.1", 0)
    try:
        assert url_of(sock) == f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        sock.close()


def test_the_guide_knows_the_limits() -> None:
    text = (Path(__file__).parents[3] / "docs" / "http.md").read_text(encoding="utf-8")
    limits = [connection.HEAD_BYTES, connection.HEAD_LINES, connection.TARGET_BYTES, api.MAX_BODY_BYTES, DEPTH_LIMIT]
    limits += [int(connection.HEAD_SECONDS), int(connection.BODY_SECONDS), LARGE // 1024]
    assert all(re.search(rf"\b{limit}\b", text) for limit in limits)
    shown = [views.MAX_PARTS, control_input.MAX_PARTS, control_worlds.MAX_ACTIVE]
    assert all(f" {limit:,} " in text for limit in shown)
    assert all(f"`{name}`" in text for name in ("gzip", "x-gzip", "deflate", "br"))
