"""What every backend holds."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from ltx_mock.store.backend import Backend, Change, Committed, Gone, Line, Missed
from support.backends import BACKENDS

Story: TypeAlias = Callable[[Backend, Backend], Awaitable[None]]
Run: TypeAlias = Callable[[Story], None]


@pytest.fixture(params=BACKENDS)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Run a coroutine function with two handles."""

    async def with_two(story: Story) -> None:
        async with asyncio.timeout(60), request.param(tmp_path) as (one, two):
            await story(one, two)

    return lambda story: asyncio.run(with_two(story))


def test_what_one_worker_commits_another_reads(run: Run) -> None:
    async def story(one: Backend, two: Backend) -> None:
        values = {"settings": b"\0\xff binary", "task:1": b"x" * 1_000_000, "名 'quoted' \0 \"name\"": b"1"}
        assert await one.commit([Change("space-1", 0, values)]) == [Committed(1)]
        assert await two.read("space-1") == Missed(1, values)

    run(story)


def test_a_batch_reports_each_outcome_and_writes_nothing_of_a_stale_change(run: Run) -> None:
    async def story(one: Backend, two: Backend) -> None:
        await one.commit([Change("a", 0, {"x": b"1", "y": b"1"}), Change("b", 0, {"x": b"1"})])
        await one.commit([Change("b", 1, {"z": b"2"})])
        written, gone, missed, new = await two.commit(
            [
                Change("a", 1, {"x": b"2"}, [b"a2"]),
                Change("nowhere", 3, {"x": b"2"}, [b"lost"]),
                Change("b", 1, {"x": b"lost", "w": b"lost"}, [b"lost"]),
                Change("c", 0, {"x": b"2"}),
            ]
        )
        assert isinstance(written, Committed)
        assert written.version == 2
        assert (gone, missed, new) == (Gone(), Missed(2, {"z": b"2"}), Committed(1))
        assert await one.read("a") == Missed(2, {"x": b"2", "y": b"1"})
        assert await one.read("b") == Missed(2, {"x": b"1", "z": b"2"})
        assert await one.read("nowhere") == Gone()
        assert [await one.lines(space) for space in ("a", "b", "nowhere")] == [
            [Line(written.first_line, b"a2")],
            [],
            [],
        ]

    run(story)


def test_a_batch_may_be_empty_and_so_may_a_change(run: Run) -> None:
    async def story(one: Backend, two: Backend) -> None:
        assert await one.commit([]) == []
        assert await one.commit([Change("a", 0, {})]) == [Committed(1)]
        assert await two.commit([Change("a", 1, {})]) == [Committed(2)]
        assert await one.read("a") == Missed(2, {})

    run(story)


def test_a_new_space_is_refused_where_there_is_one_already(run: Run) -> None:
    async def story(one: Backend, two: Backend) -> None:
        await one.commit([Change("a", 0, {"x": b"1"})])
        assert await two.commit([Change("a", 0, {"x": b"2"})]) == [Missed(1, {"x": b"1"})]

    run(story)


def test_a_removed_record_is_reported_to_those_who_know_it_alone(run: Run) -> None:
    async def story(one: Backend, two: Backend) -> None:
        await one.commit([Change("a", 0, {"x": b"1", "y": b"1"})])
        await one.commit([Change("a", 1, {"x": b""})])
        assert await two.read("a", 1) == Missed(2, {"x": b""})
        assert await two.read("a") == Missed(2, {"y": b"1"})
        assert await two.space_of("x") is None

    run(story)


def test_a_removed_space_is_gone_with_all_it_held(run: Run) -> None:
    async def story(one: Backend, two: Backend) -> None:
        await one.commit([Change("b", 0, {"y": b"1"}), Change("a", 0, {"x": b"1"}, [b"line"])])
        await one.remove(["a", "nowhere"])
        assert await two.read("a") == Gone()
        assert await two.commit([Change("a", 1, {"x": b"2"})]) == [Gone()]
        assert (await two.lines("a"), await two.space_of("x"), await two.space_of("y")) == ([], None, "b")
        assert await two.commit([Change("c", 0, {})]) == [Committed(1)]
        assert (await one.read("c"), await one.lines("c")) == (Missed(1, {}), [])

    run(story)


def test_a_space_is_removed_only_with_the_version_that_it_must_have(run: Run) -> None:
    async def story(one: Backend, two: Backend) -> None:
        await one.commit([Change(name, 0, {name: b"1"}) for name in "abc"])
        await two.commit([Change("b", 1, {"b": b"2"})])
        before = await two.news()
        assert await one.remove(["a", "b", "nowhere"], [1, 1, 1]) == frozenset("a")
        assert (await two.news(before.position)).spaces == frozenset("a")
        assert [await two.read(name) for name in "abc"] == [Gone(), Missed(2, {"b": b"2"}), Missed(1, {"c": b"1"})]
        assert [await two.space_of(name) for name in "abc"] == [None, "b", "c"]
        assert await one.remove(["a", "b", "c"]) == frozenset("bc")

    run(story)


