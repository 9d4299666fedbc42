"""What the fake sends: whom it may reach, and what it takes for an answer."""

from __future__ import annotations

import gzip
import os
import socket
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer, SettingsError
from ltx_mock.engine.outbound import _unanswered
from ltx_mock.engine.target import target_of
from ltx_mock.errors import ConflictError
from ltx_mock.testing.tenant import World
from support.bodies import IMAGE, MINUTE, TEXT, TEXT_LORA, ask, data_of, post, request_body, submit
from support.receivers import Receiver
from support.servers import CERTIFICATE, JPEG, answer, serving

MARK = "x-ltx-mock-outgoing"
FOREIGN = [
    "http://evil.test",
    "https://localhost.evil.test",
    "http://127.0.0.1.evil.test:3000",
    "http://localhost@evil.test",
    "http://evil.test#localhost",
    "null",
    "",
    "file://",
    "http://",
    "localhost",
    "chrome-extension://abcdefghijklmnop",
    "http://10.0.0.7:3000",
]
OWN = ["http://localhost:3000", "https://app.localhost", "http://127.0.0.1:5173", "http://[::1]:80", "HTTP://LOCALHOST"]


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(clock="manual") as running:
        yield running


@pytest.fixture
def world(server: MockServer) -> World:
    return server.tenant()


def submit_with_callback(world: World, url: str, source: dict[str, Any] = TEXT, /, **headers: str) -> str:
    body = request_body(source) | {"request_type": "callback", "callback_url": url}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with world.client(headers=named) as client:
        return str(data_of(post(client, body))["taskId"])


def submit_image(world: World, url: str, **headers: str) -> str:
    with world.client(headers=headers) as client:
        return submit(client, IMAGE, image_urls=[url])


# ---- the control plane is never driven by what is sent


@pytest.mark.parametrize("path", ["/reset", "/health", "/clock/advance", "/", "/tasks", ""])
def test_a_control_plane_refuses_what_bears_the_mark(server: MockServer, path: str) -> None:
    with httpx.Client(trust_env=False) as client:
        for method in ("GET", "POST"):
            refused = client.request(method, f"{server.url}/__admin{path}", headers={MARK: "1"})
            assert refused.status_code == 403
            assert refused.json() == {
                "error": "the control plane refuses requests that an ltx-mock sends, such as callbacks"
            }


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0.0.0.0", "a.localhost"])
@pytest.mark.parametrize("prompt", ["at dusk", "[[callback-first]]"])
def test_a_callback_resets_no_control_plane_under_any_name(host: str, prompt: str) -> None:
    with MockServer(clock="manual") as victim, MockServer(clock="manual") as mock:
        submit_with_callback(victim, "http://localhost:1/")
        for each in (victim, mock):
            port = each.url.rpartition(":")[2]
            submit_with_callback(mock, f"http://{host}:{port}/__admin/reset", TEXT | {"prompt": prompt})
        mock.clock.advance(MINUTE)
        assert (len(victim.tasks), len(mock.tasks)) == (1, 2)
        assert [delivery.attempts[0].status for delivery in mock.callbacks] == [403, 403]


def test_a_rewrite_leads_into_no_control_plane() -> None:
    with MockServer(clock="manual") as victim:
        submit_with_callback(victim, "http://localhost:1/")
        rewrite = {"https://your-server.com": f"{victim.url}/__admin"}
        with MockServer(clock="manual", callback_rewrite=rewrite) as mock:
            submit_with_callback(mock, "https://your-server.com/reset")
            mock.clock.advance(MINUTE)
            assert mock.callbacks[0].attempts[0].status == 403
        assert len(victim.tasks) == 1


def test_callbacks_redeliveries_and_fetches_bear_the_mark(world: World) -> None:
    with serving([answer(JPEG)]) as (port, requests):
        submit_image(world, f"http://localhost:{port}/a.jpg")
        submit_with_callback(world, f"http://localhost:{port}/hook")
        world.clock.advance(3 * MINUTE)
        world.redeliver(world.callbacks[0])
    assert len(requests) == 3
    assert [requests.headers(number)[MARK] for number in range(3)] == ["1", "1", "1"]


def test_a_redirect_of_an_image_bears_the_mark_into_the_control_plane(server: MockServer, world: World) -> None:
    with serving([answer(b"", "302 Found", location=f"{server.url}/__admin/tasks")]) as (port, _):
        task_id = submit_image(world, f"http://localhost:{port}/a.jpg")
        world.clock.advance(MINUTE)
        with world.client() as client:
            assert "HTTP 403" in ask(client, task_id)["failMsg"]


