"""The dashboard for everybody: axe-core finds nothing, the keyboard is enough, a phone is wide enough."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ltx_mock import MockServer
from support.browser import Dashboard, chromium, dashboard

pytestmark = pytest.mark.browser

axe_module = pytest.importorskip("axe_playwright_python.sync_playwright")
PHONE = {"width": 360, "height": 740}
LOOKS: list[dict[str, Any]] = [
    {"locale": "en-GB", "color_scheme": "light"},
    {"locale": "zh-CN", "color_scheme": "dark"},
    {"locale": "en-GB", "color_scheme": "dark", "viewport": PHONE},
    {"locale": "zh-CN", "color_scheme": "light", "viewport": PHONE, "reduced_motion": "reduce"},
]
NARROWEST = 320


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual", credits=100) as running:
        yield running


def faults(page: Page) -> list[str]:
    """Return what axe-core finds."""
    found = axe_module.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{each['id']}: {[node['html'][:160] for node in each['nodes']]}" for each in found]


def wide(page: Page) -> int:
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return width


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: " ".join(str(value) for value in look.values()))
def test_axe_finds_nothing_wrong(browser: Browser, mock: MockServer, look: dict[str, Any]) -> None:
    with dashboard(browser, mock.url, bypass_csp=True, **look) as shown:
        page = shown.page
        send = page.locator("#submit button[type=submit]")

        def submit(preset: str) -> None:
            shown.field("preset").select_option(preset)
            with page.expect_response("**/generateTask/**"):
                send.click()
            expect(send).to_be_enabled()

        def check() -> None:
            assert faults(page) == []
            assert wide(page) <= page.evaluate("innerWidth")

        check()
        for preset in ("callback", "violation", "text"):
            submit(preset)
        page.locator("#clock-jumps button").nth(1).click()
        page.locator(".library input").first.check()
        page.locator("#scenarios .actions button").first.click()
        expect(page.locator(".armed[data-some]")).to_be_visible()
        expect(page.locator(".story li").first).to_be_visible()
        expect(page.locator("video")).to_be_visible()
        page.locator("#bill summary").first.click()
        check()
        page.locator("#summary [data-choice=failed]").click()
        check()
        submit("invalid")
        page.locator("#submit > button").click()
        expect(page.locator(".line.wrong").first).to_be_visible()
        check()
        page.locator("#tab-callbacks").click()
        check()
        page.locator("#list-callbacks [role=option]").first.click()
        check()


def test_the_question_for_a_token_is_accessible_too(browser: Browser) -> None:
    with MockServer(clock="manual", admin_token="let-me-in") as mock:
        context = browser.new_context(bypass_csp=True)
        page = context.new_page()
        page.goto(f"{mock.url}/__admin/")
        expect(page.get_by_role("dialog")).to_be_visible()
        assert faults(page) == []
        context.close()


def test_the_narrowest_page_has_no_sideways_scrolling(browser: Browser, mock: MockServer) -> None:
    with dashboard(browser, mock.url, viewport={"width": NARROWEST, "height": 640}) as shown:
        assert wide(shown.page) <= NARROWEST
        shown.submit(preset="callback", prompt="x" * 3000)
        shown.button("+10 min").click()
        expect(shown.page.locator("video")).to_be_visible()
        assert wide(shown.page) <= NARROWEST


def focused(shown: Dashboard) -> str:
    name: str = shown.page.evaluate(
        "(node => node.id || node.getAttribute('aria-label') || node.textContent)(document.activeElement)"
    )
    return name.strip()


def test_the_keyboard_is_enough(browser: Browser, mock: MockServer) -> None:
    with dashboard(browser, mock.url) as shown:
        page = shown.page
        keys = page.keyboard

        def tab_to(name: str) -> None:
            for _ in range(80):
                if focused(shown) == name:
                    return
                keys.press("Tab")
            raise AssertionError(f"no way to {name!r}")

        tab_to("Skip to the form")
        keys.press("Enter")
        tab_to("Send")
        keys.press("Enter")
        expect(page.locator("p.told")).to_contain_text("200: task_")
        assert focused(shown) == "Send" or focused(shown) == "The selected task"
        expect(shown.rows()).to_have_count(1)
        for count in (2, 3):
            tab_to("Send")
            keys.press("Enter")
            expect(shown.rows()).to_have_count(count)
        page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        tab_to("+1 min")
        keys.press("Space")
        expect(shown.rows().first).to_contain_text("success")
        tab_to("tab-tasks")
        keys.press("ArrowRight")
        expect(page.get_by_role("tab", name="Requests")).to_be_focused()
        expect(page.locator("#list-requests")).to_be_visible()
        keys.press("ArrowLeft")
        tab_to("list-tasks")
        keys.press("Home")
        expect(shown.rows().first).to_have_attribute("aria-selected", "true")
        keys.press("ArrowDown")
        chosen = page.locator("#list-tasks [aria-selected=true]")
        expect(chosen).to_have_attribute("aria-posinset", "2")
        expect(page.locator("#list-tasks")).to_have_attribute("aria-activedescendant", str(chosen.get_attribute("id")))
        keys.press("Enter")
        assert focused(shown) == "The selected task"
        keys.press("Escape")
        expect(page.locator("#list-tasks")).to_be_focused()


def test_the_focus_is_never_lost_when_the_page_draws_anew(browser: Browser, mock: MockServer) -> None:
    with dashboard(browser, mock.url) as shown:
        shown.submit()
        button = shown.button("Finish as success")
        curl = shown.button("Copy status as curl")
        curl.focus()
        shown.page.evaluate("fetch('/__admin/clock/advance', {method: 'POST', body: '{\"seconds\": 60}'})")
        expect(button).to_have_count(0)
        expect(curl).to_be_focused()
