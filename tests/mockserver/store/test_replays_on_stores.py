"""Recordings are replayed on every store, by all its workers as by one, and after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import pytest

from ltx_mock import MockServer, RemoteServer
from support.bodies import TEXT, ask, message_of, post, request_body, submit
from support.lives import LIFE, answer, recording, save, state
from support.new_stores import STORES, store_of
from support.processes import serving

pytestmark = [pytest.mark.memory_store("names its store"), pytest.mark.sample(2)]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with store_of(request.param, tmp_path) as setting:
        yield setting


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three recordings of the same request."""
    found = tmp_path / "recordings"
    found.mkdir()
    lives = [recording(answer(0, state(name)), name=f"life-{name}") for name in "abc"]
    return save(found, *(replace(each, recorded=f"2026-11-26T14:40:00.00{n}Z") for n, each in enumerate(lives)))


def test_workers_replay_in_turn_together(store: str, folder: Path) -> None:
    with (
        MockServer(store=store, clock="manual", recordings=folder) as one,
        MockServer(store=store, clock="manual", recordings=folder) as other,
        one.client(verify=False) as client,
        other.client(verify=False) as another,
    ):
        told = []
        for submits, asks in ((client, another), (another, client), (client, client), (another, another)):
            told.append(ask(asks, submit(submits))["state"])
    assert told == ["a", "b", "c", "c"]


def test_a_task_lives_on_after_a_restart_without_its_folder(store: str, folder: Path) -> None:
    rmtree(folder)
    folder.mkdir()
    save(folder, LIFE)
    with MockServer(store=store, clock="manual", recordings=folder) as server, server.client(verify=False) as client:
        task_id = submit(client)
        server.clock.advance(3)
    rmtree(folder)
    with MockServer(store=store, clock="manual") as server, server.client(verify=False) as client:
        assert ask(client, task_id)["state"] == "processing"
        server.clock.advance(52.5)
        assert ask(client, task_id)["costTime"] == 55_500
        assert server.tasks[0].cause == "recording life"


@pytest.mark.posix
def test_serve_with_workers_names_each_bad_file_once_and_replays_the_others(store: str, folder: Path) -> None:
    (folder / "bad.json").write_text("[]")
    options = ("--store", store, "--workers", "2", "--clock", "manual", "--recordings", str(folder))
    with serving(*options, "--recordings-only") as served, RemoteServer(served.url).client(verify=False) as client:
        told = [ask(client, submit(client))["state"] for _ in range(4)]
        message = message_of(post(client, request_body(TEXT, prompt="another one")), 404)
    assert told == ["a", "b", "c", "c"]
    assert "life-a" in message
    lines = served.stderr().splitlines()
    assert [line for line in lines if "bad.json" in line] == [
        f'ltx-mock: {folder}: bad.json: format must be "ltx-mock-recording", but is an empty array'
    ]
    assert f"  recordings    3 in {folder}; any other request is refused" in lines
