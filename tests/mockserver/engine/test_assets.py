"""How tasks fail: by what the request says, and by what is found when images and LoRAs are really fetched."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from ltx_mock.asgi.in_process import call
from ltx_mock.core.settings import Settings
from ltx_mock.engine.assets import Inspector
from ltx_mock.server.app import build, new_engine
from ltx_mock.store.tenant import Tenant
from ltx_mock.testing.tenant import World
from support.bodies import GENERATE, IMAGE, IMAGE_LORA, MINUTE, TEXT, TEXT_LORA, ask, request_body, submit
from support.waiting import SECONDS

LIMIT = 10 * 1024 * 1024
JPG = b"\xff\xd8\xff\xe0" + bytes(100)
FILES = {
    "/good.jpg": JPG,
    "/good.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "/good.webp": b"RIFF\x24\0\0\0WEBPVP8 " + bytes(100),
    "/exactly-10-mb.jpg": JPG.ljust(LIMIT, b"\0"),
    "/10-mb-and-a-byte.jpg": JPG.ljust(LIMIT + 1, b"\0"),
    "/animated.gif": b"GIF89a" + bytes(100),
    "/sound.wav": b"RIFF\x24\0\0\0WAVEfmt " + bytes(100),
    "/page.jpg": b"<!doctype html><title>Not found</title>",
    "/empty": b"",
    "/style.safetensors": b"\x08\0\0\0\0\0\0\0{}      ",
}
REDIRECTS = {
    "/to-good": "/good.png",
    "/to-bad": "/animated.gif",
    "/to-itself": "/to-itself",
    "/to-elsewhere": "https://cdn.example.com/ref.jpg",
    "/to-nothing": "http://[",
    "/to-a-file": "file:///etc/passwd",
    "/to-ftp": "ftp://127.0.0.1/ref.jpg",
}


class Files(BaseHTTPRequestHandler):
    """Serves what is above; `/hang` until the test is over."""

    released = threading.Event()

    def do_GET(self) -> None:
        content = FILES.get(self.path)
        if self.path == "/hang":
            self.released.wait(SECONDS)
        elif self.path in REDIRECTS:
            self.send_response(302)
            self.send_header("location", REDIRECTS[self.path])
            self.end_headers()
        elif content is None:
            self.send_error(500 if self.path == "/broken" else 404)
        else:
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # who has seen enough of a file hangs up
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class gives it
        pass


@pytest.fixture(scope="module")
def files() -> Iterator[str]:
    """The root URL of a server of files on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        Files.released.set()
        server.shutdown()
        thread.join()


def outcome(client: httpx.Client, world: World, source: dict[str, Any], /, **changes: Any) -> str:
    """Have a task made, wait until it must have ended, and return its fail code or `success`."""
    task_id = submit(client, source, **changes)
    world.clock.advance(2 * MINUTE)
    told = ask(client, task_id)
    return str(told.get("failCode", told["state"]))


def lora(url: str) -> list[dict[str, Any]]:
    return [{"path": url, "scale": 1}]


# ---- what the request says


@pytest.mark.rule("FAIL-1")
@pytest.mark.parametrize("prompt", ["nude", "A NSFW scene", "blood and gore.", "\ngore\n", "porn-like", "(Beheading)"])
def test_a_forbidden_word_in_the_prompt_is_a_content_violation(client: httpx.Client, world: World, prompt: str) -> None:
    assert outcome(client, world, IMAGE_LORA, prompt=prompt) == "CONTENT_VIOLATION"
    assert "forbidden word" in str(world.tasks[0].cause)


@pytest.mark.rule("FAIL-1")
@pytest.mark.parametrize("prompt", ["gorecki plays", "denuded hills", "pornic harbour", "nsfwx", "folgore"])
def test_a_word_that_only_contains_a_forbidden_one_is_none(client: httpx.Client, world: World, prompt: str) -> None:
    assert outcome(client, world, TEXT_LORA, prompt=prompt) == "success"


