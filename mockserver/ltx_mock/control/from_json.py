"""Read the JSON of the control plane into values for tests. Times are Unix milliseconds of the fake's clock."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz
from typing import Any, NamedTuple, Self

from ltx_mock.core.records import Account, Attempt, Delivery
from ltx_mock.fields import camel
from ltx_mock_contracts.api import ENDED
from ltx_mock_contracts.reporting.text import counted
from ltx_mock_contracts.validation.findings import Finding


class Task(NamedTuple):
    """A task, with its future end.

    `request` is the body of generateTask. `fail_code`, `end_state` and `end_time` are known before the end, too;
    `result_url` is set after a success. `cost` is in credits. `cause` explains a failure.
    """

    id: str
    number: int
    state: str
    request: dict[str, Any]
    seed: int
    cost: int
    result_url: str | None
    create_time: int
    processing_time: int
    end_time: int
    end_state: str
    fail_code: str | None
    fail_msg: str | None
    cause: str | None

    @classmethod
    def of(cls, view: Mapping[str, Any]) -> Self:
        """Read a task from JSON of the control plane."""
        return cls(**{name: view[camel(name)] for name in cls._fields})

    @property
    def finished(self) -> bool:
        """Whether it has ended."""
        return self.state in ENDED


class Exchange(NamedTuple):
    """One request and its response, or one callback.

    `number` is its number in the journal, as in the control plane, the commands and the dashboard. `body` and `answer`
    (the body of the response) are decoded JSON; text if they are not JSON, None if they are empty. `headers` are the
    significant headers of the response; `request_headers` have lower-case names and no secrets. `status` is None
    without a response. `latency` is the delay of a scenario, or the time of a receiver, in virtual milliseconds.
    `cause` explains a response that the request alone does not, and `cause_kind` is its kind (see
    `ltx_mock.core.cause`); `fault` is how a scenario broke the connection. `idempotency_key` is the
    `Idempotency-Key` of the request, and `trace_id` the id of the trace in its `traceparent`.
    """

    number: int
    at: int
    operation: str
    method: str
    target: str
    status: int | None
    task_id: str | None
    state: str | None
    findings: tuple[Finding, ...]
    cause: str | None
    body: Any
    answer: Any
    cause_kind: str | None = None
    fault: str | None = None
    headers: Mapping[str, str] = {}
    request_headers: Mapping[str, str] = {}
    latency: int | None = None
    idempotency_key: str | None = None
    trace_id: str | None = None

    @classmethod
    def of(cls, view: Mapping[str, Any]) -> Self:
        """Read a journal entry from JSON of the control plane."""
        named = {name: view[camel(name)] for name in cls._fields if name not in {"findings", "body"}}
        findings = tuple(Finding(**finding) for finding in view["findings"])
        return cls(**named, findings=findings, body=view["request"])

    @property
    def retry_after(self) -> int:
        """The seconds of the response's `Retry-After`, also if it is a date; 0 without one."""
        wait = self.headers.get("retry-after", "")
        if wait.isascii() and wait.isdigit():
            return int(wait)
        date = parsedate_tz(wait)
        return max(0, mktime_tz(date) * 1000 - self.at) // 1000 if date else 0

    @property
    def input(self) -> dict[str, Any]:
        """The `input` of a generateTask body; empty if there is none."""
        given = self.body.get("input") if isinstance(self.body, dict) else None
        return given if isinstance(given, dict) else {}

    def __str__(self) -> str:
        return f"{self.method} {self.target} -> {self.status or 'no response'}"


def delivery_of(view: Mapping[str, Any]) -> Delivery:
    """Read a delivery from JSON of the control plane; its key is only a label."""
    named = {name: view[camel(name)] for name in Delivery._fields if name not in {"attempts", "sender"}}
    return Delivery(**named, attempts=tuple(Attempt(**attempt) for attempt in view["attempts"]))


def account_of(view: Mapping[str, Any]) -> Account:
    """Read the counters of a tenant."""
    tasks, credits_, requests = view["tasks"], view["credits"], view["requests"]
    return Account(
        made=tasks["made"],
        active=tasks["active"],
        credits=credits_["left"],
        spent=credits_["spent"],
        requests_in_window=requests["inWindow"],
        window_ends=requests["windowEnds"],
    )


REASONS = {"neverFetched": "never fetched", "neverAsked": "never asked for", "repeated": "repeated"}
"""The reasons for wasted credits in JSON, and in words."""
AMOUNTS = ("tasks", "spent", "wasted", *REASONS)
"""The tasks, the credits that were spent and wasted, and the number of tasks for each reason."""


class WastedTask(NamedTuple):
    """A task whose credits were wasted. `waste` has its `REASONS`.

    `repeats` is the id of the earlier task for the same video.
    """

    task_id: str
    prompt: str
    spent: int
    waste: tuple[str, ...]
    repeats: str | None

    def __str__(self) -> str:
        return f"{self.task_id}  {self.spent} credits  {', '.join(map(REASONS.__getitem__, self.waste))}"


class Spending(NamedTuple):
    """What tasks cost, in credits: `charged` less `refunded` is `spent`, and `wasted` is a part of it.

    `complete` is false if the journal no longer has all requests, so that a task may look wasted that is not.
    """

    tasks: int
    charged: int
    refunded: int
    spent: int
    wasted: int
    wasted_tasks: tuple[WastedTask, ...]
    complete: bool

    @classmethod
    def of(cls, view: Mapping[str, Any]) -> Self:
        """Read what all tasks cost from JSON of the control plane."""
        total = {name: view["total"][name] for name in ("tasks", "charged", "refunded", "spent", "wasted")}
        wasted = tuple(
            WastedTask(each["taskId"], each["prompt"], each["spent"], tuple(each["waste"]), each["repeats"])
            for each in view["wasted"]
        )
        return cls(**total, wasted_tasks=wasted, complete=view["complete"])

    @property
    def never_fetched(self) -> tuple[WastedTask, ...]:
        """The tasks with a result that was never downloaded as a whole."""
        return self._for("neverFetched")

    @property
    def never_asked(self) -> tuple[WastedTask, ...]:
        """The successful tasks for which there was no statusTask and no delivered callback."""
        return self._for("neverAsked")

    @property
    def repeated(self) -> tuple[WastedTask, ...]:
        """The tasks for the same video as one made less than a minute before, or one whose response was lost."""
        return self._for("repeated")

    def _for(self, reason: str) -> tuple[WastedTask, ...]:
        return tuple(each for each in self.wasted_tasks if reason in each.waste)


def amounts_of(view: Mapping[str, Any]) -> dict[str, int]:
    """Read the `AMOUNTS` from JSON of the control plane."""
    total = view["total"]
    return {name: total[name]["tasks"] if name in REASONS else total[name] for name in AMOUNTS}


def amounts_text(amounts: Mapping[str, int]) -> str:
    """Return the `AMOUNTS` as one line."""
    reasons = ", ".join(f"{words} {amounts[reason]}" for reason, words in REASONS.items() if amounts[reason])
    tasks = counted(amounts["tasks"], "task")
    return f"{tasks}, {amounts['spent']} credits spent, {amounts['wasted']} wasted{reasons and f' ({reasons})'}"
