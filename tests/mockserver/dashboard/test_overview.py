"""The dashboard for people who would rather look: summary, time axis, last minute, bill, headers, upstream."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from ltx_mock import MockServer
from support.bodies import STATUS, TEXT, ask, post, request_body, submit
from support.browser import chromium, dashboard
from support.independent_server import KEYS, IndependentServer
from support.proxies import proxy_thread

pytestmark = pytest.mark.browser

NOBODY_LISTENS = "http://127.0.0.1:9/callback"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual", rate_limit="60/minute", start_time="2026-03-02T09:30:00") as running:
        yield running


@pytest.mark.sample
def test_the_summary_counts_and_filters(browser: Browser, mock: MockServer) -> None:
    with mock.client(verify=False) as client, dashboard(browser, mock.url) as shown:
        submit(client, TEXT, prompt="[[content-violation]]")
        submit(client, TEXT, prompt="[[stuck]]")
        post(client, request_body(TEXT) | {"request_type": "callback", "callback_url": NOBODY_LISTENS})
        mock.clock.advance(60)
        submit(client)
        strip = shown.page.locator("#summary")
        expect(strip.get_by_role("button")).to_have_text(
            ["1 pending", "1 running", "1 succeeded", "1 failed", "1 callback failing"]
        )
        failed = strip.get_by_role("button", name="1 failed")
        failed.click()
        expect(failed).to_have_attribute("aria-pressed", "true")
        expect(shown.rows()).to_have_count(1)
        expect(shown.rows().first).to_contain_text("CONTENT_VIOLATION")
        failed.click()
        expect(failed).to_have_attribute("aria-pressed", "false")
        expect(shown.rows()).to_have_count(4)
        strip.get_by_role("button", name="1 callback failing").press("Enter")
        expect(shown.page.get_by_role("tab", name="Callbacks")).to_have_attribute("aria-selected", "true")
        expect(shown.rows("callbacks").first).to_contain_text("failed, will retry")
        shown.page.locator("#panel-callbacks select").select_option("delivered")
        expect(shown.rows("callbacks")).to_have_count(0)
        expect(strip.get_by_role("button", name="1 callback failing")).to_have_attribute("aria-pressed", "false")


def test_a_task_is_shown_on_a_time_axis_to_scale(browser: Browser, mock: MockServer) -> None:
    with mock.client(verify=False) as client, dashboard(browser, mock.url) as shown:
        body = request_body(TEXT) | {"request_type": "callback", "callback_url": NOBODY_LISTENS}
        task = post(client, body).json()["data"]["taskId"]
        for _ in range(3):
            mock.clock.advance(10)
            ask(client, task)
        client.get(STATUS, params={"taskId": task}, headers={"prefer": "code=503"})
        shown.rows().first.click()
        axis = shown.page.locator(".line-of-time")
        expect(axis.locator(".at.poll")).to_have_count(3)
        expect(axis.locator(".at.fault")).to_have_count(1)
        expect(axis.locator(".now")).to_have_text("now")
        expect(axis).to_have_attribute(
            "aria-label", re.compile("^Time axis; pending from 0 s on; .*; 3 polls; 1 error; ")
        )
        mock.clock.advance(40)
        expect(axis.locator(".at.missed")).to_have_count(1)
        expect(axis.locator(".at.coming")).to_have_count(1)
        mock.clock.advance(60 * 60)
        expect(axis.locator(".at.missed")).to_have_count(4)
        expect(axis.locator(".now.beyond")).to_contain_text("later")
        boxes = [axis.locator(".section").nth(index).bounding_box() for index in range(3)]
        widths = [0 if box is None else box["width"] for box in boxes]
        line = next(each for each in mock.tasks if each.id == task)
        assert widths[1] / widths[0] == pytest.approx(
            (line.end_time - line.processing_time) / (line.processing_time - line.create_time), rel=0.2
        )


def test_the_requests_of_the_last_minute_are_bars_against_the_limit(browser: Browser, mock: MockServer) -> None:
    with mock.client(verify=False) as client, dashboard(browser, mock.url) as shown:
        for _ in range(4):
            ask(client, submit(client))
        last = shown.page.locator(".last-minute")
        expect(last.locator(".sparkline")).to_have_attribute("aria-label", "8 in the last minute")
        expect(last.locator(".limit")).to_have_attribute("title", "Limit: 60/minute")
        mock.clock.advance(60)
        expect(last.locator(".sparkline")).to_have_attribute("aria-label", "0 in the last minute")


def test_the_bill_names_what_is_wasted(browser: Browser, mock: MockServer) -> None:
    with mock.tenant("a-key-1111").client(verify=False) as client, dashboard(browser, mock.url) as shown:
        bill = shown.page.locator("#bill")
        expect(bill).to_contain_text("No task yet")
        for prompt in ("sea", "sea", "fire"):
            task = submit(client, prompt=prompt)
        expect(bill).to_contain_text("15 credits spent · 3 tasks")
        expect(bill.locator(".waste")).to_contain_text("5 credits wasted")
        mock.tenant("a-key-1111").clock.advance(60)
        client.get(json.loads(ask(client, task)["resultJson"])["resultUrls"][0])
        expect(bill.locator(".waste")).to_contain_text("10 credits wasted")
        expect(bill.locator(".waste li")).to_have_text(
            [
                "never fetched10 credits, 2 tasks",
                "never asked for10 credits, 2 tasks",
                "repeated5 credits, 1 task",
            ]
        )
        bill.get_by_text("By prompt").click()
        expect(bill.locator("tbody tr").first).to_have_text("sea21010")
        bill.get_by_text("Wasted tasks").click()
        bill.get_by_role("button").first.click()
        expect(shown.page.locator("#panel-tasks .head")).to_contain_text("success")
        with mock.tenant("b-key-2222").client(verify=False) as other:
            submit(other)
        bill.get_by_text("By key").click()
        expect(bill.locator("[data-fold=keys] tbody tr")).to_have_count(2)
        expect(bill.locator("[data-fold=prompts] tbody tr")).to_have_count(3)  # and it is still open


def test_a_request_shows_its_prompt_its_key_and_its_headers(browser: Browser, mock: MockServer) -> None:
    with mock.client(verify=False) as client, dashboard(browser, mock.url) as shown:
        task = submit(client, prompt="a red kite", extra=1)
        client.get(STATUS, params={"taskId": task}, headers={"prefer": "code=429", "x-mine": "7"})
        shown.tab("Requests")
        polled = shown.rows("requests").first
        expect(polled).to_contain_text("a red kite")
        expect(polled).to_contain_text("(t1)")
        expect(shown.rows("requests").nth(1)).to_contain_text("1 hint")
        polled.click()
        detail = shown.page.locator("#panel-requests .detail-body")
        detail.get_by_text("Request headers").click()
        expect(detail).to_contain_text("x-mine")
        detail.get_by_text("Response headers").click()
        expect(detail).to_contain_text("retry-after")
        shown.page.locator("#panel-requests select").select_option("generateTask")
        expect(shown.rows("requests")).to_have_count(1)


def test_the_url_of_a_result_is_copied_and_the_video_downloaded(browser: Browser, mock: MockServer) -> None:
    with mock.client(verify=False) as client, dashboard(browser, mock.url) as shown:
        task = submit(client)
        mock.clock.advance(60)
        shown.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        shown.rows().first.click()
        shown.button("Copy result URL").click()
        expect(shown.button("Copied")).to_be_visible()
        assert shown.page.evaluate("navigator.clipboard.readText()") == mock.tasks[0].result_url
        with shown.page.expect_download() as download:
            shown.page.get_by_role("link", name="Download video").click()
        assert download.value.suggested_filename == f"{task}.mp4"
        assert download.value.path().read_bytes()[4:8] == b"ftyp"
        assert mock.downloads == [], "the page is no client of the API"


def test_what_happens_behind_a_proxy_is_marked_upstream(browser: Browser) -> None:
    with IndependentServer() as api, proxy_thread(api.url) as url, dashboard(browser, url) as shown:
        expect(shown.page.locator("#upstream")).to_contain_text(f"goes on to {api.url.removeprefix('http://')}, and")
        for fake in ("#clock-modes", "#clock-jumps", "#scenarios", "[data-field=scenario]"):
            expect(shown.page.locator(fake)).to_be_hidden()
        shown.field("key").fill(KEYS[0])
        shown.submit(prompt="a red kite")
        row = shown.rows().first
        expect(row).to_contain_text("upstream")
        api.advance(60)
        task = next(iter(api.tasks))
        with httpx.Client(headers={"authorization": f"Bearer {KEYS[0]}"}, trust_env=False) as client:
            client.get(f"{url}/api/v1{STATUS}", params={"taskId": task})
        expect(row).to_contain_text("success")
        detail = shown.page.locator("#panel-tasks .detail-body")
        expect(detail.get_by_role("link", name=f"{api.url}/results/{task}.mp4")).to_be_visible()
        expect(detail.locator("video")).to_have_count(0)
        expect(detail.get_by_role("button", name="Finish as success")).to_have_count(0)
        shown.tab("Requests")
        expect(shown.rows("requests").filter(has_text="upstream")).to_have_count(2)


def test_the_zone_of_the_times_is_named(browser: Browser, mock: MockServer) -> None:
    with dashboard(browser, mock.url, timezone_id="Asia/Shanghai") as shown:
        expect(shown.page.locator("#clock-day")).to_have_text("GMT+8, 2 Mar 2026")


def test_causes_and_findings_are_in_chinese_on_the_chinese_page(browser: Browser, mock: MockServer) -> None:
    with mock.client(verify=False) as client, dashboard(browser, mock.url, locale="zh-CN") as shown:
        submit(client, TEXT, prompt="[[content-violation]]")
        post(client, request_body(TEXT, duration=25))
        shown.page.get_by_role("tab", name="请求").click()
        shown.rows("requests").first.click()
        expect(shown.page.locator("#panel-requests .finding")).to_contain_text(
            "input.duration 必须是5 到 20 的整数（秒），实际为 25"
        )
        shown.page.get_by_role("tab", name="任务").click()
        mock.clock.advance(60)
        shown.rows().first.click()
        expect(shown.page.locator(".story")).to_contain_text("提示词中的指令 [[content-violation]]")