@pytest.mark.rule("FAIL-1", "FAIL-2", "FAIL-3")
@pytest.mark.parametrize("code", ["CONTENT_VIOLATION", "INVALID_IMAGE_URL", "INVALID_LORA_URL"])
def test_a_directive_in_the_prompt_chooses_the_failure(client: httpx.Client, world: World, code: str) -> None:
    directive = f"[[{code.lower().replace('_', '-')}]]"
    assert outcome(client, world, TEXT_LORA, prompt=f"a gore fest {directive} at night") == code


@pytest.mark.parametrize("prompt", ["[[ content-violation ]]", "[[CONTENT-VIOLATION]]", "[[nonsense]]", "[[", "]] [["])
def test_what_is_not_quite_a_directive_is_only_text(client: httpx.Client, world: World, prompt: str) -> None:
    assert outcome(client, world, TEXT_LORA, prompt=prompt) == "success"


@pytest.mark.rule("FAIL-2", "FAIL-3")
@pytest.mark.parametrize("host", ["invalid", "x.invalid", "X.INVALID", "x.invalid.", "u:p@x.invalid:80"])
def test_a_host_under_invalid_cannot_be_reached(client: httpx.Client, world: World, host: str) -> None:
    url = f"http://{host}/file"
    assert outcome(client, world, IMAGE, image_urls=[url]) == "INVALID_IMAGE_URL"
    assert outcome(client, world, TEXT_LORA, loras=[*lora("https://a.example/l"), *lora(url)]) == "INVALID_LORA_URL"
    assert outcome(client, world, IMAGE_LORA, image_urls=[url], loras=lora(url)) == "INVALID_IMAGE_URL"


def test_a_host_that_only_looks_like_it_is_taken_to_be_fine(client: httpx.Client, world: World) -> None:
    for url in ("https://invalid.example/a", "https://notinvalid/a", "https://a.example/x.invalid"):
        assert outcome(client, world, IMAGE, image_urls=[url]) == "success"


def test_an_image_that_a_text_mode_does_not_use_is_not_looked_at(client: httpx.Client, world: World) -> None:
    assert outcome(client, world, TEXT_LORA, image_urls=["http://x.invalid/a.png"]) == "success"


# ---- what is found on loopback


@pytest.mark.rule("FAIL-2")
@pytest.mark.parametrize(
    "path", ["/good.jpg", "/good.png", "/good.webp", "/exactly-10-mb.jpg", "/to-good", "/to-elsewhere"]
)
def test_a_good_image_does_no_harm(client: httpx.Client, world: World, files: str, path: str) -> None:
    assert outcome(client, world, IMAGE, image_urls=[files + path]) == "success"


@pytest.mark.rule("FAIL-2")
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/missing.png", "HTTP 404"),
        ("/broken", "HTTP 500"),
        ("/animated.gif", "not a JPG, PNG or WebP"),
        ("/sound.wav", "not a JPG, PNG or WebP"),
        ("/page.jpg", "not a JPG, PNG or WebP"),
        ("/empty", "not a JPG, PNG or WebP"),
        ("/10-mb-and-a-byte.jpg", "larger than 10 MB"),
        ("/to-bad", "not a JPG, PNG or WebP"),
        ("/to-itself", "redirects"),
        ("/to-nothing", "redirect"),
        ("/to-a-file", "file:///etc/passwd"),
        ("/to-ftp", "ftp"),
    ],
)
def test_a_bad_image_fails_the_task_and_the_message_says_why(
    client: httpx.Client, world: World, files: str, path: str, reason: str
) -> None:
    task_id = submit(client, IMAGE, image_urls=[files + path])
    world.clock.advance(2 * MINUTE)
    failed = ask(client, task_id)
    assert failed["failCode"] == "INVALID_IMAGE_URL"
    assert failed["failMsg"].startswith("Cannot access the provided image URL: ")
    assert reason in failed["failMsg"]


@pytest.mark.rule("FAIL-3")
@pytest.mark.parametrize(
    ("path", "state"),
    [
        ("/style.safetensors", "success"),
        ("/to-good", "success"),
        ("/missing", "INVALID_LORA_URL"),
        ("/empty", "INVALID_LORA_URL"),
        ("/broken", "INVALID_LORA_URL"),
        ("/to-itself", "INVALID_LORA_URL"),
    ],
)
def test_a_lora_must_be_there_to_download(
    client: httpx.Client, world: World, files: str, path: str, state: str
) -> None:
    assert outcome(client, world, TEXT_LORA, loras=[*lora(files + "/good.jpg"), *lora(files + path)]) == state


