"""Workers with a common store: whatever one does, the others show at once."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from secrets import token_hex

import pytest

from support.bodies import GENERATE, STATUS, TEXT, request_body
from support.hammer import requests_within_limit, tasks_within_limit
from support.kills import serve
from support.load import Connection, Load
from support.processes import Served, serving
from support.redis_servers import redis_server
from support.sse import listening
from support.waiting import SECONDS
from support.workers import connection_to_each

pytestmark = [
    pytest.mark.posix,
    pytest.mark.skipif(sys.platform != "linux", reason="a connection is matched with its worker by /proc"),
    pytest.mark.sample,
]

MAX_TASKS, MAX_REQUESTS = 30, 300
ADVANCES = 20
LIGHT = ["-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:hypothesispytest"]
SUITE = f"""
import pytest
BODY = {{"input": {TEXT!r}}}

@pytest.mark.parametrize("number", range(12))
def test_world(ltx_mock, ltx_callbacks, number):
    with ltx_mock.client() as client:
        task = client.post("/generateTask/ltx-2-19b", json=BODY | {{
            "request_type": "callback", "callback_url": ltx_callbacks.url
        }}).json()["data"]["taskId"]
        ltx_mock.clock.advance(60)
        [callback] = ltx_callbacks.wait()
        assert callback.task_id == task
        assert client.get(f"/statusTask/ltx-2-19b?taskId={{task}}").json()["data"]["state"] == "success"
    ltx_mock.assert_requested("generateTask", times=1)
"""


@pytest.fixture(scope="module", params=["sqlite", pytest.param("redis", marks=pytest.mark.redis)])
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[str]]:
    """New stores of one kind."""
    folder = tmp_path_factory.mktemp("stores")
    if request.param == "sqlite":
        yield (f"sqlite:{folder / f'{number}.db'}" for number in itertools.count())
    else:
        with redis_server(folder) as redis:
            yield (f"{redis.url.removesuffix('/0')}/{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def served(stores: Iterator[str]) -> Iterator[Served]:
    limits = ("--max-concurrent", str(MAX_TASKS), "--rate-limit", f"{MAX_REQUESTS}/minute")
    with serving("--store", next(stores), "--workers", "4", "--clock", "manual", "--quiet", *limits) as running:
        yield running


@pytest.fixture
def workers(served: Served) -> Iterator[list[Connection]]:
    """A connection of one key to each of four workers."""
    with ExitStack() as stack:
        yield connection_to_each(served, token_hex(8), stack)


def submit(connection: Connection) -> str:
    answer = connection.call("POST", GENERATE, request_body(TEXT))
    assert answer
    return str(answer.body["data"]["taskId"])


def advance(connection: Connection, seconds: float) -> None:
    answer = connection.call("POST", f"/__admin/clock/advance?key={connection.key}", {"seconds": seconds})
    assert answer
    assert answer.status == 200, answer


def now(connection: Connection) -> int:
    return int(connection.read("clock", key=connection.key)["now"])


def test_each_worker_knows_the_tasks_of_the_others(workers: list[Connection]) -> None:
    for one in workers:
        task_id = submit(one)
        for other in workers:
            answer = other.call("GET", f"{STATUS}?taskId={task_id}")
            assert answer
            assert answer.body["data"]["state"] == "pending"


def test_of_all_workers_one_makes_the_task_of_an_idempotency_key(workers: list[Connection]) -> None:
    key = workers[0].key
    workers[0].call("POST", "/__admin/tenants", {"key": key, "settings": {"idempotency": True, "clock": "manual"}})
    for round_ in range(ADVANCES):
        headers = {"idempotency-key": f"round {round_}"}
        with ThreadPoolExecutor(len(workers)) as pool:
            jobs = [pool.submit(each.call, "POST", GENERATE, request_body(TEXT), headers) for each in workers]
            answers = [job.result() for job in jobs]
        assert len({each.body["data"]["taskId"] for each in answers if each}) == 1
        assert all(answers)
    assert len(workers[-1].read("tasks", key=key)["tasks"]) == ADVANCES


def test_each_worker_shows_an_advance_through_another_at_once(workers: list[Connection]) -> None:
    task_id, begun = submit(workers[0]), now(workers[0])
    for number in range(ADVANCES):
        one, other = workers[number % 4], workers[(number + 1) % 4]
        advance(one, 3)
        assert now(other) == begun + 3000 * (number + 1)
    for one in workers:
        answer = one.call("GET", f"{STATUS}?taskId={task_id}")
        assert answer
        assert answer.body["data"]["state"] == "success"


def test_advances_through_several_workers_at_the_same_time_add_up(workers: list[Connection]) -> None:
    begun = now(workers[0])

    def advance_often(connection: Connection) -> None:
        for _ in range(ADVANCES):
            advance(connection, 7)

    with ThreadPoolExecutor(len(workers)) as pool:
        list(pool.map(advance_often, workers))
    assert {now(each) for each in workers} == {begun + len(workers) * ADVANCES * 7000}


def test_a_wait_on_each_worker_ends_with_what_another_does(workers: list[Connection]) -> None:
    task_id = submit(workers[0])
    query = {"key": workers[0].key, "operation": "statusTask", "wait": SECONDS}
    with ThreadPoolExecutor(len(workers)) as pool:
        waits = [pool.submit(each.read, "requests", **query) for each in workers[1:]]
        workers[0].call("GET", f"{STATUS}?taskId={task_id}")
        for wait in waits:
            [entry] = wait.result(SECONDS)["requests"]
            assert entry["taskId"] == task_id


def test_events_on_one_worker_show_what_all_do(served: Served, workers: list[Connection]) -> None:
    with listening(served.url, key=workers[0].key) as events:
        made = [submit(each) for each in workers]
        assert sorted(told.data["taskId"] for told in events.take(len(made), "request")) == sorted(made)


def test_limits_are_exact_when_all_workers_are_hammered(served: Served) -> None:
    assert tasks_within_limit(served.url, MAX_TASKS + 50) == MAX_TASKS
    assert requests_within_limit(served.url, MAX_REQUESTS + 50) == MAX_REQUESTS


@pytest.mark.slow
def test_a_suite_in_several_processes_runs_on_them(stores: Iterator[str], pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_inside=SUITE)
    with serving("--store", next(stores), "--workers", "4", "--clock", "manual", "--quiet") as served:
        options = ["-n", "4", *LIGHT, f"--ltx-base-url={served.url}"]
        pytester.runpytest_subprocess(*options).assert_outcomes(passed=12)


@pytest.mark.slow
def test_a_stop_under_load_is_clean_and_loses_nothing(stores: Iterator[str]) -> None:
    """No worker is left, or has to be killed; what was acknowledged goes on after the next start."""
    store = next(stores)
    with serve(store, workers=4) as served, Load(served.url) as load:
        load.wait_for_more(50)
        assert served.end() == 0
        assert "Traceback" not in served.stderr(), served.stderr()
        load.stop()
        with serve(store, workers=4) as served_again:
            load.check(served_again.url)
