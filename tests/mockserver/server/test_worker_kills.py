"""`kill -9` of workers, and of a whole server: nothing that was acknowledged is lost, and callbacks go on."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from ltx_mock.engine.deliveries import INTERRUPTED
from support.bodies import GENERATE, STATUS, TEXT, request_body
from support.kills import killed_workers
from support.load import Connection
from support.processes import Served, serving
from support.receivers import Receiver
from support.redis_servers import redis_server
from support.waiting import until
from support.workers import is_alive, workers_of

pytestmark = pytest.mark.posix

KILLS = 5
PATIENT = ("--clock", "scaled", "--speed", "1000", "--callback-timeout", "300")
"""A clock that ends tasks soon, and an attempt of a callback that lasts until it is killed."""


@pytest.mark.slow
def test_killed_workers_lose_and_double_nothing_in_a_sqlite_file(tmp_path: Path) -> None:
    outcome = killed_workers(f"sqlite:{tmp_path / 'state.db'}", KILLS)
    assert outcome.acknowledged > KILLS


@pytest.mark.slow
@pytest.mark.redis
def test_killed_workers_lose_and_double_nothing_in_redis(tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis") as redis:
        outcome = killed_workers(redis.url, KILLS)
    assert outcome.acknowledged > KILLS


def kill_whole(served: Served) -> None:
    """End a supervisor and its workers at once; the stopped supervisor replaces none."""
    os.kill(served.pid, signal.SIGSTOP)
    pids = workers_of(served)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert served.end(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: not [pid for pid in pids if is_alive(pid)])


@pytest.mark.redis
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_callbacks_that_became_due_while_no_server_ran_are_sent_after_the_start(kind: str, tmp_path: Path) -> None:
    """The clock is so fast that a task has ended before another server has started. One callback is being sent."""
    with redis_server(tmp_path / "redis") as redis, Receiver(503, "hang", 200) as receiver:
        store = redis.url if kind == "redis" else f"sqlite:{tmp_path / 'state.db'}"
        options = ("--store", store, "--workers", "2", "--quiet", "--seed", "1", *PATIENT)
        served = Served(*options)
        try:
            with Connection(served.url, "key") as connection:
                body = request_body(TEXT) | {"request_type": "callback", "callback_url": receiver.url}
                first, second = (_submit(connection, body) for _ in range(2))
                receiver.take()
                receiver.take()
        finally:
            kill_whole(served)
            served.kill()
        with serving(*options) as served, Connection(served.url, "key") as connection:
            until(lambda: {each["state"] for each in connection.read("callbacks")["callbacks"]} == {"delivered"})
            callbacks = connection.read("callbacks")["callbacks"]
            assert {each["taskId"] for each in callbacks} == {first, second}
            errors = [attempt["error"] for each in callbacks for attempt in each["attempts"]]
            assert INTERRUPTED in errors
            assert {json.loads(each.body)["data"]["taskId"] for each in receiver.take_all()} == {first, second}
            assert served.end() == 0


@pytest.mark.redis
@pytest.mark.slow
def test_workers_that_end_while_redis_is_away_are_replaced_when_it_is_back(tmp_path: Path) -> None:
    with (
        redis_server(tmp_path / "redis") as redis,
        serving("--store", redis.url, "--workers", "2", "--quiet", "--clock", "manual") as served,
    ):
        with Connection(served.url, "key") as connection:
            task_id = _submit(connection, request_body(TEXT))
        redis.kill()
        for pid in workers_of(served):
            os.kill(pid, signal.SIGKILL)
        for _ in range(2):
            served.wait_for_error_line(r"worker \d+ cannot start \(Redis at .*\); others are tried until one starts")
        redis.start()
        with Connection(served.url, "key") as connection:  # it waits for a worker
            answer = connection.call("GET", f"{STATUS}?taskId={task_id}")
            assert answer
            assert answer.body["data"]["state"] == "pending"
        assert served.end() == 0


def _submit(connection: Connection, body: object) -> str:
    answer = connection.call("POST", GENERATE, body)
    assert answer, "no answer"
    return str(answer.body["data"]["taskId"])
