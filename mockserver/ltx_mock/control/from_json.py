"""What a test sees of a world: tasks and exchanges as small values. Times are Unix milliseconds of the fake's clock."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz
from typing import Any, NamedTuple, Self

from ltx_mock.core.records import Account, Attempt, Delivery
from ltx_mock.fields import camel
from ltx_mock_contracts.api import ENDED
from ltx_mock_contracts.validation.findings import Finding


class Task(NamedTuple):
    """A task, with what lies ahead of it.

    `request` is the whole body of generateTask. `fail_code`, `end_state` and `end_time` tell how and when it ends,
    also before it has; `result_url` is there once it has succeeded. `cost` is in credits. `cause` says what brought a
    failure about.
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
        """Read a task of the control plane."""
        return cls(**{name: view[camel(name)] for name in cls._fields})

    @property
    def finished(self) -> bool:
        """Whether it has come to its end."""
        return self.state in ENDED


class Exchange(NamedTuple):
    """One request and its answer, or one callback.

    `number` is the one of the journal: the control plane, the commands and the dashboard show the same.
    `body` and `answer` are decoded JSON; text where they are none, None where there is nothing. `headers` are those of
    the answer that have something to say; `request_headers` those that came, with lower-case names and without what is
    secret. `status` is None where nobody answered. `latency` is how late a scenario made the answer, or how long a
    receiver took, in virtual milliseconds. `cause` says what brought
    an answer about, if it was not the request alone, and `cause_kind` of which kind that is (see
    `ltx_mock.core.cause`); `fault` is how a scenario broke the connection.
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

    @classmethod
    def of(cls, view: Mapping[str, Any]) -> Self:
        """Read a journal entry of the control plane."""
        named = {name: view[camel(name)] for name in cls._fields if name not in {"findings", "body"}}
        findings = tuple(Finding(**finding) for finding in view["findings"])
        return cls(**named, findings=findings, body=view["request"])

    @property
    def retry_after(self) -> int:
        """The seconds after which the answer asks to try again, also where it names a date; 0 where it does not."""
        wait = self.headers.get("retry-after", "")
        if wait.isascii() and wait.isdigit():
            return int(wait)
        date = parsedate_tz(wait)
        return max(0, mktime_tz(date) * 1000 - self.at) // 1000 if date else 0

    @property
    def input(self) -> dict[str, Any]:
        """The `input` of a generateTask body; empty where there is none."""
        given = self.body.get("input") if isinstance(self.body, dict) else None
        return given if isinstance(given, dict) else {}

    def __str__(self) -> str:
        return f"{self.method} {self.target} -> {self.status or 'no answer'}"


def delivery_of(view: Mapping[str, Any]) -> Delivery:
    """Read a delivery of the control plane; its key is only the end of one."""
    named = {name: view[camel(name)] for name in Delivery._fields if name != "attempts"}
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
