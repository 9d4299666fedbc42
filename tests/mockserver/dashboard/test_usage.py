"""The dashboard in Chromium: what a person does with it, and what they see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

import ltx_mock_schemas
from ltx_mock import MockServer
from ltx_mock.testing.receiver import CallbackReceiver
from support.bodies import STATUS, TEXT, post, request_body, submit
from support.browser import Dashboard, chromium, dashboard

pytestmark = pytest.mark.browser

PLAYED = """async video => {
    await video.play();
    const news = () => new Promise(done => video.addEventListener("timeupdate", done, {once: true}));
    while (video.currentTime <= 0.2) await news();
    return video.currentTime;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual", credits=100, start_time="2026-03-02T09:30:00") as running:
        yield running


@pytest.mark.sample
def test_a_task_from_the_form_to_the_playing_video(browser: Browser, mock: MockServer) -> None:
    with dashboard(browser, mock.url) as shown:
        page = shown.page
        expect(page.get_by_role("heading", name="No tasks yet")).to_be_visible()
        expect(page.locator("#panel-tasks .command")).to_contain_text(f"{mock.url}/api/v1/generateTask/ltx-2-19b")
        shown.submit(prompt="a lighthouse in the rain")
        row = shown.rows().first
        expect(row).to_contain_text("pending")
        expect(row).to_contain_text("a lighthouse in the rain")
        shown.button("Next event").click()
        expect(row).to_contain_text("processing")
        shown.button("+1 min").click()
        expect(row).to_contain_text("success")
        video = page.locator("video")
        assert video.evaluate(PLAYED) > 0.2
        assert video.evaluate("video => [video.videoWidth, video.videoHeight]") == [854, 480]
        expect(page.locator("#spoken")).to_contain_text("success")


def test_the_buttons_of_a_task_fit_on_a_phone(browser: Browser, mock: MockServer) -> None:
    with dashboard(browser, mock.url, viewport={"width": 360, "height": 740}) as shown:
        shown.submit(prompt="a lighthouse in the rain")
        box = shown.button("Finish as failed").bounding_box()
        assert box is not None
        assert box["x"] + box["width"] < 360


def test_what_is_wrong_is_told_at_its_place_in_the_body(browser: Browser, mock: MockServer) -> None:
    with dashboard(browser, mock.url) as shown:
        page = shown.page
        shown.submit(preset="invalid")
        expect(page.locator("p.told")).to_contain_text("400: input.image_urls[0] must be an absolute http or https URL")
        shown.button("Show the problems").click()
        wrong = page.locator("#panel-requests .line.wrong")
        expect(wrong).to_have_count(2)
        expect(wrong.filter(has_text='"duration": 25')).to_contain_text("GEN-10")
        expect(wrong.filter(has_text='"reference.jpg"')).to_contain_text("GEN-12")
        command = page.locator("#panel-requests .detail .command pre")
        expect(command).to_contain_text('-H "Authorization: Bearer $API_KEY"')
        expect(command).to_contain_text('"duration":25')


def test_a_failure_is_armed_and_seen(browser: Browser, mock: MockServer) -> None:
    with dashboard(browser, mock.url) as shown:
        page = shown.page
        page.get_by_role("searchbox", name="Find a scenario").fill("rate")
        page.get_by_role("radio", name="rate-limited").check()
        shown.button("Activate for next request").click()
        armed = page.locator(".armed")
        expect(armed).to_contain_text("rate-limited")
        shown.submit()
        expect(page.locator("p.told")).to_contain_text("429: Rate limit exceeded")
        shown.submit()
        expect(page.locator("p.told")).to_contain_text("200: task_")
        shown.button("For all requests").click()
        expect(armed).to_contain_text("all requests")
        shown.submit()
        expect(page.locator("p.told")).to_contain_text("429")
        shown.button("Deactivate all").click()
        expect(armed).to_contain_text("No scenario is active")
        shown.submit(preset="violation")
        shown.button("+1 min").click()
        expect(shown.rows().first).to_contain_text("CONTENT_VIOLATION")


def test_the_clock_is_paused_sped_up_and_moved(browser: Browser) -> None:
    with MockServer(clock="real", start_time="2026-03-02T09:30:00") as mock, dashboard(browser, mock.url) as shown:
        page = shown.page
        expect(shown.button("Run")).to_have_attribute("aria-pressed", "true")
        shown.button("Pause").click()
        expect(shown.button("Pause")).to_have_attribute("aria-pressed", "true")
        stood = page.locator("#clock-time").inner_text()
        shown.button("+10 min").click()
        expect(page.locator("#clock-time")).not_to_have_text(stood)
        assert page.locator("#clock-time").get_attribute("datetime") == page.evaluate(
            "fetch('/__admin/clock').then(answer => answer.json()).then(clock => new Date(clock.now).toISOString())"
        )
        shown.submit(preset="stuck")
        shown.submit(preset="text")
        shown.button("Run").click()
        page.get_by_label("Speed").select_option("600")
        expect(shown.rows().first).to_contain_text("success")
        expect(shown.rows().nth(1)).to_contain_text("never ends")


def test_a_task_that_fails_on_a_running_clock_frees_its_slot_and_its_credits(
    browser: Browser, mock: MockServer
) -> None:
    with dashboard(browser, mock.url) as shown:
        with mock.client(verify=False) as client:
            submit(client, TEXT, prompt="[[content-violation]]")
        shown.rows().first.click()
        unfinished, balance = (shown.page.get_by_role("meter", name=name) for name in ("Unfinished tasks", "Credits"))
        expect(unfinished).to_have_attribute("aria-valuenow", "1")
        expect(balance).not_to_have_attribute("aria-valuenow", "100")
        mock.clock.set("scaled", speed=20)  # the counters come before the end, which no event announces
        expect(shown.rows().first).to_contain_text("CONTENT_VIOLATION")
        expect(shown.page.locator("#spoken")).to_contain_text("failed")
        expect(shown.page.locator(".story")).to_contain_text("failed")
        expect(unfinished).to_have_attribute("aria-valuenow", "0")
        expect(balance).to_have_attribute("aria-valuenow", "100")


def test_a_callback_is_counted_down_to_its_last_attempt(browser: Browser, mock: MockServer) -> None:
    with dashboard(browser, mock.url) as shown:
        shown.submit(preset="callback", callback="http://127.0.0.1:9/callback")
        shown.tab("Callbacks")
        row = shown.rows("callbacks").first
        expect(row).to_contain_text("scheduled")
        shown.button("Next event").click()
        shown.button("Next event").click()
        expect(row).to_contain_text("1 attempt")
        expect(row).to_contain_text("retry in 30 s")
        row.click()
        shown.button("+10 min").click()
        expect(row).to_contain_text("failed")
        expect(shown.page.locator("#panel-callbacks tbody tr")).to_have_count(4)


def test_the_language_is_switched_and_remembered(browser: Browser, mock: MockServer) -> None:
    with dashboard(browser, mock.url) as shown:
        page = shown.page
        shown.submit()
        shown.button("中文").click()
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        expect(page.get_by_role("tab", name="任务")).to_be_visible()
        expect(shown.rows().first).to_contain_text("排队中")
        page.reload()
        shown.wait_until_live()
        expect(page.get_by_role("tab", name="任务")).to_be_visible()
        shown.button("English").click()
        expect(page.get_by_role("tab", name="Tasks")).to_be_visible()


def test_a_chinese_browser_gets_chinese(browser: Browser, mock: MockServer) -> None:
    with dashboard(browser, mock.url, locale="zh-CN") as shown:
        expect(shown.page.get_by_role("heading", name="还没有任务")).to_be_visible()


def test_the_theme_is_the_system_s_until_another_is_chosen(browser: Browser, mock: MockServer) -> None:
    def light(shown: Any) -> bool:
        colour: str = shown.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        return colour == "rgb(245, 244, 241)"

    with dashboard(browser, mock.url, color_scheme="dark") as shown:
        assert not light(shown)
        shown.button("Theme: Auto").click()
        assert light(shown)
        shown.page.reload()
        assert light(shown)
        shown.button("Theme: Light").click()
        assert not light(shown)


HOSTILE = "<img src=x onerror=ran.push(1)><script>ran.push(2)</script>\"'`${ran.push(3)}</textarea>\u202e"


def test_hostile_texts_are_shown_and_nothing_of_them_runs(browser: Browser, mock: MockServer) -> None:
    with mock.client(verify=False) as client, dashboard(browser, mock.url) as shown:
        page = shown.page
        lora = [{"path": "https://example.com/a<b>.safetensors?download=true", "scale": 1}]
        changes: dict[str, Any] = {"mode": "text-to-video-LoRA", "prompt": HOSTILE, "loras": lora, HOSTILE: HOSTILE}
        callback = {"request_type": "callback", "callback_url": f"https://example.com/{HOSTILE}"}
        assert post(client, request_body(TEXT, **changes) | callback).status_code in {200, 400}
        task = submit(client, TEXT, prompt=HOSTILE)
        post(client, request_body(TEXT, mode="image-to-video", image_urls=["javascript:ran.push(4)"], prompt=HOSTILE))
        client.get(f"/<img src=x onerror=ran.push(5)>?{HOSTILE}")
        shown.rows().filter(has_text=task).click()
        expect(page.locator("#panel-tasks .quoted")).to_have_text(HOSTILE)
        shown.tab("Requests")
        expect(shown.rows("requests").first).to_contain_text("<img src=x onerror=")
        for index in range(shown.rows("requests").count()):
            shown.rows("requests").nth(index).click()
            expect(page.locator("#panel-requests .detail-body")).to_be_visible()
        assert page.locator("img[src=x], #panels img, #panels script, #panels a[href^='javascript']").count() == 0


def test_a_link_leads_to_the_web_only_and_takes_nothing_along(browser: Browser, mock: MockServer) -> None:
    with mock.client(verify=False) as client, dashboard(browser, mock.url) as shown:
        lora = [{"path": "https://example.com/a.safetensors?download=true", "scale": 1}]
        submit(client, TEXT, mode="text-to-video-LoRA", loras=lora)
        shown.rows().first.click()
        link = shown.page.locator(".facts a")
        expect(link).to_have_attribute("rel", "noopener noreferrer")
        expect(link).to_have_attribute("href", str(lora[0]["path"]))


def test_with_a_token_it_asks_once_and_shows_nothing_before(browser: Browser) -> None:
    with MockServer(clock="manual", admin_token="let-me-in") as mock:
        with mock.client(verify=False) as client:
            submit(client)
        with dashboard(browser, mock.url, live=False) as shown:
            page = shown.page
            page.get_by_role("textbox", name="Token").fill("wrong")
            page.get_by_role("textbox", name="Token").press("Enter")
            expect(page.get_by_text("The token is wrong.")).to_be_visible()
            expect(shown.rows()).to_have_count(0)
            page.get_by_role("textbox", name="Token").fill("let-me-in")
            page.get_by_role("textbox", name="Token").press("Enter")
            shown.wait_until_live()
            expect(shown.rows()).to_have_count(1)
            page.reload()
            shown.wait_until_live()
            shown.button("+1 min").click()
            expect(shown.rows().first).to_contain_text("success")
            shown.tab("Requests")
            with page.expect_download() as download:
                shown.button("Save NDJSON").click()
            assert download.value.suggested_filename == "ltx-mock.ndjson"
            assert "generateTask" in download.value.path().read_text()


def test_one_key_is_looked_at_and_driven_alone(browser: Browser, mock: MockServer) -> None:
    one, two = mock.tenant("first-key-1111"), mock.tenant("second-key-2222")
    with one.client(verify=False) as first, two.client(verify=False) as second:
        submit(first, TEXT, prompt="of the first")
        submit(second, TEXT, prompt="of the second")
    with dashboard(browser, mock.url) as shown:
        page = shown.page
        expect(shown.rows()).to_have_count(2)
        page.get_by_label("API key").first.select_option("…1111 (t1)")
        expect(shown.rows()).to_have_count(1)
        shown.button("+1 min").click()
        expect(shown.rows().first).to_contain_text("success")
        page.get_by_label("API key").first.select_option("…2222 (t2)")
        expect(shown.rows().first).to_contain_text("pending")
        expect(page.get_by_role("meter", name="Credits")).to_have_attribute("aria-valuenow", "95")
        page.get_by_label("API key").first.select_option("")
        expect(page.locator("#clock-hint")).to_contain_text("The clocks of 2 keys differ")


def test_keys_that_end_alike_are_told_apart(browser: Browser, mock: MockServer) -> None:
    """Each has its own entry, its own time and its own counters, and is driven alone."""
    for key, prompt in (("any-key", "the first"), ("app-key", "the second"), ("web-key", "the third")):
        with mock.tenant(key).client(verify=False) as client:
            submit(client, TEXT, prompt=prompt)
    with dashboard(browser, mock.url) as shown:
        page = shown.page
        expect(page.locator("#scope option")).to_have_text(["all keys", "…key (t1)", "…key (t2)", "…key (t3)"])
        expect(page.locator(".world h3 span:first-child")).to_have_text(["…key (t1)", "…key (t2)", "…key (t3)"])
        page.get_by_label("API key").first.select_option("…key (t2)")
        expect(shown.rows()).to_have_count(1)
        expect(shown.rows().first).to_contain_text("the second")
        shown.button("Next event").click()
        expect(shown.rows().first).to_contain_text("processing")
        shown.button("+1 min").click()
        expect(shown.rows().first).to_contain_text("success")
        page.get_by_label("API key").first.select_option("all keys")
        expect(shown.rows()).to_have_count(3)
        expect(shown.rows().filter(has_text="pending")).to_have_count(2)
        expect(page.locator("#clock-hint")).to_contain_text("Next: ")
    assert [mock.tenant(key).tasks[0].state for key in ("any-key", "app-key", "web-key")] == [
        "pending",
        "success",
        "pending",
    ]


def test_a_callback_that_goes_wrong_is_seen_and_made_again(browser: Browser, mock: MockServer) -> None:
    """The tab counts it in colour, its state says that attempts failed, and a button makes it once more."""
    with CallbackReceiver() as receiver, dashboard(browser, mock.url) as shown:
        page, trouble = shown.page, shown.page.locator("#tab-callbacks .badge").nth(1)
        receiver.answer(500)
        shown.submit(preset="callback", callback=receiver.url, key=mock.api_key)
        expect(trouble).to_be_hidden()
        mock.clock.advance(200)
        expect(trouble).to_have_text("1 failing")
        expect(trouble).to_have_class("badge bad")
        shown.tab("Callbacks")
        pill = shown.rows("callbacks").first.locator(".pill")
        expect(pill).to_have_text("failed, will retry")
        expect(pill).to_have_class("pill bad")
        mock.clock.advance(1000)
        expect(pill).to_have_text("failed")
        shown.rows("callbacks").first.click()
        receiver.answer(200)
        shown.button("Redeliver").click()
        expect(pill).to_have_text("delivered")
        expect(trouble).to_be_hidden()
        expect(page.locator("#panel-callbacks tbody tr")).to_have_count(5)


@pytest.mark.parametrize("way", ["Allow 127.0.0.1.nip.example", "Rewrite the URL"])
def test_a_withheld_callback_is_warned_of_and_let_go(browser: Browser, mock: MockServer, way: str) -> None:
    """Under the form, with a way to the callback; there its host is allowed, or it is sent elsewhere."""
    with CallbackReceiver() as receiver, dashboard(browser, mock.url) as shown:
        page = shown.page
        shown.submit(preset="callback", callback="http://127.0.0.1.nip.example/hook", key=mock.api_key)
        expect(page.get_by_text("Its callback is withheld: 127.0.0.1.nip.example is not this machine")).to_be_visible()
        expect(page.locator("#tab-callbacks .badge").nth(1)).to_have_text("1 withheld")
        mock.clock.advance(200)
        shown.button("Show the callback").click()
        if way.startswith("Rewrite"):
            page.get_by_label("New URL for callbacks to http://127.0.0.1.nip.example").fill(receiver.url)
        shown.button(way).click()
        pill = shown.rows("callbacks").first.locator(".pill")
        expect(pill).to_have_text("delivered" if way.startswith("Rewrite") else "failed, will retry")
        expect(page.get_by_text("It will not call back")).to_be_hidden()


def test_a_request_shows_its_headers_and_how_long_its_answer_took(browser: Browser) -> None:
    with MockServer(clock="real", speed=1000) as mock, mock.client(verify=False) as client:
        mock.scenarios.add("slow-answer")
        client.get(STATUS, headers={"x-team": "video", "cookie": "session=very-secret"})
        with dashboard(browser, mock.url) as shown:
            shown.tab("Requests")
            shown.rows("requests").first.click()
            detail = shown.page.locator("#panel-requests article")
            expect(detail).to_contain_text("Response time")
            detail.get_by_text("Request headers").click()
            expect(detail.get_by_text("video", exact=True)).to_be_visible()
            expect(detail).to_contain_text("Bearer …")
            expect(detail).not_to_contain_text("very-secret")


def test_after_a_reset_it_is_empty_and_goes_on(browser: Browser, mock: MockServer) -> None:
    with dashboard(browser, mock.url) as shown:
        shown.submit()
        expect(shown.rows()).to_have_count(1)
        assert httpx.post(f"{mock.url}/__admin/reset", trust_env=False, verify=False).json() == {"reset": True}
        expect(shown.rows()).to_have_count(0)
        shown.submit()
        expect(shown.rows()).to_have_count(1)


def test_it_says_so_when_the_server_is_gone(browser: Browser) -> None:
    with MockServer(clock="manual") as mock:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{mock.url}/__admin/")
        expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    expect(page.locator("#connection")).to_have_text("not connected, retrying …")
    page.get_by_role("button", name="+1 min").click()
    expect(page.get_by_role("alert")).to_have_text("The server does not respond. Is it running?")
    context.close()


def test_the_form_is_made_from_the_schema_of_requests(browser: Browser, mock: MockServer) -> None:
    """A choice where the schema lists words, a number where it wants one, also for fields that are new."""
    request, model = ltx_mock_schemas.schema("generate-request"), ltx_mock_schemas.model()
    given = request["$defs"]["modelInput"]["properties"]
    given["resolution"]["enum"].append("4k")
    given |= {"frames": {"type": "integer", "minimum": 1}, "style": {"type": "string", "enum": ["plain", "noir"]}}
    model["examples"] = {"short": {"input": {**TEXT, "frames": 12}}}
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.route("**/__admin/model.json", lambda route: route.fulfill(json=model))
    context.route("**/__admin/schemas/generate-request", lambda route: route.fulfill(json=request))
    shown = Dashboard(context, mock.url)
    assert shown.field("frames").get_attribute("type") == shown.field("seed").get_attribute("type") == "number"
    assert shown.field("frames").input_value() == "12"
    assert shown.field("style").locator("option").all_text_contents() == ["plain", "noir"]
    expect(shown.page.locator("[data-field=image_urls]")).to_be_hidden()
    with shown.page.expect_request("**/generateTask/**") as made:
        shown.submit(resolution="4k", style="noir", frames="24")
    expect(shown.page.locator("p.told")).to_contain_text('400: input.resolution must be "480p", "720p" or "1080p"')
    body: Any = made.value.post_data_json
    sent = body["input"]
    assert (sent["resolution"], sent["style"], sent["frames"]) == ("4k", "noir", 24)
    shown.close()
    context.close()
