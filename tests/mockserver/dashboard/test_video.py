"""A rendered video in a real browser: Chromium plays it, knows its length and seeks in it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Page, sync_playwright
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from ltx_mock.api.video import dimensions, render
from ltx_mock.asgi.byte_ranges import BytesResponse

pytestmark = pytest.mark.browser

PLAY = """async (video, source) => {
    const heard = name => new Promise((resolve, reject) => {
        video.addEventListener(name, resolve, {once: true});
        video.addEventListener("error", () => reject(video.error.message), {once: true});
    });
    const loaded = heard("loadedmetadata");
    video.src = source;
    await loaded;
    const facts = {width: video.videoWidth, height: video.videoHeight, duration: video.duration};
    await video.play();
    while (!(video.currentTime > 0)) await heard("timeupdate");
    facts.played = video.currentTime;
    video.pause();
    const sought = heard("seeked");
    video.currentTime = facts.duration - 0.5;
    await sought;
    facts.sought = video.currentTime;
    const ended = heard("ended");
    await video.play();
    await ended;
    facts.end = video.currentTime;
    return facts;
}"""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve `/{resolution}/{ratio}/{seconds}.mp4`, and a page with an empty player everywhere else."""
    if not scope["path"].endswith(".mp4"):
        await HTMLResponse("<!doctype html><video muted></video>")(scope, receive, send)
        return
    resolution, ratio, seconds = scope["path"].removesuffix(".mp4").strip("/").split("/")
    content = render(resolution=resolution, aspect_ratio=ratio, seconds=int(seconds), picture=b"in a browser")
    await BytesResponse(content, media_type="video/mp4")(scope, receive, send)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    # Connections wait in the backlog of the listening socket until the server takes them, so nobody has to poll.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def page(url: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page()
        page.goto(url)
        yield page
        browser.close()


@pytest.mark.parametrize(
    ("resolution", "ratio", "seconds"),
    [("480p", "16:9", 5), ("480p", "9:16", 20), ("720p", "9:16", 5), ("1080p", "16:9", 20), ("1080p", "9:16", 5)],
)
def test_chromium_plays_it_and_seeks_in_it(page: Page, resolution: str, ratio: str, seconds: int) -> None:
    facts: dict[str, Any] = page.locator("video").evaluate(PLAY, f"/{resolution}/{ratio}/{seconds}.mp4")
    assert (facts["width"], facts["height"]) == dimensions(resolution, ratio)
    assert facts["duration"] == seconds
    assert 0 < facts["played"] < seconds
    assert facts["sought"] == seconds - 0.5
    assert facts["end"] == seconds