# ---- pages of foreign sites


@pytest.mark.parametrize("origin", FOREIGN)
def test_nothing_is_called_for_a_page_of_a_foreign_site(world: World, origin: str) -> None:
    with Receiver() as receiver:
        submit_with_callback(world, receiver.url, TEXT | {"prompt": "[[callback-first]]"}, origin=origin)
        submit_with_callback(world, receiver.url, origin=origin)
        world.clock.advance(10 * MINUTE)
        assert receiver.take_all() == []
    assert [delivery.state for delivery in world.callbacks] == ["withheld", "withheld"]
    assert all("for a foreign page" in str(delivery.reason) for delivery in world.callbacks)


def test_the_reason_names_the_page_and_the_option(world: World) -> None:
    submit_with_callback(world, "http://localhost:3000/hook", origin="https://preview.example.com")
    assert world.callbacks[0].reason == (
        "a page of https://preview.example.com submitted the task, and the fake calls nothing on this machine for a "
        "foreign page; if it is yours, allow it with --allow-origin https://preview.example.com"
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"referer": "http://evil.test/page"},
        {"referer": "http://localhost:3000@evil.test/page"},
        {"referer": "about:blank"},
        {"sec_fetch_site": "cross-site"},
    ],
)
def test_a_page_that_sends_no_origin_is_known_by_what_else_it_sends(world: World, headers: dict[str, str]) -> None:
    submit_with_callback(world, "http://localhost:3000/hook", TEXT, **headers)
    assert world.callbacks[0].state == "withheld"


@pytest.mark.parametrize("origin", OWN)
def test_pages_of_this_machine_have_callbacks_and_images(server: MockServer, world: World, origin: str) -> None:
    with Receiver() as receiver:
        submit_with_callback(
            world, receiver.url, IMAGE | {"image_urls": [f"{server.url}/files/nothing"]}, origin=origin
        )
        world.clock.advance(MINUTE)
        assert b"INVALID_IMAGE_URL" in receiver.take().body


@pytest.mark.parametrize("headers", [{}, {"sec_fetch_site": "same-origin"}, {"referer": "http://localhost:3000/a/b"}])
def test_a_request_from_no_foreign_page_is_called_back(world: World, headers: dict[str, str]) -> None:
    submit_with_callback(world, "http://localhost:1/hook", TEXT, **headers)
    assert world.callbacks[0].state == "scheduled"


@pytest.mark.parametrize(
    ("host", "origin", "state"),
    [
        ("192.168.7.5:8219", "http://192.168.7.5:8219", "scheduled"),
        ("192.168.7.5:8219", "http://192.168.7.6:8219", "withheld"),
        ("192.168.7.5:8219", "http://192.168.7.5:3000", "withheld"),
        ("evil.test:8219", "http://evil.test:8219", "withheld"),
    ],
)
def test_a_page_of_the_fakes_own_address_is_its_own_but_a_name_proves_nothing(
    world: World, host: str, origin: str, state: str
) -> None:
    submit_with_callback(world, "http://localhost:1/hook", TEXT, origin=origin, host=host)
    assert world.callbacks[0].state == state


def test_a_foreign_page_that_a_setting_allows_is_called_back(server: MockServer) -> None:
    allowed = server.tenant(allow_origin=["https://Preview.example.com/", "null"])
    for origin in ("https://preview.example.com", "null", "https://preview.example.com:444"):
        submit_with_callback(allowed, "http://localhost:1/hook", origin=origin)
    assert [delivery.state for delivery in allowed.callbacks] == ["scheduled", "scheduled", "withheld"]


def test_a_foreign_page_learns_nothing_of_the_ports_of_this_machine(world: World) -> None:
    with serving([answer(b"no image")]) as (port, requests):
        for url in (f"http://127.0.0.1:{port}/", "http://127.0.0.1:1/", f"https://localhost:{port}/"):
            submit_image(world, url, origin="http://evil.test")
        world.clock.advance(3 * MINUTE)
    assert requests == []
    assert [task.state for task in world.tasks] == ["success"] * 3
    assert all("http://evil.test" in str(task.cause) for task in world.tasks)


def test_a_withheld_callback_of_a_foreign_page_is_not_redelivered(world: World) -> None:
    submit_with_callback(world, "http://localhost:1/hook", origin="null")
    world.finish(world.tasks[0])
    with pytest.raises(ConflictError, match="for a foreign page"):
        world.redeliver(world.callbacks[0])