def test_lines_are_read_from_a_number_on(run: Run) -> None:
    async def story(one: Backend, two: Backend) -> None:
        await one.commit([Change("a", 0, {}, [b"1", b"2"]), Change("b", 0, {}, [b"other"])])
        await two.commit([Change("a", 1, {}, [b"3"])])
        lines = await two.lines("a")
        assert [line.value for line in lines] == [b"1", b"2", b"3"]
        for count, line in enumerate(lines, 1):
            assert await one.lines("a", line.number) == lines[count:]

    run(story)


def test_numbers_of_lines_ascend_over_all_spaces_also_after_lines_were_forgotten(run: Run) -> None:
    async def story(one: Backend, two: Backend) -> None:
        firsts = []
        for version, backend in enumerate((one, two, one)):
            changes = [Change(space, version, {}, [b"1", b"2", b"3"]) for space in ("a", "b")]
            for done in await backend.commit(changes):
                assert isinstance(done, Committed)
                firsts.append(done.first_line)
            await two.forget_lines("a", firsts[-2] + 1)
            await two.forget_lines("b", firsts[-1] + 2)
        assert firsts[0] > 0
        assert all(after - before >= 3 for before, after in itertools.pairwise(firsts))
        assert [await one.lines(space) for space in ("a", "b")] == [[Line(firsts[-2] + 2, b"3")], []]

    run(story)


def test_of_workers_that_commit_at_once_one_wins_each_round(run: Run) -> None:
    async def story(one: Backend, two: Backend) -> None:
        await one.commit([Change("a", 0, {"sum": b"0"})])
        await asyncio.gather(*(add(backend) for backend in (one, two) for _ in range(4)))
        assert await one.read("a") == Missed(41, {"sum": b"40"})

    async def add(backend: Backend) -> None:
        found = await backend.read("a")
        for _ in range(5):
            outcome = None
            while not isinstance(outcome, Committed):
                assert isinstance(found, Missed)
                total = int(found.records["sum"]) + 1
                (outcome,) = await backend.commit([Change("a", found.version, {"sum": b"%d" % total})])
                found = outcome if isinstance(outcome, Missed) else await backend.read("a")

    run(story)


def test_news_at_the_start_is_only_a_position(run: Run) -> None:
    async def story(one: Backend, two: Backend) -> None:
        await one.commit([Change("a", 0, {})])
        start = await two.news()
        assert start.spaces == frozenset()
        assert await two.news(start.position) == start

    run(story)


def test_what_wrote_nothing_is_no_news(run: Run) -> None:
    async def story(one: Backend, two: Backend) -> None:
        await one.commit([Change("a", 0, {})])
        start = await two.news()
        await one.commit([Change("a", 0, {}), Change("nowhere", 1, {})])
        await one.remove(["nowhere"])
        assert await two.news(start.position) == start

    run(story)


def test_who_waits_for_news_is_woken_by_another_worker(run: Run) -> None:
    async def story(one: Backend, two: Backend) -> None:
        position = (await two.news()).position
        for happens in (lambda: one.commit([Change("a", 0, {})]), lambda: one.remove(["a"])):
            waiting = asyncio.create_task(two.wait_for_news(position, 3600))
            await asyncio.sleep(0)
            assert not waiting.done()
            await happens()
            await waiting
            position, spaces = await two.news(position)
            assert spaces == frozenset("a")

    run(story)


def test_who_waits_for_news_waits_no_longer_than_told_and_not_for_what_was_there_before(run: Run) -> None:
    async def story(one: Backend, two: Backend) -> None:
        position = (await two.news()).position
        await two.wait_for_news(position, 0)
        assert (await two.news(position)).spaces == frozenset()
        await one.commit([Change("a", 0, {})])
        await two.wait_for_news(position, 3600)
        assert (await two.news(position)).spaces == frozenset("a")

    run(story)


def test_news_misses_nothing_while_another_worker_writes(run: Run) -> None:
    names = {f"space-{number}" for number in range(60)}

    async def story(one: Backend, two: Backend) -> None:
        start = (await two.news()).position
        await asyncio.gather(write(one), read(two, start))

    async def write(backend: Backend) -> None:
        for name in names:
            await backend.commit([Change(name, 0, {})])

    async def read(backend: Backend, position: str) -> None:
        missing = set(names)
        while missing:
            await backend.wait_for_news(position, 3600)
            position, spaces = await backend.news(position)
            assert spaces
            missing -= spaces

    run(story)


def test_workers_see_each_others_signs_of_life(run: Run) -> None:
    async def story(one: Backend, two: Backend) -> None:
        assert await one.sign_of_life("worker-1") == {"worker-1"}
        assert await two.sign_of_life("worker-2") == {"worker-1", "worker-2"}
        assert await one.sign_of_life("worker-1") == {"worker-1", "worker-2"}

    run(story)


def test_the_time_is_the_same_for_all_workers_and_real(run: Run) -> None:
    async def story(one: Backend, two: Backend) -> None:
        times = [await backend.time_ns() for backend in (one, two, one, two)]
        assert times == sorted(times)
        assert 1_700_000_000 < times[0] / 1e9 < 10_000_000_000

    run(story)
