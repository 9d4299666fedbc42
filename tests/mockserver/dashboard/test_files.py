"""The dashboard's files: what they are served as, and to whom."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from ltx_mock import MockServer
from support.bodies import submit
from support.browser import page_files

TOKEN = "an-admin-token"


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual") as running:
        yield running


def get(mock: MockServer, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Ask for a path; an underscore in a header's name stands for a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.request(method, f"{mock.url}{path}", headers=named, trust_env=False, verify=False)


def test_the_bare_name_leads_to_the_page(mock: MockServer) -> None:
    answer = get(mock, "/__admin")
    assert (answer.status_code, answer.headers["location"]) == (307, "/__admin/")
    assert "<title>ltx-mock</title>" in get(mock, "/__admin/").text


@pytest.mark.parametrize("name", sorted(page_files()))
def test_each_file_says_what_it_is_and_may_do_nothing_else(mock: MockServer, name: str) -> None:
    answer = get(mock, f"/__admin/dashboard/{name}")
    kinds = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kinds[name.rpartition(".")[2]])
    assert answer.headers["x-content-type-options"] == "nosniff"
    rules = (each.strip().partition(" ") for each in answer.headers["content-security-policy"].split(";"))
    assert {name: sources for name, _, sources in rules} == {
        "default-src": "'none'",
        **dict.fromkeys(("script-src", "style-src", "media-src", "connect-src", "form-action"), "'self'"),
        "img-src": "'self' data:",
        **dict.fromkeys(("base-uri", "frame-ancestors"), "'none'"),
        "require-trusted-types-for": "'script'",
    }
    again = get(mock, f"/__admin/dashboard/{name}", if_none_match=answer.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert get(mock, f"/__admin/dashboard/{name}", "HEAD").content == b""


@pytest.mark.parametrize(
    "path", ["/__admin/dashboard/", "/__admin/dashboard/no.js", "/__admin/dashboard/..%2f__init__.py", "/__admin//"]
)
def test_nothing_else_is_served(mock: MockServer, path: str) -> None:
    answer = get(mock, path)
    assert (answer.status_code, answer.json()) == (404, {"error": "no such path under /__admin"})


def test_it_is_read_only(mock: MockServer) -> None:
    answer = get(mock, "/__admin/", "POST")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.json() == {"error": "method POST is not allowed here; use GET, HEAD"}


def test_no_file_has_inline_code_or_names_another_host() -> None:
    harmless = re.compile("http://(www.w3.org/2000/svg|127.0.0.1:3000|localhost:3000)")  # the last two are examples
    for name, content in page_files().items():
        text = harmless.sub("", content.decode())
        assert "http://" not in text, name
        assert "https://" not in text, name
        for markup in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
            assert markup not in text, name
    page = page_files()["index.html"].decode()
    assert page.count("<script") == page.count('<script src="dashboard/') == 2
    assert re.findall(r"<style|\sstyle=|\son\w+=", page) == []


def test_with_a_token_the_page_is_open_and_what_it_shows_is_not() -> None:
    with MockServer(clock="manual", admin_token=TOKEN) as mock:
        assert get(mock, "/__admin/").status_code == 200
        assert get(mock, "/__admin/dashboard/main.js").status_code == 200
        assert get(mock, "/__admin/model.json").status_code == 200
        assert get(mock, "/__admin/schemas/generate-request").status_code == 200
        assert get(mock, "/__admin/", "POST").status_code == 401
        assert get(mock, "/__admin/tasks").status_code == 401
        assert get(mock, "/__admin/dashboard").status_code == 401


@pytest.mark.parametrize("path", ["/__admin", "/__admin/", "/__admin/dashboard/main.js"])
def test_other_sites_cannot_read_or_frame_it(mock: MockServer, path: str) -> None:
    assert get(mock, path, origin="https://evil.com").status_code == 403
    assert get(mock, path, sec_fetch_site="cross-site").status_code == 403
    frame = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"}
    assert get(mock, path, **frame).status_code == 403
    assert get(mock, path, host="evil.com").status_code == 403


def test_a_link_on_another_site_may_lead_to_the_page_and_to_nothing_else(mock: MockServer) -> None:
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert get(mock, "/__admin", **link).status_code == 307
    assert get(mock, "/__admin/", **link).status_code == 200
    assert get(mock, "/__admin/tasks", **link).status_code == 403
    assert get(mock, "/__admin/", "POST", **link).status_code == 403


def test_on_an_open_address_it_is_closed_without_a_token() -> None:
    with MockServer(clock="manual", host="0.0.0.0") as mock:
        assert get(mock, "/__admin/").status_code == 403


def test_a_video_is_shown_without_being_a_download() -> None:
    with MockServer(clock="manual", scenario={"name": "expired-result"}) as mock, mock.client(verify=False) as client:
        task = submit(client)
        shown = f"/__admin/dashboard/videos/{task}.mp4"
        assert get(mock, shown).status_code == 404
        mock.clock.advance(60)
        video = get(mock, shown)
        assert (video.headers["content-type"], video.content[4:8]) == ("video/mp4", b"ftyp")
        assert get(mock, shown, range="bytes=0-9").status_code == 206
        assert get(mock, shown, "POST").status_code == 405
        assert get(mock, "/__admin/dashboard/videos/task_0.mp4").status_code == 404
        assert get(mock, shown, sec_fetch_site="cross-site").status_code == 403
        assert [entry.operation for entry in mock.requests] == ["generateTask"]
        mock.clock.advance(15 * 24 * 60 * 60)
        assert get(mock, shown).status_code == 410