# ---- what is read


def test_identity_is_asked_for_and_nothing_is_kept_open(world: World) -> None:
    with serving([answer(JPEG)]) as (port, requests):
        submit_image(world, f"http://localhost:{port}/a.jpg")
        world.clock.advance(MINUTE)
    headers = requests.headers()
    assert (headers["accept-encoding"], headers["connection"]) == ("identity", "close")


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "gzip, gzip", "zstd", "nonsense"])
def test_an_encoded_image_cannot_be_read(world: World, encoding: str) -> None:
    with serving([answer(gzip.compress(JPEG), content_encoding=encoding)]) as (port, _):
        task_id = submit_image(world, f"http://localhost:{port}/a.jpg")
        world.clock.advance(MINUTE)
    with world.client() as client:
        told = ask(client, task_id)
    assert told["failCode"] == "INVALID_IMAGE_URL"
    assert f"the response has Content-Encoding {encoding!r}; serve the file unencoded" in told["failMsg"]


def test_an_image_that_says_identity_is_fine(world: World) -> None:
    with serving([answer(JPEG, content_encoding="Identity")]) as (port, _):
        submit_image(world, f"http://localhost:{port}/a.jpg")
        world.clock.advance(3 * MINUTE)
    assert world.tasks[0].state == "success"


ENDLESS = {
    "a head that trickles": [b"HTTP/1.1 200 OK\r\n", *repeat(b"a: b\r\n", 1000)],
    "a body that trickles": [b"HTTP/1.1 200 OK\r\n\r\n\xff\xd8\xff", *repeat(b"0", 1000)],
    "one line that trickles": [*repeat(b"H", 1000)],
    "informational answers": [*repeat(b"HTTP/1.1 100 Continue\r\n\r\n", 5)],
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_an_image_that_never_ends_is_given_up(world: World, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ltx_mock.engine.assets.FETCH_SECONDS", 0.3)
    with serving(ENDLESS[kind], pause=0.02) as (port, _):
        task_id = submit_image(world, f"http://localhost:{port}/a.jpg")
        world.clock.advance(MINUTE)
        with world.client() as client:
            assert ask(client, task_id)["failCode"] == "INVALID_IMAGE_URL"


FLOODS = {
    "a long head": [b"HTTP/1.1 200 OK\r\n", *repeat(b"a: b\r\n" * 1000, 1000)],
    "informational answers": [*repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 1000)],
    "no HTTP": [*repeat(b"\0" * 10_000, 1000)],
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_is_not_read_to_its_end(world: World, kind: str) -> None:
    with serving(FLOODS[kind]) as (port, _):
        submit_with_callback(world, f"http://localhost:{port}/hook")
        world.clock.advance(MINUTE)
    (attempt,) = world.callbacks[0].attempts
    assert attempt.status is None
    assert "no response within" not in str(attempt.error)


def test_a_lora_that_is_encoded_cannot_be_downloaded(world: World) -> None:
    with serving([answer(b"x", content_encoding="gzip")]) as (port, _), world.client() as client:
        task_id = submit(client, TEXT_LORA, loras=[{"path": f"http://localhost:{port}/l", "scale": 1}])
        world.clock.advance(MINUTE)
        assert ask(client, task_id)["failCode"] == "INVALID_LORA_URL"


# ---- https


def test_a_certificate_of_ones_own_is_trusted_when_it_is_named() -> None:
    with serving([answer(JPEG)], tls=True) as (port, requests), MockServer(clock="manual", ca_file=CERTIFICATE) as mock:
        submit_with_callback(mock, f"https://localhost:{port}/hook")
        submit_image(mock, f"https://127.0.0.1:{port}/a.jpg")
        mock.clock.advance(3 * MINUTE)
        assert mock.callbacks[0].state == "delivered"
        assert (mock.tasks[1].state, mock.tasks[1].cause) == ("success", None)
    assert len(requests) == 2


def test_a_bad_image_is_one_over_https_too() -> None:
    with serving([answer(b"text")], tls=True) as (port, _), MockServer(clock="manual", ca_file=CERTIFICATE) as mock:
        submit_image(mock, f"https://localhost:{port}/a.jpg")
        mock.clock.advance(MINUTE)
        assert mock.tasks[0].fail_code == "INVALID_IMAGE_URL"


def test_the_environment_may_name_the_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with serving([answer(JPEG)], tls=True) as (port, _), MockServer(clock="manual") as mock:
        submit_with_callback(mock, f"https://localhost:{port}/hook")
        mock.clock.advance(MINUTE)
        assert mock.callbacks[0].state == "delivered"


def test_a_certificate_that_is_not_trusted_fails_no_task_and_says_what_to_do(world: World) -> None:
    with serving([answer(JPEG)], tls=True) as (port, _):
        submit_image(world, f"https://localhost:{port}/a.jpg")
        submit_with_callback(world, f"https://localhost:{port}/hook")
        world.clock.advance(3 * MINUTE)
    advice = "give the authority that signed it with --ca-file FILE or SSL_CERT_FILE"
    assert (world.tasks[0].state, world.tasks[0].fail_code) == ("success", None)
    assert advice in str(world.tasks[0].cause)
    assert advice in str(world.callbacks[0].attempts[0].error)


def test_a_trust_file_that_cannot_be_used_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")
    with serving([answer(b"")], tls=True) as (port, _), world.client() as client:
        post(client, request_body(TEXT) | {"request_type": "callback", "callback_url": f"https://localhost:{port}/"})
        world.clock.advance(MINUTE)
    error = world.callbacks[0].attempts[0].error or ""
    assert error.endswith("; SSL_CERT_FILE '/no/such/file.pem' cannot be used: No such file or directory"), error


def test_a_certificate_of_another_name_says_so() -> None:
    with serving([answer(JPEG)], tls=True) as (port, _), MockServer(clock="manual", ca_file=CERTIFICATE) as mock:
        submit_with_callback(mock, f"https://other.localhost:{port}/hook")
        mock.clock.advance(MINUTE)
        assert "use a host name that is in the certificate" in str(mock.callbacks[0].attempts[0].error)


def test_a_file_without_a_certificate_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for name, reason in {"empty.pem": "no certificate in PEM form", "missing.pem": "No such file"}.items():
        with pytest.raises(SettingsError, match=reason):
            MockServer(ca_file=tmp_path / name)


@pytest.mark.posix
def test_nobody_waits_for_certificates_from_a_pipe_or_a_device(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(SettingsError, match="cannot be used: it is not a file"):
            MockServer(ca_file=path)


# ---- nobody there


def test_in_a_container_a_dead_port_says_how_to_reach_the_host(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("container", "podman")
    submit_with_callback(world, "http://localhost:1/hook")
    world.clock.advance(MINUTE)
    assert world.callbacks[0].attempts[0].error == (
        "nothing listens on localhost:1 (connection refused); in a container this host is the container itself: to "
        "call a receiver on its host use --callback-rewrite http://localhost:1=http://host.docker.internal:1"
    )


def test_without_a_name_for_the_host_of_containers_the_option_of_the_engine_is_named() -> None:
    hint = "; start the container with --add-host host.docker.internal:host-gateway"
    for host, more in {"host.docker.internal": hint, "app.test": ""}.items():
        unknown = _unanswered(socket.gaierror(socket.EAI_NONAME, "no such name"), target_of(f"http://{host}:3000/hook"))
        assert str(unknown) == f"the host {host} cannot be found: no such name{more}"


def test_in_a_container_an_image_on_a_dead_port_says_how_to_name_the_host(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hint = "in a container this host is the container itself: give a file on its host as host.docker.internal"
    for container in ("podman", ""):
        monkeypatch.setattr("ltx_mock.engine.assets.in_container", lambda container=container: bool(container))
        task_id = submit_image(world, "http://localhost:1/a.png")
        world.clock.advance(MINUTE)
        with world.client() as client:
            failed = ask(client, task_id)
        assert (failed["failCode"], hint in failed["failMsg"]) == ("INVALID_IMAGE_URL", bool(container))


def test_elsewhere_a_dead_port_asks_whether_the_receiver_runs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ltx_mock.engine.callbacks.in_container", lambda: False)
    submit_with_callback(world, "http://127.0.0.1:1/hook")
    world.clock.advance(MINUTE)
    assert world.callbacks[0].attempts[0].error == (
        "nothing listens on 127.0.0.1:1 (connection refused); is the receiver running on this port?"
    )


def test_port_0_is_no_usual_port(ltx_mock: World) -> None:
    submit_with_callback(ltx_mock, "http://127.0.0.1:0/hook")
    ltx_mock.clock.advance(2 * MINUTE)
    assert "127.0.0.1:80 " not in str(ltx_mock.callbacks[0].attempts[0].error)
