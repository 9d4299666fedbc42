"""A state machine for a client object, which submits, polls and receives callbacks under faults and drift."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any, ClassVar, Final, Protocol

import ltx_mock_contracts.needs_hypothesis  # noqa: F401

# isort: split
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, precondition, rule

from ltx_mock.control.from_json import Exchange
from ltx_mock.errors import LtxMockError
from ltx_mock.testing.mock_server import MockServer
from ltx_mock.testing.options import DriftFields
from ltx_mock.testing.tenant import World
from ltx_mock_contracts.api import ENDED
from ltx_mock_contracts.failure import ContractFailure
from ltx_mock_contracts.model import MODEL, RESOLUTIONS, SPEC_FAIL_CODES
from ltx_mock_contracts.stateful.search import ContractMachine, find_failure
from ltx_mock_contracts.validation import validate_request

__all__ = ["ClientMachine", "VideoClient", "run_client_machine"]

SPANS: Final = (1, 60)
PASSING: Final[dict[str, dict[str, Any]]] = {
    "429": {"status": 429},
    "503": {"status": 503},
    "a reset connection": {"fault": "CONNECTION_RESET_BY_PEER"},
    "an empty response": {"fault": "EMPTY_RESPONSE"},
}
DRIFTS: Final[dict[str, DriftFields]] = {
    "an unknown state": {"state": "processing_r2"},
    "unknown fields": {"extra": {"requestId": "req_1", "progress": 42}},
    "no times": {"omit": ["createTime", "completeTime", "costTime"]},
    "null for absent fields": {"nulls": True},
}
_PROCESSING_SECONDS: Final = 10
_LONGEST_SECONDS: Final = MODEL.any_generation_ms().high // 1000
_BYTES: Final = (
    "receive() gets the body of a callback as bytes, as a web server reads it; this client fails with bytes and "
    "expects decoded JSON. Give the machine a client whose receive(body) begins with json.loads(body)"
)
_CALLBACK_URL: Final = "http://127.0.0.1:9/callback"


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Generate plain requests, with few choices so that failures shrink well."""
    body = MODEL.example()
    body["input"]["resolution"] = draw(st.sampled_from([RESOLUTIONS[0], RESOLUTIONS[-1]]))
    return body


class VideoClient(Protocol):
    """The interface of a client. Without `receive` there are no callbacks."""

    def submit(self, request: dict[str, Any]) -> str:
        """Submit the body of generateTask and return the id of the task; raise if there is none."""

    def poll(self, task_id: str) -> str:
        """Return the state of a task; raise if it is temporarily not available."""

    def receive(self, body: bytes) -> object:
        """Handle the body of a callback, as bytes."""


MakeClient = Callable[[str, str], Any]
"""Makes a new client, given the base URL of the API (with `/api/v1`) and the key."""


def run_client_machine(make_client: MakeClient, *, settings: settings | None = None) -> None:
    """Run the machine against a client.

    Its waits between retries should be 0, since they are real.

    Args:
        make_client: Makes a new client for each run, given base URL (with `/api/v1`) and API key.
        settings: Hypothesis settings, such as the number of runs and the steps of each.

    Raises:
        ContractFailure: The client broke one of the rules CLI-1 to CLI-10; it has the shortest story that was found.
        LtxMockError: Its `receive` expects decoded JSON instead of bytes.
    """
    with ClientMachine.against(make_client) as machine:
        find_failure(machine, settings)


