"""A HAR that a real browser recorded: a page submits, polls and plays, and Chromium writes down what went by."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from ltx_mock import MockServer
from ltx_mock_contracts import check_trace, read_trace
from support.bodies import TEXT, request_body

pytestmark = pytest.mark.browser

# Each body is read to its end: Chromium may leave the others out.
STORY = """async ([root, body]) => {
    const headers = {authorization: "Bearer browser-key-1234", "content-type": "application/json"};
    const ask = async (path, more) => await (await fetch(root + path, {headers, ...more})).json();
    const post = body => ask("/generateTask/ltx-2-19b", {method: "POST", body});
    const made = await post(body);
    await post(body.replace('"duration": 5', '"duration": 99'));
    let told;
    do {
        told = await ask(`/statusTask/ltx-2-19b?taskId=${made.data.taskId}`);
    } while (!["success", "failed"].includes(told.data.state));
    await ask("/statusTask/ltx-2-19b");
    await ask("/wrong");
    return told.data.state;
}"""


def test_what_chromium_recorded_of_the_fake_is_clean(tmp_path: Path) -> None:
    recording = tmp_path / "recording.har"
    with MockServer(clock="auto", credits=50) as mock, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        context = browser.new_context(record_har_path=recording)
        page = context.new_page()
        page.goto(f"{mock.url}/files/")
        assert page.evaluate(STORY, [mock.base_url, json.dumps(request_body(TEXT))]) == "success"
        context.close()
        browser.close()
    trace = read_trace(recording)
    assert [each.operation for each in trace][:2] == ["generateTask", "generateTask"]
    assert [each.operation for each in trace][-1] == "other"
    assert {each.key for each in trace} == {"…1234"}
    assert not any(each.gaps for each in trace)
    assert "browser-key" not in repr(list(trace))
    report = check_trace(trace)
    assert [deviation for verdict in report.verdicts for deviation in verdict.deviations] == []
    assert {"ENV-1", "ENV-4", "ENV-5", "GEN-10", "TASK-1", "TASK-5", "TASK-8", "TASK-11"} <= set(report.having("kept"))
