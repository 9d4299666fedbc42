"""What a store keeps of tasks and callbacks. Plain immutable values; a change is a new value."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ltx_mock.core.cause import Cause
from ltx_mock.core.timeline import Timeline
from ltx_mock.scenarios.matching import ActiveScenario
from ltx_mock_contracts.request import GenerateRequest
from ltx_mock_contracts.validation.findings import Finding

DeliveryState = Literal["scheduled", "sending", "delivered", "failed", "withheld", "cancelled"]


class Task(NamedTuple):
    """One accepted generateTask request and its life.

    `body` is the request as it came, `request` what it asks for, `findings` what is worth remarking on in it. `seed`
    is the one used for the picture: the request's own, or the one drawn when it asked for none. `cost` is in credits.
    `root` is the URL under which the submitter reached the fake; its result URL is built on it. `scenarios` are those
    that the request asked for and that are about its task. `cause` says what decided its life, if it was not its
    request alone. `page` is the foreign site whose page asked for it: for such a task nothing is called or fetched.
    """

    id: str
    key: str
    number: int
    body: bytes
    request: GenerateRequest
    seed: int
    timeline: Timeline
    cost: int
    root: str
    scenarios: tuple[ActiveScenario, ...] = ()
    cause: Cause | None = None
    page: str | None = None
    findings: tuple[Finding, ...] = ()


class Attempt(NamedTuple):
    """One POST of a callback. `status` is the receiver's, `error` says why there is none. Unix milliseconds."""

    number: int
    at: int
    ended: int
    status: int | None
    error: str | None

    def as_dict(self) -> dict[str, object]:
        """Return the attempt as the control plane shows it."""
        return {"number": self.number, "at": self.at, "ended": self.ended, "status": self.status, "error": self.error}


class Delivery(NamedTuple):
    """The callback of one task: where it goes, what became of it, when it is tried next (rules CB-1, CB-2).

    `url` is the one in the request, `target` the one really called (None when nothing may be called; `reason` says
    why). `due` is the virtual moment of the next attempt in Unix milliseconds, None when there is none to come.
    `wait` is how long after the end of the task the first attempt is made, in milliseconds. `manual` says that somebody
    asked for the attempt to come.
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

    def as_dict(self) -> dict[str, object]:
        """Return the delivery as the control plane shows it."""
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
            "manual": self.manual,
            "attempts": [attempt.as_dict() for attempt in self.attempts],
        }


def delivery_id(task_id: str, copy: int = 0) -> str:
    """Return the id of a task's callback, or of one of its copies."""
    return task_id.replace("task", "cb", 1) + (f"_{copy + 1}" if copy else "")


class Account(NamedTuple):
    """A tenant's counters at one moment. `credits` is what is left, None without end; `spent` is net of refunds."""

    made: int
    active: int
    credits: int | None
    spent: int
    requests_in_window: int
    window_ends: int | None


class Refusal(NamedTuple):
    """Why a task was not taken: `credits`, `concurrency` or `memory`; for the second, when the next slot comes free."""

    reason: Literal["credits", "concurrency", "memory"]
    retry_at: int | None = None