class ClientMachine(ContractMachine):
    """Lets a client submit and poll in any order, with faults and drift, and compares its results with the fake's.

    Set the client with `against`. A broken rule raises a `ContractFailure`, and Hypothesis shortens the story.
    """

    server: ClassVar[MockServer]
    make_client: ClassVar[staticmethod[[str, str], Any]]
    names: ClassVar[Iterator[int]] = count(1)
    submitted = Bundle("submitted")

    @classmethod
    @contextmanager
    def against(cls, make_client: MakeClient) -> Iterator[type[ClientMachine]]:
        """Return a subclass for a client, with a fake that stops at the end of the context."""
        with MockServer(clock="manual") as server:
            yield type(cls.__name__, (cls,), {"server": server, "make_client": staticmethod(make_client)})

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        self.world: World = self.server.tenant(f"story-{next(self.names)}", clock="manual")
        self._open.callback(self.world.close)
        self.client = self.make_client(self.world.base_url, self.world.api_key)
        self.steps: list[str] = []
        self._unauthenticated = len(self.server.unauthenticated_requests)

    def teardown(self) -> None:
        """Close the tenant."""
        super().teardown()
        self._open.close()

    @rule(target=submitted, body=requests(), callback=st.booleans())
    def submit(self, body: dict[str, Any], callback: bool) -> Any:
        """Submit without faults."""
        if callback and hasattr(self.client, "receive"):
            body |= {"request_type": "callback", "callback_url": _CALLBACK_URL}
        before = len(self.world.tasks)
        task_id = self._does("submit", lambda: self.client.submit(body), rule="CLI-1")
        made = [task.id for task in self.world.tasks[before:]]
        if made != [task_id]:
            self._wrong("CLI-10", "a submission does not create exactly the task that it returns", [task_id], made)
        return task_id

    @rule(body=requests(), what=st.sampled_from(sorted(PASSING)))
    def submit_into_trouble(self, body: dict[str, Any], what: str) -> None:
        """Submit with a fault: it may make one task at most."""
        self.world.scenarios.add(operation="generateTask", **PASSING[what])
        self._submit_into(body, what)

    @rule(body=requests())
    def submit_and_lose_the_answer(self, body: dict[str, Any]) -> None:
        """Submit, and lose the response after the task was made."""
        self.world.scenario("lost-answer")
        self._submit_into(body, "a lost response")

    @rule(task_id=submitted, wait=st.sampled_from([0, _PROCESSING_SECONDS, _LONGEST_SECONDS]))
    def poll(self, task_id: str, wait: int) -> None:
        """Poll without faults: now, or while the task is processing, or after its end."""
        if wait:
            self.advance(wait)
        result = self._does("poll", lambda: self.client.poll(task_id), rule="CLI-3")
        self._agrees(task_id, result)

    @rule(task_id=submitted, what=st.sampled_from(sorted(PASSING)))
    def poll_in_trouble(self, task_id: str, what: str) -> None:
        """Poll with a fault: the client may raise or retry."""
        self.world.scenarios.add(operation="statusTask", **PASSING[what])
        try:
            result = self.client.poll(task_id)
        except Exception as error:  # noqa: BLE001 - it may raise what it likes
            self.steps.append(f"failed poll ({what}): raises {type(error).__name__}")
        else:
            self.steps.append(f"failed poll ({what}): {result}")
            self._agrees(task_id, result)
        self.world.scenarios.clear()

    @rule(task_id=submitted)
    def poll_what_drifts(self, task_id: str) -> None:
        """Poll with each kind of drift."""
        for what, drift in DRIFTS.items():
            if "state" in drift and self._truth(task_id) == "pending":
                self.advance(_PROCESSING_SECONDS)  # an unknown state replaces processing
            self.world.scenarios.add(operation="statusTask", drift=drift)
            result = self._does(f"poll, gets {what}", lambda: self.client.poll(task_id), rule="CLI-9")
            self.world.scenarios.clear()
            self._agrees(task_id, result, rule="CLI-9" if "state" in drift else "CLI-3")

    @rule(seconds=st.sampled_from(SPANS))
    def advance(self, seconds: int) -> None:
        """Let time pass."""
        self.steps.append(f"{seconds} s pass")
        self.world.clock.advance(seconds)

    @rule(task_id=submitted, code=st.sampled_from([None, SPEC_FAIL_CODES[0]]))
    def finish(self, task_id: str, code: str | None) -> None:
        """Let a task end now."""
        if self._truth(task_id) not in ENDED:
            self.steps.append(f"{task_id} ends: {code or 'success'}")
            self.world.finish(task_id, "success" if code is None else "failed", code)

    @precondition(lambda self: hasattr(self.client, "receive"))
    @rule(task_id=submitted, times=st.integers(1, 3), own=st.booleans())
    def call_back(self, task_id: str, times: int, own: bool) -> None:
        """Deliver a callback, once or several times, for an ended task or for a foreign one."""
        if own and self._truth(task_id) not in ENDED:
            self.advance(_LONGEST_SECONDS)
        body = self._final(task_id) if own else _somebody_elses()
        for _ in range(times):
            what = f"a callback for {task_id if own else 'a task of another client'}"
            self._does(what, lambda: self._receives(body), rule="CLI-8")

    def _receives(self, body: bytes) -> object:
        try:
            return self.client.receive(body)
        except Exception as error:
            if self._takes_json(body):
                raise LtxMockError(_BYTES) from error
            raise

    def _takes_json(self, body: bytes) -> bool:
        """Tell whether the client fails because it expects a decoded body instead of bytes."""
        try:
            self.client.receive(json.loads(body))
        except Exception:  # noqa: BLE001 - whatever it is, it is the client's
            return False
        return True

    def _submit_into(self, body: dict[str, Any], what: str) -> None:
        before, requests_before = len(self.world.tasks), len(self.world.requests)
        try:
            task_id: str | None = self.client.submit(body)
        except Exception as error:  # noqa: BLE001 - it may raise what it likes
            task_id = None
            self.steps.append(f"submit into {what}: raises {type(error).__name__}")
        else:
            self.steps.append(f"submit into {what}: {task_id}")
        self.world.scenarios.clear()
        tries = [each for each in self.world.requests[requests_before:] if each.operation == "generateTask"]
        made = [task.id for task in self.world.tasks[before:]]
        if _again_after_silence(tries):
            title = "it submits again, though the first task may exist"
            self._wrong("CLI-10", title, "one submission", f"{len(tries)} submissions")
        if len(made) > 1 or (task_id is not None and made != [task_id]):
            self._wrong("CLI-10", "a submission does not create exactly the task that it returns", [task_id], made)
        self._check_requests(tries)

    def _does(self, what: str, step: Callable[[], Any], *, rule: str) -> Any:
        """Perform a step that must not raise."""
        requests_before = len(self.world.requests)
        try:
            result = step()
        except LtxMockError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the client's
            self.steps.append(f"{what}: raises {type(error).__name__}: {error}")
            self._check_requests(self.world.requests[requests_before:])
            self._wrong(rule, f"it breaks at: {what}", "no error", f"{type(error).__name__}: {error}")
        self.steps.append(f"{what}: {result}")
        self._check_requests(self.world.requests[requests_before:])
        return result

    def _check_requests(self, exchanges: list[Exchange]) -> None:
        for each in exchanges:
            if each.operation == "generateTask":
                for finding in validate_request(each.body):
                    self._wrong("CLI-1", f"a request does not follow {finding.rule}", finding.allowed, finding.got)
            elif each.cause is None and each.status in {400, 404, 405}:
                self._wrong("CLI-1", "a request is for an unknown endpoint or task", "the id of its task", str(each))
        unauthenticated = self.server.unauthenticated_requests[self._unauthenticated :]
        if unauthenticated:
            self._wrong("CLI-1", "a request lacks the key", "the key", str(unauthenticated[0]))

    def _agrees(self, task_id: str, result: object, rule: str = "CLI-3") -> None:
        truth = self._truth(task_id)
        if truth in ENDED and result != truth:
            self._wrong("CLI-5" if truth == "failed" else rule, "it does not notice the end of a task", truth, result)
        if truth not in ENDED and result in ENDED:
            self._wrong(rule, "it treats an unfinished task as finished", truth, result)

    def _truth(self, task_id: str) -> str:
        return next(task.state for task in self.world.tasks if task.id == task_id)

    def _final(self, task_id: str) -> bytes:
        with self.world.client(verify=False) as client:  # loading certificates is slow
            return client.get(MODEL.status_path, params={"taskId": task_id}).content

    def _wrong(self, rule: str, title: str, expected: object, actual: object) -> None:
        raise ContractFailure(title, rule=rule, expected=f"{expected}", actual=f"{actual}", story=self.steps)


def _again_after_silence(tries: list[Exchange]) -> bool:
    """Tell whether the client retried after a missing response."""
    return any(each.status is None for each in tries[:-1])


def _somebody_elses() -> bytes:
    data = {"taskId": "task_of_somebody_else", "state": "failed", "failCode": SPEC_FAIL_CODES[0], "failMsg": "No."}
    return json.dumps({"code": 200, "message": "success", "data": data}).encode()
