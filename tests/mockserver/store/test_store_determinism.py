"""The same seed and requests give the same bytes on every store, over any number of workers, and over restarts."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from functools import cache, partial
from http.client import HTTPConnection
from itertools import repeat
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ltx_mock.core.settings import Settings
from ltx_mock.store.memory import MemoryStore
from ltx_mock.store.shared import SharedStore
from ltx_mock.store.sqlite_backend import SqliteBackend
from support.bodies import GENERATE
from support.memory_backend import MemoryBackend, State
from support.processes import serving
from support.redis_servers import shared_server
from support.store_stories import (
    AUTO,
    MAIN,
    OPTIONS,
    SECOND,
    SHOW,
    STEPS,
    STORY,
    WORK,
    Fakes,
    Step,
    Tasks,
    Told,
    advance,
    submit,
    tell,
)
from support.waiting import SECONDS

EVERY = range(len(STORY))


@pytest.fixture(autouse=True)
def no_wait_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ltx_mock.engine.callbacks.STAND_IN_SECONDS", 0)


@cache
def in_memory(story: tuple[Step, ...] = tuple(STORY)) -> Told:
    """Return what a fake without a backend tells."""
    return asyncio.run(tell(Fakes(MemoryStore), story))


def over_one_state(state: State, settings: Settings) -> SharedStore:
    return SharedStore(settings, MemoryBackend(state))


def in_one_file(path: Path, settings: Settings) -> SharedStore:
    return SharedStore(settings, SqliteBackend(path))


def workers(count: int) -> Fakes:
    return Fakes(*repeat(partial(over_one_state, State()), count))


def assert_same(told: Told, expected: Told) -> None:
    """Compare step by step, so that the first difference is shown.

    The callbacks of one key come in order; those of several keys are sent at once.
    """
    for number, (one, other) in enumerate(zip(told.answers, expected.answers, strict=True)):
        assert one == other, f"step {number}"
    assert posts_of_keys(told) == posts_of_keys(expected)


def posts_of_keys(told: Told) -> dict[str, list[tuple[str, bytes, str]]]:
    """Return the callbacks of each key, or of each task whose id no response has told."""
    keys: dict[str, str] = {}
    for step, reply in told.answers:
        if step.target == GENERATE and getattr(reply, "status", 0) == 200 and b"taskId" in reply.body:
            keys[json.loads(reply.body)["data"]["taskId"]] = step.key
    posts: dict[str, list[tuple[str, bytes, str]]] = defaultdict(list)
    for post in told.posts:
        task_id = json.loads(post[1])["data"]["taskId"]
        posts[keys.get(task_id, task_id)].append(post)
    return posts


def test_the_story_uses_everything() -> None:
    told = in_memory()
    statuses = {getattr(reply, "status", reply) for _, reply in told.answers}
    assert statuses >= {200, 400, 404, 409, 429, 503, "CONNECTION_RESET_BY_PEER"}
    assert len({url for url, *_ in told.posts}) == 3


@pytest.mark.parametrize("count", [1, 2, 3])
def test_workers_who_take_turns_tell_the_same_as_one_fake_in_memory(count: int) -> None:
    assert_same(asyncio.run(tell(workers(count))), in_memory())


RESTARTS = pytest.mark.parametrize(
    "restarts",
    [pytest.param((), id="one run"), pytest.param(EVERY, id="a restart before each request", marks=pytest.mark.slow)],
)


@RESTARTS
def test_so_do_fakes_with_a_file(tmp_path: Path, restarts: Sequence[int]) -> None:
    fakes = Fakes(*repeat(partial(in_one_file, tmp_path / "state.db"), 2))
    assert_same(asyncio.run(tell(fakes, restarts=restarts)), in_memory())


@pytest.mark.redis
@RESTARTS
def test_so_do_fakes_with_redis(restarts: Sequence[int]) -> None:
    from ltx_mock.store.redis_backend import RedisBackend

    server = shared_server()
    server.command("FLUSHALL")
    fakes = Fakes(*repeat(lambda settings: SharedStore(settings, RedisBackend(server.url)), 2))
    assert_same(asyncio.run(tell(fakes, restarts=restarts)), in_memory())


def test_a_restart_before_each_request_changes_nothing() -> None:
    assert_same(asyncio.run(tell(workers(1), restarts=EVERY)), in_memory())


@pytest.mark.sample
@example(
    story=(submit(callback="/ok", prompt="[[duplicate-callback]]"), submit(SECOND, "/ok", seed=5), advance(1382400)),
    count=1,
    restarts=set(),
)
@given(
    story=st.lists(st.sampled_from(STEPS), min_size=2, max_size=40).map(tuple),
    count=st.integers(1, 3),
    restarts=st.sets(st.integers(1, 39)),
)
def test_no_story_depends_on_the_store_the_workers_and_restarts(
    story: tuple[Step, ...], count: int, restarts: set[int]
) -> None:
    assert_same(asyncio.run(tell(workers(count), story, restarts)), in_memory.__wrapped__(story))


def over_sockets(story: Sequence[Step], *options: str) -> list[object]:
    """Return what a program answers. Each request has its own connection, which the system gives to any worker."""
    with serving(*OPTIONS, *options) as served:
        address, tasks, answers = urlsplit(served.url), Tasks(), list[object]()
        for step in story:
            connection = HTTPConnection(address.hostname or "", address.port, timeout=SECONDS)
            with closing(connection):
                try:
                    connection.request(*tasks.request(step))
                    response = connection.getresponse()
                    body = response.read()
                except ConnectionError as broken:
                    answers.append((step, type(broken)))
                    continue
            tasks.note(step, response.status, body)
            headers = [each for each in response.getheaders() if each[0] != "date"]
            answers.append((step, response.status, headers, body))
        return answers


@pytest.mark.slow
def test_so_do_real_workers(tmp_path: Path) -> None:
    """But for an `auto` clock, whose callbacks come in the background, and the settings, which name the store.

    Each clock is advanced alone, since the callbacks of several keys are sent at once. Downloads are last, since their
    entries in the journal are written when the client has its response already.
    """
    story = [*WORK, advance(600, MAIN), advance(600, SECOND), *SHOW]
    story = [step for step in story if AUTO not in str(step) and "/settings" not in step.target]
    story = [step for step in story if step.target != advance(1).target]
    story.sort(key=lambda step: step.target.startswith("/files/"))
    told = over_sockets(story, "--workers", "3", "--store", f"sqlite:{tmp_path / 'state.db'}")
    for one, other in zip(told, over_sockets(story), strict=True):
        assert one == other
