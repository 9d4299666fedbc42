"""Make the pictures of the dashboard anew: `python docs/images/make.py`. Needs Chromium and `ltx-mock[dev]`.

The clock is stopped and the seed is fixed, so the tasks are the same in each run.
"""

from __future__ import annotations

import shutil
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from ltx_mock import MockServer
from ltx_mock_contracts.model import MODEL

FOLDER = Path(__file__).parent
PORT = 8219
DESKTOP = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=360, height=740)
GAP = 30
LIST_TOP = 300
PROMPTS = ("a paper boat on a rainy street", "slow pan over a terraced rice field")
LOADED = """video => video.readyState === 4 ||
    new Promise(done => video.addEventListener("canplaythrough", () => done(true), {once: true}))"""
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
NO_RECEIVER = "http://127.0.0.1:9/callback"


def submit(client: httpx.Client, example: str, **fields: object) -> None:
    """Submit an example; fields replace those of its `input`, or of the body if it has them."""
    body: dict[str, Any] = MODEL.example(example, root=f"http://127.0.0.1:{PORT}")
    for name, value in fields.items():
        (body if name in body else body["input"])[name] = value
    client.post(f"/api/v1{MODEL.generate_path}", json=body)


def advance(mock: MockServer, seconds: int) -> None:
    """Advance the clocks of all keys."""
    httpx.post(f"{mock.url}/__admin/clock/advance", json={"seconds": seconds}, trust_env=False)


def live(mock: MockServer, client: httpx.Client, seconds: int) -> None:
    """Let time pass; the client polls its tasks every ten seconds, and one poll fails."""
    for moment in range(0, seconds, 10):
        advance(mock, 10)
        for task in httpx.get(f"{mock.url}/__admin/tasks", trust_env=False).json()["tasks"]:
            headers = {"prefer": "code=503"} if moment == 40 else {}
            client.get(f"/api/v1{MODEL.status_path}", params={"taskId": task["id"]}, headers=headers)


def make_tasks(mock: MockServer) -> None:
    """Create tasks that are in different states in the end, and send an invalid request."""
    with httpx.Client(base_url=mock.url, headers={"Authorization": "Bearer any-key"}, trust_env=False) as client:
        for prompt in PROMPTS:
            submit(client, "text", prompt=prompt)
        submit(client, "callback", callback_url=NO_RECEIVER)
        submit(client, "image")
        live(mock, client, 60)
        submit(client, "violation")
        submit(client, "city")
        live(mock, client, 10)
        submit(client, "stuck")
        submit(client, "text", prompt="a fox in the first snow")
        live(mock, client, 10)
        submit(client, "invalid")


@contextmanager
def dashboard(browser: Browser, mock: MockServer, **context: Any) -> Iterator[Page]:
    """Open the dashboard with the tasks loaded."""
    with browser.new_context(**context) as opened:
        page = opened.new_page()
        page.goto(f"{mock.url}/__admin/")
        expect(page.locator("#connection")).to_have_attribute("data-state", "live")
        expect(page.locator("#list-tasks [role=option]").first).to_be_visible()
        yield page


def select(page: Page, kind: str, text: str) -> None:
    """Select the row of a list that contains a text."""
    page.locator(f"#list-{kind} [role=option]", has_text=text).first.click()


def wait_for_video(page: Page) -> None:
    """Wait until the video is loaded and its controls show no progress."""
    page.locator("video").evaluate(LOADED)
    page.wait_for_timeout(1000)


def picture(page: Page, top: int = 0) -> bytes:
    """Return the window as PNG, scrolled down by `top` pixels; lists are not scrolled, and nothing is hovered over."""
    page.mouse.move(0, 0)
    page.locator(".list").evaluate_all("lists => lists.forEach(list => list.scrollTo(0, 0))")
    page.evaluate("top => scrollTo(0, top)", top)
    page.evaluate(PAINTED)
    return page.screenshot()


def side_by_side(browser: Browser, pictures: list[bytes], path: Path) -> None:
    """Write pictures of the size of a phone as one picture."""
    images = "".join(f"<img src='data:image/png;base64,{b64encode(each).decode()}'>" for each in pictures)
    width = len(pictures) * (PHONE["width"] + GAP) - GAP
    with browser.new_page(viewport=ViewportSize(width=width, height=PHONE["height"])) as page:
        page.set_content(f"<body style='margin: 0; display: flex; gap: {GAP}px'>{images}")
        page.screenshot(path=path)


def main() -> None:
    """Make all pictures."""
    with (
        MockServer(port=PORT, clock="manual", start_time="2026-03-02T09:30:00") as mock,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        make_tasks(mock)
        with dashboard(browser, mock, viewport=DESKTOP, locale="en-GB", color_scheme="light") as page:
            page.get_by_label("Example").select_option("loras")
            page.get_by_role("button", name="Send", exact=True).click()
            expect(page.locator("#list-tasks [role=option]", has_text="magical girl")).to_be_visible()
            advance(mock, 30)
            page.locator(".library input[value=rate-limited]").check()
            page.get_by_role("button", name="Activate for next request").click()
            select(page, "tasks", "make it cinematic")
            wait_for_video(page)
            (FOLDER / "dashboard.png").write_bytes(picture(page))
            page.set_viewport_size(ViewportSize(width=DESKTOP["width"], height=880))
            page.get_by_role("tab", name="Requests").click()
            select(page, "requests", "problems")
            (FOLDER / "dashboard-requests.png").write_bytes(picture(page, 780))
        with dashboard(browser, mock, viewport=DESKTOP, locale="zh-CN", color_scheme="dark") as page:
            select(page, "tasks", "make it cinematic")
            wait_for_video(page)
            (FOLDER / "dashboard-dark-chinese.png").write_bytes(picture(page))
        with dashboard(browser, mock, viewport=PHONE, locale="en-GB", color_scheme="light") as page:
            pictures = [picture(page, LIST_TOP)]
            select(page, "tasks", "a fox in the first snow")
            back = page.get_by_role("button", name="Back to the list")
            expect(back).to_be_visible()
            pictures.append(
                picture(page, round(back.evaluate("each => each.getBoundingClientRect().top + scrollY")) - 20)
            )
        side_by_side(browser, pictures, FOLDER / "dashboard-phone.png")
        browser.close()


if __name__ == "__main__":
    main()