@pytest.mark.rule("FAIL-2", "FAIL-3")
def test_nobody_listening_is_a_failure_too(client: httpx.Client, world: World) -> None:
    with HTTPServer(("127.0.0.1", 0), Files) as closed:
        port = closed.server_port
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert outcome(client, world, IMAGE, image_urls=[f"http://{host}:{port}/a.png"]) == "INVALID_IMAGE_URL"
    assert outcome(client, world, TEXT_LORA, loras=lora(f"http://127.0.0.1:{port}/")) == "INVALID_LORA_URL"


@pytest.mark.rule("FAIL-2")
def test_a_server_that_never_answers_is_given_up(
    client: httpx.Client, world: World, files: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ltx_mock.engine.assets.FETCH_SECONDS", 0.1)
    assert outcome(client, world, IMAGE, image_urls=[files + "/hang"]) == "INVALID_IMAGE_URL"


@pytest.mark.rule("FAIL-2")
def test_an_app_that_serves_the_image_itself_may_wait_for_its_answers_first(client: httpx.Client, world: World) -> None:
    """Nobody accepts a connection here before all requests are answered: no answer may wait for a fetch."""
    with HTTPServer(("127.0.0.1", 0), Files) as mine:
        url = f"http://127.0.0.1:{mine.server_port}"
        good, bad = (submit(client, IMAGE, image_urls=[url + path]) for path in ("/good.png", "/animated.gif"))
        assert [ask(client, task_id)["state"] for task_id in (good, bad)] == ["pending", "pending"]
        for _ in range(2):
            mine.handle_request()
    world.clock.advance(MINUTE)
    assert (ask(client, good)["state"], ask(client, bad)["state"]) == ("success", "failed")


def test_a_reset_in_mid_fetch_leaves_nothing_behind(
    client: httpx.Client, world: World, files: str, caplog: pytest.LogCaptureFixture
) -> None:
    first = submit(client, IMAGE, image_urls=[files + "/hang"])
    world.reset()
    assert submit(client, IMAGE, image_urls=[files + "/good.png"]) == first
    world.clock.advance(MINUTE)
    assert ask(client, first)["state"] == "success"
    assert not caplog.records


def test_a_task_finished_by_hand_stays_as_it_is_whatever_the_fetch_finds(
    client: httpx.Client, world: World, files: str
) -> None:
    task_id = submit(client, IMAGE, image_urls=[files + "/good.png"])
    world.finish(task_id, "failed", "CONTENT_VIOLATION")
    world.clock.advance(MINUTE)
    assert ask(client, task_id)["failCode"] == "CONTENT_VIOLATION"


def test_a_reset_while_a_request_waits_for_another_fetch_leaves_no_ghost_of_a_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        engine = new_engine(Settings(clock="manual"))
        await engine.open()
        app, tenant, waits = build(engine), await engine.store.tenant("key"), asyncio.Event()

        async def made(**changes: Any) -> str:
            body = json.dumps(request_body(IMAGE if changes else TEXT, **changes)).encode()
            reply = await call(app, "POST", GENERATE, headers=[(b"authorization", b"Bearer key")], body=body)
            return str(json.loads(reply.body)["data"]["taskId"])

        async def fetch(*_: object) -> None:
            await asyncio.Event().wait()

        wait = engine.before_generate

        async def noted(tenant: Tenant) -> None:
            waits.set()
            await wait(tenant)

        monkeypatch.setattr(Inspector, "inspect", fetch)
        await made(image_urls=["http://127.0.0.1:9/a.png"])
        await engine.store.run(tenant, lambda tenant: tenant.move_clock(tenant.clock.now() + MINUTE * 1000))
        monkeypatch.setattr(engine, "before_generate", noted)
        waiting = asyncio.create_task(made())
        async with asyncio.timeout(SECONDS):
            await waits.wait()
        assert not waiting.done()
        await engine.tenants.reset(tenant)
        owner, _ = await engine.tenants.find_task(await waiting)
        assert owner == await engine.store.tenant("key") != tenant
        await engine.close()

    asyncio.run(story())
