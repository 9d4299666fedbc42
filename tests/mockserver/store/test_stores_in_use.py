"""What people do with the fake is the same with every store: a tour, `ltx-mock check`, the dashboard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ltx_mock import MockServer
from mutants.base import BrokenServer
from support.bodies import submit
from support.new_stores import STORES, store_of
from support.processes import ltx_mock, serving
from support.tour import PARTS, Part, callbacks_of, walked


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with store_of(request.param, tmp_path) as setting:
        yield setting


def seen_on(part: Part, store: str) -> object:
    """Return what a client sees on a part of the tour, with places for the ports."""
    server = BrokenServer(store=store)
    try:
        with callbacks_of(server) as callbacks:
            text = json.dumps(walked(server, callbacks, part))
            assert server.mock.internal_errors == []
            return json.loads(text.replace(server.url, "http://server").replace(callbacks.url, "http://receiver"))
    finally:
        server.mock.stop()


@pytest.mark.sample(2)
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_a_client_sees_what_it_sees_with_the_store_in_memory(part: Part, store: str) -> None:
    assert seen_on(part, store) == seen_on(part, "memory")


@pytest.mark.slow
def test_a_check_finds_nothing_broken(store: str) -> None:
    with serving("--store", store, "--clock", "manual", "--quiet") as served:
        code, _, err = ltx_mock("check", served.url, "--max-examples", "1", "--trust-control-plane")
        assert code == 0, err
        assert "50 kept, 0 broken, 0 observed, 0 not checked" in err
        assert "Traceback" not in served.stderr()


@pytest.mark.browser
def test_the_dashboard_shows_what_other_processes_do(store: str) -> None:
    from playwright.sync_api import expect  # not everywhere

    from support.browser import chromium, dashboard

    with (
        MockServer(store=store, clock="manual", credits=100) as mock,
        MockServer(store=store, clock="manual", credits=100) as other,
        other.client(verify=False) as client,
        chromium() as browser,
        dashboard(browser, mock.url) as shown,
    ):
        shown.submit(prompt="a lighthouse in the rain")
        expect(shown.rows().first).to_contain_text("a lighthouse in the rain")
        submit(client, prompt="a ship in the fog")
        expect(shown.rows()).to_have_count(2)
        shown.button("+1 min").click()
        for row in (shown.rows().first, shown.rows().last):
            expect(row).to_contain_text("success")
        assert {task.state for task in other.tasks} == {"success"}
