"""Tasks, callbacks and accounts as stored. Plain immutable values."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ltx_mock.core.cause import Cause
from ltx_mock.core.nearest_request import nearest_request
from ltx_mock.core.timeline import Timeline
from ltx_mock.core.trace_context import TraceContext
from ltx_mock.scenarios.matching import ActiveScenario
from ltx_mock.scenarios.model import Flaw
from ltx_mock_contracts import parse_body
from ltx_mock_contracts.request import GenerateRequest
from ltx_mock_contracts.validation.findings import Finding

DeliveryState = Literal["scheduled", "sending", "delivered", "failed", "withheld", "cancelled"]


class Task(NamedTuple):
    """An accepted generateTask request and its timeline.

    `body` is the raw request, `findings` are its advisories. `seed` is the seed of the picture:
    the request's own, or a random one. `cost` is in credits. `root` is the URL that the submitter used, the base of the
    result URL. `scenarios` are those from the request that concern the task. `cause` explains a timeline that the
    request alone does not. `page` is the origin of the foreign page that submitted it: for such a task nothing is
    called or fetched. While its assets are checked (`inspecting`), its end is not final. `results` are the URLs of a
    task of the real API; the fake's own have none. `idempotency_key` is that of its request, if such keys are honoured,
    and `trace` the trace that its request belongs to. `recording` is the one whose life the task lives, see
    `ltx_mock.core.replay`; it is empty if the timeline tells that.
    """

    id: str
    key: str
    number: int
    body: bytes
    seed: int
    timeline: Timeline
    cost: int
    root: str
    scenarios: tuple[ActiveScenario, ...] = ()
    cause: Cause | None = None
    page: str | None = None
    findings: tuple[Finding, ...] = ()
    inspecting: bool = False
    results: tuple[str, ...] = ()
    idempotency_key: str = ""
    trace: TraceContext | None = None
    recording: bytes = b""

    @property
    def request(self) -> GenerateRequest:
        """The request, parsed anew at each call, since few tasks need it after they were made, and it is large.

        The fake has refused an invalid one, unless the API had accepted it in a recording.
        """
        if self.findings and self.findings[0].severity == "violation":
            return nearest_request(self.body)
        return GenerateRequest.from_body(parse_body(self.body))


class Attempt(NamedTuple):
    """One POST of a callback, in Unix milliseconds. `status` is the receiver's; without one, `error` is the reason."""

    number: int
    at: int
    ended: int
    status: int | None
    error: str | None


class Delivery(NamedTuple):
    """The callback of one task: its target, its state, its attempts and the next one (rules CB-1, CB-2).

    `url` is the one in the request, `target` the one that is called (None if none may be called; `reason` says why).
    `due` is the time of the next attempt in virtual Unix milliseconds; None if there is none. `wait` is the delay of
    the first attempt after the end of the task, in milliseconds. `manual` marks a redelivery by hand. `sender` is the
    process that sends it, while it is claimed with the number of the claim. `signature` is what is wrong with its
    signature.
    """

    id: str
    key: str
    task_id: str
    url: str
    target: str | None
    state: DeliveryState
    due: int | None = None
    attempts: tuple[Attempt, ...] = ()
    reason: str | None = None
    wait: int = 0
    content_type: str = "application/json"
    manual: bool = False
    sender: str = ""
    signature: Flaw | None = None

    @property
    def message_id(self) -> str:
        """The id of what it tells, which all attempts and copies have in common."""
        return delivery_id(self.task_id)

    def as_dict(self) -> dict[str, object]:
        """Return the delivery as JSON of the control plane."""
        return {
            "id": self.id,
            "taskId": self.task_id,
            "url": self.url,
            "target": self.target,
            "state": self.state,
            "due": self.due,
            "reason": self.reason,
            "wait": self.wait,
            "contentType": self.content_type,
            "signature": self.signature,
            "manual": self.manual,
            "attempts": [attempt._asdict() for attempt in self.attempts],
        }


def delivery_id(task_id: str, copy: int = 0) -> str:
    """Return the id of a task's callback, or of one of its copies."""
    return task_id.replace("task", "cb", 1) + (f"_{copy + 1}" if copy else "")


class Account(NamedTuple):
    """A tenant's counters at one moment. `credits` remain, None for unlimited; `spent` is net of refunds."""

    made: int
    active: int
    credits: int | None
    spent: int
    requests_in_window: int
    window_ends: int | None


class Refusal(NamedTuple):
    """Why a task was refused: `credits`, `concurrency` or `memory`; for `concurrency`, when the next slot is free."""

    reason: Literal["credits", "concurrency", "memory"]
    retry_at: int | None = None
