"""Clients that make and poll tasks while workers die, and what must be true of the server afterwards."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode, urlsplit

from support.bodies import GENERATE, STATUS, TEXT, request_body
from support.receivers import Receiver
from support.waiting import SECONDS, until

CREDITS = 10**9
MAX_ATTEMPTS = 4
"""CB-2: a callback and three retries."""
STATES = ("pending", "processing", "success", "failed")
EVERYTHING = 10**9


class Answer(NamedTuple):
    """A status and the JSON that came with it."""

    status: int
    body: dict[str, Any]


class Connection:
    """A kept connection with an API key, for a `with` statement; when it breaks, the next call makes another."""

    def __init__(self, url: str, key: str) -> None:
        self.key = key
        self._http = HTTPConnection(urlsplit(url).netloc, timeout=SECONDS)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer | None:
        """Return the answer, or None if there was none: nobody knows whether the request was served."""
        try:
            sent = self._headers | dict(headers or {})
            self._http.request(method, path, None if body is None else json.dumps(body), sent)
            response = self._http.getresponse()
            return Answer(response.status, json.loads(response.read()))
        except (HTTPException, ConnectionError):
            self._http.close()
            return None

    @property
    def port(self) -> int:
        """The port of this end of the connection."""
        return int(self._http.sock.getsockname()[1])

    def read(self, path: str, **query: object) -> dict[str, Any]:
        """Return what the control plane says, however often a worker dies meanwhile."""
        while (answer := self.call("GET", f"/__admin/{path}?{urlencode(query)}")) is None:
            pass
        assert answer.status == 200, answer
        return answer.body

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()


class Client(threading.Thread):
    """Submits tasks with callbacks and polls what was acknowledged, one request after the other.

    Attributes:
        acknowledged: The id of each acknowledged task by its prompt, which is unique.
        unanswered: The prompts of the submissions without an answer.
        problems: What the contract does not allow.
    """

    def __init__(self, url: str, key: str, name: str, callback_url: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.acknowledged: dict[str, str] = {}
        self.unanswered: set[str] = set()
        self.problems: list[object] = []
        self.key = key
        self._ids: list[str] = []
        self._states: dict[str, int] = {}
        self._prefix, self._callback_url, self._stop_sending = name, callback_url, stop
        self._random = random.Random(name)
        self._connection = Connection(url, key)

    def run(self) -> None:
        """Send requests until it is time to stop; each fifth task fails, so that its credits come back."""
        number = 0
        with self._connection:
            while not self._stop_sending.is_set():
                number += 1
                self._submit(f"{self._prefix}, task {number}{' with gore' if number % 5 == 0 else ''}")
                for _ in range(2):
                    self._poll()

    def _submit(self, prompt: str) -> None:
        body = request_body(TEXT, prompt=prompt) | {"request_type": "callback", "callback_url": self._callback_url}
        answer = self._connection.call("POST", GENERATE, body)
        if answer is None:
            self.unanswered.add(prompt)
        elif answer.status == 200:
            self.acknowledged[prompt] = answer.body["data"]["taskId"]
            self._ids.append(self.acknowledged[prompt])
        else:
            self.problems.append((prompt, answer))

    def _poll(self) -> None:
        """Ask for an acknowledged task: every worker knows it, and its state only moves forward."""
        if not self._ids:
            return
        task_id = self._random.choice(self._ids[-20:])
        answer = self._connection.call("GET", f"{STATUS}?taskId={task_id}")
        if answer is None:
            return
        if answer.status != 200 or answer.body["data"]["taskId"] != task_id:
            self.problems.append((task_id, answer))
            return
        state = STATES.index(answer.body["data"]["state"])
        if state < self._states.get(task_id, 0):
            self.problems.append((task_id, "went back to", answer))
        self._states[task_id] = state


class Outcome(NamedTuple):
    """Counts of a load.

    `made_unanswered` are the tasks of submissions that got no answer; `repeated` the callbacks that came more than
    once; `most` is how often one came at most.
    """

    acknowledged: int
    unanswered: int
    made_unanswered: int
    callbacks: int
    repeated: int
    most: int
    entries: int


class Load:
    """Clients of several keys, and the receiver of their callbacks, for a `with` statement."""

    def __init__(self, url: str, keys: Sequence[str] = ("one", "two", "three"), clients: int = 2) -> None:
        self._stop = threading.Event()
        self._receiver = Receiver()
        self._keys = keys
        # The control plane hides keys, so no prompt has one.
        self.clients = [
            Client(url, key, f"client {number} of key {place}", self._receiver.url, self._stop)
            for place, key in enumerate(keys)
            for number in range(clients)
        ]

    def __enter__(self) -> Self:
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._receiver:
            self.stop()

    @property
    def acknowledged(self) -> int:
        """The number of acknowledged tasks so far."""
        return sum(len(client.acknowledged) for client in self.clients)

    @property
    def problems(self) -> list[object]:
        """What the contract does not allow."""
        return [problem for client in self.clients for problem in client.problems]

    def wait_for_more(self, tasks: int) -> None:
        """Wait until so many more tasks were acknowledged."""
        wanted = self.acknowledged + tasks
        until(lambda: self.acknowledged >= wanted or self.problems)

    def stop(self) -> None:
        """Send no more requests."""
        self._stop.set()
        for client in self.clients:
            client.join(SECONDS)

    def check(self, url: str) -> Outcome:
        """Wait for the end of all callbacks, and check what a server promises that answers at a URL now."""
        assert not self.problems, self.problems[:10]
        states = [_final_state(url, key) for key in self._keys]
        received = Counter(json.loads(each.body)["data"]["taskId"] for each in self._receiver.take_all())
        assert not received.keys() - {task["id"] for state in states for task in state.tasks}, "of no task"
        numbers = [entry["number"] for state in states for entry in state.entries]
        assert len(set(numbers)) == len(numbers)
        for state in states:
            clients = [client for client in self.clients if client.key == state.key]
            _check_tasks(state, clients)
            _check_callbacks(state, received)
            _check_journal(state, received)
        acknowledged, made = self.acknowledged, sum(len(state.tasks) for state in states)
        unanswered = sum(len(client.unanswered) for client in self.clients)
        repeated = sum(count > 1 for count in received.values())
        most = max(received.values())
        return Outcome(acknowledged, unanswered, made - acknowledged, received.total(), repeated, most, len(numbers))


class _State(NamedTuple):
    """What the control plane says of a key."""

    key: str
    tasks: list[dict[str, Any]]
    callbacks: list[dict[str, Any]]
    entries: list[dict[str, Any]]
    account: dict[str, Any]


def _final_state(url: str, key: str) -> _State:
    """Return the state of a key when all its tasks have ended and no callback is scheduled."""
    query = {"key": key, "limit": EVERYTHING}
    with Connection(url, key) as connection:

        def callbacks() -> list[dict[str, Any]]:
            return list(connection.read("callbacks", **query)["callbacks"])

        until(lambda: all(each["state"] not in {"scheduled", "sending"} for each in callbacks()))
        tasks, entries = connection.read("tasks", **query)["tasks"], connection.read("requests", **query)["requests"]
        accounts = {each["tenant"]: each for each in connection.read("tenants")["tenants"]}
        return _State(key, tasks, callbacks(), entries, accounts[tasks[0]["tenant"]])


def _check_tasks(state: _State, clients: Sequence[Client]) -> None:
    """No acknowledged task is lost, none is doubled, and each has its price."""
    acknowledged = {prompt: task_id for client in clients for prompt, task_id in client.acknowledged.items()}
    unanswered = {prompt for client in clients for prompt in client.unanswered}
    made = [(task["request"]["input"]["prompt"], task["id"]) for task in state.tasks]
    assert len(dict(made)) == len(made), "a submission has made two tasks"
    assert acknowledged.items() <= dict(made).items(), "a task is lost"
    assert dict(made).keys() <= acknowledged.keys() | unanswered
    spent = sum(task["cost"] for task in state.tasks if task["state"] != "failed")
    assert state.account["credits"] == {"left": CREDITS - spent, "spent": spent}
    assert state.account["tasks"]["made"] == len(made)
    assert {task["state"] for task in state.tasks} <= {"success", "failed"}


def _check_callbacks(state: _State, received: Mapping[str, int]) -> None:
    """Each callback has arrived, and not more often than it may."""
    assert sorted(each["taskId"] for each in state.callbacks) == sorted(task["id"] for task in state.tasks)
    for callback in state.callbacks:
        assert callback["state"] == "delivered", callback
        assert 1 <= received.get(callback["taskId"], 0) <= len(callback["attempts"]) <= MAX_ATTEMPTS, callback


def _check_journal(state: _State, received: Mapping[str, int]) -> None:
    """The journal has each acknowledged submission once, and the attempts whose end a worker saw."""
    numbers = [entry["number"] for entry in state.entries]
    assert numbers == sorted(numbers)
    generated = Counter(entry["taskId"] for entry in state.entries if entry["operation"] == "generateTask")
    assert generated == dict.fromkeys((task["id"] for task in state.tasks), 1)
    called = Counter(entry["taskId"] for entry in state.entries if entry["kind"] == "callback")
    assert all(1 <= called[each["id"]] <= received[each["id"]] for each in state.tasks)
