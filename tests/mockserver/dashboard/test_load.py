"""The dashboard with much to show: thousands of tasks, a storm of events, several windows."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from ltx_mock import MockServer
from support.bodies import GENERATE, STATUS, TEXT, request_body, submit
from support.browser import Dashboard, chromium, dashboard

pytestmark = pytest.mark.browser

MANY = 5000
FEW_NODES = 2500


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def crowded() -> Iterator[MockServer]:
    with MockServer(clock="manual", max_concurrent=MANY * 2) as mock:
        with mock.client(verify=False) as client:
            for number in range(MANY):
                client.post(GENERATE, json=request_body(TEXT, prompt=f"number {number}"))
        yield mock


def nodes(shown: Dashboard) -> int:
    count: int = shown.page.evaluate("document.getElementsByTagName('*').length")
    return count


@pytest.mark.parametrize("count", [1, 40])
def test_few_tasks_are_all_in_the_list_newest_first(count: int, browser: Browser) -> None:
    with MockServer(clock="manual") as mock, mock.client(verify=False) as client:
        for number in range(count):
            submit(client, TEXT, prompt=f"number {number}")
        with dashboard(browser, mock.url) as shown:
            expect(shown.page.get_by_role("tab", name="Tasks")).to_contain_text(str(count))
            expect(shown.rows().first).to_contain_text(f"number {count - 1}")
            expect(shown.rows().first).to_have_attribute("aria-setsize", str(count))
            shown.page.locator("#list-tasks").press("End")
            last = shown.rows().filter(has_text="number 0").first
            expect(last).to_be_visible()
            expect(last).to_have_attribute("aria-posinset", str(count))


def test_thousands_of_tasks_are_scrolled_with_few_nodes(browser: Browser, crowded: MockServer) -> None:
    with dashboard(browser, crowded.url) as shown:
        page, host = shown.page, shown.page.locator("#list-tasks")
        expect(page.get_by_role("tab", name="Tasks")).to_contain_text("5,000")
        expect(shown.rows().filter(has_text=f"number {MANY - 1}")).to_be_visible()
        before = nodes(shown)
        assert before < FEW_NODES
        for share in (0.1, 0.5, 0.9):
            wanted = round((MANY - 1) * (1 - share))
            host.evaluate("(host, share) => { host.scrollTop = host.scrollHeight * share; }", share)
            expect(shown.rows().filter(has_text=f"number {wanted}")).to_have_count(1)
        host.press("End")
        last = shown.rows().filter(has_text="number 0").first
        expect(last).to_be_visible()
        expect(last).to_have_attribute("aria-posinset", str(MANY))
        expect(last).to_have_attribute("aria-setsize", str(MANY))
        assert nodes(shown) < before + 300  # the detail of the selected one has come


def test_what_is_in_view_stays_there_when_others_come(browser: Browser, crowded: MockServer) -> None:
    with crowded.client(verify=False) as client, dashboard(browser, crowded.url) as shown:
        host = shown.page.locator("#list-tasks")
        expect(shown.rows().first).to_be_visible()
        host.evaluate("host => { host.scrollTop = 64 * 1000; }")
        row = shown.rows().filter(has_text=f"number {MANY - 1001}")
        expect(row).to_be_visible()
        top = row.bounding_box()
        submit(client, TEXT, prompt="one more")
        expect(shown.page.get_by_role("tab", name="Tasks")).not_to_contain_text("5,000")
        assert row.bounding_box() == top


def test_a_search_among_thousands(browser: Browser, crowded: MockServer) -> None:
    with dashboard(browser, crowded.url) as shown:
        expect(shown.rows().first).to_be_visible()
        shown.page.get_by_role("searchbox", name="Search").and_(shown.page.locator(":visible")).fill("number 123")
        expect(shown.page.locator("#list-tasks [aria-setsize='11']").first).to_be_visible()  # 123, 1230 to 1239
        shown.page.get_by_role("searchbox", name="Search").and_(shown.page.locator(":visible")).fill("no such")
        expect(shown.page.get_by_text("No match.").and_(shown.page.locator(":visible"))).to_be_visible()


def storm(mock: MockServer, tasks: int) -> None:
    """Submit tasks and ask about each, as a load test does."""
    with httpx.Client(base_url=mock.base_url, trust_env=False, verify=False) as client:
        headers = {"authorization": "Bearer storm-key-9999"}
        for number in range(tasks):
            made = client.post(GENERATE, json=request_body(TEXT, prompt=f"storm {number}"), headers=headers)
            client.get(STATUS, params={"taskId": made.json()["data"]["taskId"]}, headers=headers)


def test_two_windows_follow_a_storm_and_agree(browser: Browser) -> None:
    with MockServer(clock="manual") as mock, dashboard(browser, mock.url) as one, dashboard(browser, mock.url) as two:
        threads = [threading.Thread(target=storm, args=(mock, 150)) for _ in range(2)]
        for thread in threads:
            thread.start()
        one.submit(prompt="sent in the middle of it")
        expect(one.page.locator("p.told")).to_contain_text("200: task_")
        two.button("+10 s").click()
        for thread in threads:
            thread.join()
        one.button("+10 min").click()
        for shown in (one, two):
            expect(shown.page.get_by_role("tab", name="Tasks")).to_contain_text("301")
            expect(shown.page.get_by_role("tab", name="Requests")).to_contain_text("601")
            expect(shown.rows().filter(has_text="pending")).to_have_count(0)
            expect(shown.page.get_by_role("meter", name="Unfinished tasks").first).to_have_attribute(
                "aria-valuenow", "0"
            )
            shown.page.evaluate("scrollTo(0, 0); document.querySelectorAll('*').forEach(each => (each.scrollTop = 0))")
        expect(one.rows().first).to_have_text(two.rows().first.text_content() or "")
        texts = [shown.rows().all_inner_texts() for shown in (one, two)]
        assert texts[0] == texts[1]


def test_a_window_that_comes_later_sees_the_same(browser: Browser, crowded: MockServer) -> None:
    with dashboard(browser, crowded.url) as early, dashboard(browser, crowded.url) as late:
        for shown in (early, late):
            expect(shown.rows().first).to_be_visible()
        assert early.rows().all_inner_texts() == late.rows().all_inner_texts()
