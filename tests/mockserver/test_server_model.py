"""A whole server against a model of it that a child could follow: two keys, tasks, credits, slots, requests, time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from ltx_mock import MockServer
from ltx_mock.errors import ConflictError, NotFoundError
from ltx_mock.testing.tenant import World
from support.bodies import GENERATE, IMAGE_LORA, STATUS, TEXT, TEXT_LORA, data_of, message_of, post, request_body

pytestmark = pytest.mark.hypothesis  # whose plugin marks what has `@given` alone

CREDITS, SLOTS, REQUESTS, MINUTE_MS = 60, 3, 12, 60_000
PRICES = {"480p": 1, "720p": 2, "1080p": 4}
INPUTS = [
    TEXT,
    TEXT_LORA | {"resolution": "720p", "duration": 9},
    IMAGE_LORA | {"resolution": "1080p"},
    TEXT | {"prompt": "gore"},
    TEXT | {"seed": 7, "duration": 20},
]


@dataclass
class ModelTask:
    """A task as the model sees it. When it starts and how it ends is for the timeline's own tests to judge."""

    cost: int
    started: int
    ended: int
    end_state: str

    def state(self, now: int) -> str:
        return "pending" if now < self.started else "processing" if now < self.ended else self.end_state


@dataclass
class ModelWorld:
    """What one key should see."""

    now: int
    tasks: dict[str, ModelTask] = field(default_factory=dict)
    window: int | None = None
    used: int = 0

    def active(self) -> int:
        return sum(task.ended > self.now for task in self.tasks.values())

    def spent(self) -> int:
        return sum(task.cost for task in self.tasks.values() if task.state(self.now) != "failed")

    def requests(self) -> int:
        return self.used if self.window is not None and self.now < self.window + MINUTE_MS else 0

    def may_ask(self) -> bool:
        if self.requests() == 0:
            self.window, self.used = self.now, 0
        if self.used == REQUESTS:
            return False
        self.used += 1
        return True


class Server(RuleBasedStateMachine):
    """What clients and developers may do, in any order."""

    mock: MockServer
    tasks = Bundle("tasks")
    keys = st.sampled_from(["key-a", "key-b"])

    def __init__(self) -> None:
        super().__init__()
        self.worlds: dict[str, World] = {key: self.mock.tenant(key) for key in ("key-a", "key-b")}
        self.model: dict[str, ModelWorld] = {}
        self.clients: dict[str, httpx.Client] = {}
        for key, world in self.worlds.items():
            world.reset()
            self.model[key] = ModelWorld(world.clock.now)
            self.clients[key] = world.client(verify=False)

    @rule(target=tasks, key=keys, source=st.sampled_from(INPUTS))
    def submit(self, key: str, source: dict[str, Any]) -> Any:
        model, answer = self.model[key], post(self.clients[key], request_body(source))
        cost = PRICES[source["resolution"]] * source["duration"]
        if not model.may_ask():
            assert "Rate limit" in message_of(answer, 429)
        elif model.spent() + cost > CREDITS:
            assert message_of(answer, 400) == "Insufficient credits"
        elif model.active() >= SLOTS:
            assert "Too many concurrent tasks" in message_of(answer, 429)
            soonest = min(task.ended for task in model.tasks.values() if task.ended > model.now)
            assert int(answer.headers["retry-after"]) == -(-(soonest - model.now) // 1000)
        else:
            task_id = data_of(answer)["taskId"]
            view = self.worlds[key].tasks[-1]
            assert (view.id, view.create_time, view.cost) == (task_id, model.now, cost)
            assert task_id not in model.tasks
            assert view.end_state == ("failed" if source["prompt"] == "gore" else "success")
            model.tasks[task_id] = ModelTask(cost, view.processing_time, view.end_time, view.end_state)
            return task_id
        return multiple()

    @rule(key=keys, sent=st.sampled_from([b"{", b"[]", request_body(mode="x"), request_body(duration=21)]))
    def submit_nonsense(self, key: str, sent: Any) -> None:
        message_of(post(self.clients[key], sent), 400 if self.model[key].may_ask() else 429)

    @rule(key=keys, method=st.sampled_from(["GET", "PUT"]))
    def use_a_wrong_method(self, key: str, method: str) -> None:
        message_of(self.clients[key].request(method, GENERATE), 405)

    @rule(key=keys, task_id=tasks)
    def ask(self, key: str, task_id: str) -> None:
        model, answer = self.model[key], self.clients[key].get(STATUS, params={"taskId": task_id})
        if not model.may_ask():
            message_of(answer, 429)
        elif task_id not in model.tasks:
            message_of(answer, 404)
        else:
            task, told = model.tasks[task_id], data_of(answer)
            assert told["state"] == task.state(model.now)
            assert ("resultJson" in told) == (told["state"] == "success")
            assert told.get("completeTime", task.ended) == task.ended

    @rule(key=keys, milliseconds=st.integers(0, 40_000) | st.sampled_from([1, MINUTE_MS - 1, MINUTE_MS, 200_000]))
    def advance(self, key: str, milliseconds: int) -> None:
        model = self.model[key]
        after, until = model.now, model.now + milliseconds
        due = [
            (at, state)
            for task in model.tasks.values()
            for at, state in ((task.started, "processing"), (task.ended, task.end_state))
            if after < at <= until and (at < task.ended or state != "processing")
        ]
        fired = self.worlds[key].clock.advance(milliseconds / 1000)
        model.now = until
        assert sorted((event["at"], event["state"]) for event in fired) == sorted(due)

    @rule(key=keys, task_id=tasks, state=st.sampled_from(["success", "failed"]))
    def finish(self, key: str, task_id: str, state: str) -> None:
        owner = self.model[key]
        if task_id not in owner.tasks:
            with pytest.raises(NotFoundError):
                self.worlds[key].finish(task_id, state)
            return
        task = owner.tasks[task_id]
        if task.ended <= owner.now:
            with pytest.raises(ConflictError):
                self.worlds[key].finish(task_id, state)
            return
        self.worlds[key].finish(task_id, state)
        task.started, task.ended, task.end_state = min(task.started, owner.now), owner.now, state

    @rule(key=keys)
    def reset(self, key: str) -> None:
        self.worlds[key].reset()
        self.model[key] = ModelWorld(self.worlds[key].clock.now)

    @invariant()
    def the_server_counts_as_the_model_does(self) -> None:
        for key, world in self.worlds.items():
            model = self.model[key]
            account = world.account
            assert (account.made, account.active) == (len(model.tasks), model.active())
            assert (account.spent, account.credits) == (model.spent(), CREDITS - model.spent())
            assert account.requests_in_window == model.requests()
            assert world.clock.now == model.now
            assert not world.callbacks

    def teardown(self) -> None:
        for client in self.clients.values():
            client.close()


@pytest.mark.rule("TASK-1", "GEN-15", "GEN-18", "LIM-1", "LIM-2", "LIM-3", "AUTH-4")
def test_the_server_does_what_the_model_says() -> None:
    with MockServer(
        clock="manual", credits=CREDITS, max_concurrent=SLOTS, rate_limit=f"{REQUESTS}/minute"
    ) as Server.mock:
        run_state_machine_as_test(
            Server, settings=settings(max_examples=settings().max_examples // 4, stateful_step_count=40)
        )
