"""The dashboard in a real browser, watched: what it says on the console, what it asks for, what its policy stops."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

import ltx_mock.dashboard
from support.waiting import SECONDS

expect.set_options(timeout=SECONDS * 1000)  # a busy machine is no fault of the page
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
REFUSED = "Failed to load resource: the server responded with a status of"
"""What Chromium itself says of an answer that is an error; pages cannot keep it from that."""

STRAY = """addEventListener("securitypolicyviolation", event => console.error(`policy: ${event.violatedDirective}`));
window.ran = [];"""


def page_files() -> dict[str, bytes]:
    """Return what the page is made of, by name."""
    folder = Path(ltx_mock.dashboard.__file__).parent / "page"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


class Dashboard:
    """An open dashboard. `close` fails when anything was wrong meanwhile."""

    def __init__(self, context: BrowserContext, url: str, *, live: bool = True) -> None:
        self.problems: list[str] = []
        self.hosts: set[str] = set()
        self.page: Page = context.new_page()
        self.page.add_init_script(STRAY)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self._host = urlsplit(url).netloc
        self.page.goto(f"{url}/__admin/")
        if live:
            self.wait_until_live()

    def _hear(self, message: Any) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(REFUSED):
            self.problems.append(message.text)

    def wait_until_live(self) -> None:
        """Wait until the lists are loaded and events flow."""
        expect(self.page.locator("#connection")).to_have_attribute("data-state", "live")
        expect(self.page.locator(".library input").first).to_be_attached()

    def button(self, name: str) -> Locator:
        """Return a button that can be seen, by its whole name."""
        return self.page.get_by_role("button", name=name, exact=True).and_(self.page.locator(":visible"))

    def tab(self, name: str) -> None:
        """Choose a tab."""
        self.page.get_by_role("tab", name=name).click()

    def rows(self, name: str = "tasks") -> Locator:
        """Return the rows of a list that are in the page."""
        return self.page.locator(f"#list-{name} [role=option]").and_(self.page.locator(":visible"))

    def field(self, name: str) -> Locator:
        """Return a field of the form."""
        return self.page.locator(f"[data-field={name}]").locator("input, select, textarea").first

    def submit(self, **fields: str) -> None:
        """Fill in the form, send it, and wait for the answer."""
        for name, value in fields.items():
            field = self.field(name)
            if field.evaluate("node => node.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)
        with self.page.expect_response("**/generateTask/**"):
            self.button("Send").click()
        expect(self.button("Send")).to_be_enabled()

    def close(self) -> None:
        """Close it. All it asked for was its own server's, and nothing was wrong."""
        assert self.page.evaluate("window.ran") == []
        self.page.close()
        assert self.problems == []
        assert self.hosts <= {self._host, ""}  # a blob of its own has no host


@contextmanager
def dashboard(browser: Browser, url: str, *, live: bool = True, **options: Any) -> Iterator[Dashboard]:
    """Open the dashboard of a server in a window of its own."""
    options = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", "timezone_id": "UTC"} | options
    context = browser.new_context(**options)
    context.set_default_timeout(SECONDS * 1000)
    shown = Dashboard(context, url, live=live)
    yield shown
    shown.close()
    context.close()
