"""The site of the documentation: it builds without a warning, its links lead somewhere, it needs no other host."""

from __future__ import annotations

import os
import posixpath
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from support.browser import chromium
from support.waiting import SECONDS

ROOT = Path(__file__).parents[2]
SITES = {"mkdocs.yml": ".", "mkdocs.zh.yml": "zh"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both sites as `make site` does."""
    folder = tmp_path_factory.mktemp("site")
    for config, place in SITES.items():
        done = subprocess.run(
            [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", config, "-d", str(folder / place)],
            cwd=ROOT,
            env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Read(HTMLParser):
    """What a page links to, what it loads, and the anchors that it has."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif "src" in given:
            self.loads.append(given["src"])
        elif tag == "link" and given.get("rel") not in {"canonical", "alternate"}:
            self.loads.append(given["href"])


def test_every_link_leads_to_a_file_and_an_anchor_that_are_there(site: Path) -> None:
    pages = {page: Read(page) for page in site.rglob("*.html") if page.name != "404.html"}
    wrong = []
    for page, read in pages.items():
        for link in [*read.links, *read.loads]:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            path = (
                posixpath.normpath(posixpath.join(str(page.parent), unquote(parts.path))) if parts.path else str(page)
            )
            target = Path(path) / "index.html" if Path(path).is_dir() else Path(path)
            anchor = unquote(parts.fragment)
            known = target in pages and anchor in {"", "__tabbed", *pages[target].anchors}
            if not (known or (target.is_file() and target not in pages)):
                wrong.append(f"{page.relative_to(site)}: {link}")
    assert not wrong


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert [each for each in Read(page).loads if urlsplit(each).netloc] == [], page


def test_each_page_has_a_plain_twin_which_llms_txt_lists(site: Path) -> None:
    for place in SITES.values():
        folder = site / place
        listed = (folder / "llms.txt").read_text(encoding="utf-8")
        for twin in folder.rglob("*.md"):
            uri = twin.relative_to(folder).as_posix()
            if not uri.startswith(("repository/", "zh/")):
                assert f"]({uri})" in listed
                assert twin.with_suffix(".html").is_file()
                assert "\n::: " not in twin.read_text(encoding="utf-8")
        pages = [each for each in folder.rglob("*.html") if "repository" not in each.parts and "zh" not in each.parts]
        assert all(page.with_suffix(".md").is_file() for page in pages if page.name != "404.html")


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, *_: Any, **__: Any) -> None:
        pass


@pytest.mark.browser
def test_the_search_finds_what_a_page_says(site: Path) -> None:
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as files,
        ThreadPoolExecutor(1) as thread,
        chromium() as browser,
    ):
        thread.submit(files.serve_forever)
        try:
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{files.server_address[1]}/start.html")
            page.get_by_placeholder("Search").first.press_sequentially("GEN-15")
            page.locator(".md-search-result__item a[href*='reference/rules']").first.wait_for(timeout=SECONDS * 1000)
        finally:
            files.shutdown()
