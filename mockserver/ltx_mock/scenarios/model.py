"""The model of a scenario: a match (which requests, how often) and an outcome. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from ltx_mock.errors import SettingsError
from ltx_mock.fields import Table, choice, number, read, reads, refused, several, switch, table_of, text, whole
from ltx_mock.scenarios.readers import count, header_value, json_object
from ltx_mock_contracts.model import MODES
from ltx_mock_contracts.request_fields import LONGEST_PROMPT

Operation = Literal["generateTask", "statusTask", "balance", "download", "callback"]
Moment = Literal["request", "task", "answer"]
"""When a scenario applies: instead of processing the request, when the task is created, or to a successful response."""

Flaw = Literal["bad", "old", "none"]
"""What is wrong with the signature of a callback: it is that of another body, it is an hour old, or there is none."""

FLAWS: tuple[Flaw, ...] = get_args(Flaw)
OPERATIONS: tuple[Operation, ...] = get_args(Operation)
ENDPOINTS = ("generateTask", "statusTask")
MAX_FAIL_CODE = 100
"""The maximum length of a fail code."""

# The documented statuses, and temporary server errors that a client must handle (CLI-6).
MESSAGES = {
    400: "Invalid request parameters",
    401: "API key is not accepted",
    403: "The API key lacks permission",
    404: "Not found",
    405: "Method is not allowed here",
    413: "The request body is too large",
    429: "Rate limit exceeded. Try again later",
    500: "Internal server error",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "Gateway timeout",
}
GONE = 410
GONE_MESSAGE = "Result URLs work for 15 days; this one has expired"
RETRY_AFTER_SECONDS = 1

EMPTY_RESPONSE = "EMPTY_RESPONSE"
MALFORMED_RESPONSE_CHUNK = "MALFORMED_RESPONSE_CHUNK"
RANDOM_DATA_THEN_CLOSE = "RANDOM_DATA_THEN_CLOSE"
CONNECTION_RESET_BY_PEER = "CONNECTION_RESET_BY_PEER"
NO_ANSWER = "NO_ANSWER"
FAULTS = (
    EMPTY_RESPONSE,
    MALFORMED_RESPONSE_CHUNK,
    RANDOM_DATA_THEN_CLOSE,
    CONNECTION_RESET_BY_PEER,
    NO_ANSWER,
)
"""WireMock's four faults, and no response until the client disconnects."""

STATUS_FIELDS = ("resultJson", "failCode", "failMsg", "createTime", "completeTime", "costTime")
"""The optional fields of the `data` of a status."""

MAX_TIMES = 1_000_000
MAX_MS = 365 * 24 * 60 * 60 * 1000
MAX_COPIES = 10
MAX_RESTART_MS = 60_000


class Fixed(Table):
    """Always so many milliseconds."""

    TYPE: ClassVar[str] = "fixed"
    milliseconds: int = reads(whole(0, MAX_MS))


class Uniform(Table):
    """From `lower` to `upper` milliseconds, uniformly distributed."""

    TYPE: ClassVar[str] = "uniform"
    lower: int = reads(whole(0, MAX_MS))
    upper: int = reads(whole(0, MAX_MS))


class Lognormal(Table):
    """Mostly about `median` milliseconds, with a long tail that grows with `sigma`."""

    TYPE: ClassVar[str] = "lognormal"
    median: float = reads(number(MAX_MS, zero=False))
    sigma: float = reads(number(10, zero=True))


Delay = Fixed | Uniform | Lognormal
DELAYS: Mapping[str, type[Delay]] = {kind.TYPE: kind for kind in (Fixed, Uniform, Lognormal)}


def any_delay(path: str, value: object) -> Delay:
    """Read a delay in one of WireMock's three shapes; a plain number is a fixed one in milliseconds."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Fixed(milliseconds=whole(0, MAX_MS)(path, value))
    if not isinstance(value, Mapping):
        raise refused(path, 'milliseconds or a table such as {"type": "fixed", "milliseconds": 500}', value)
    kind = DELAYS[choice(*DELAYS)(f"{path}.type", value.get("type"))]
    found = read(kind, {name: item for name, item in value.items() if name != "type"}, path)
    if isinstance(found, Uniform) and found.lower > found.upper:
        raise SettingsError(
            f"{path}.lower must not be more than upper, but {found.lower} is more than {found.upper}", path
        )
    return found


class Callback(Table):
    """The changes to a task's callback.

    Attributes:
        lost: It is never sent.
        first: The task ends at once, and its callback is sent before the response of generateTask.
        copies: How many copies are sent; each is retried as documented (CB-2).
        delay: Milliseconds of the fake's time between the end of the task and the first attempt.
        content_type: Its `Content-Type` instead of `application/json`.
        signature: What is wrong with its signature, if callbacks are signed.
    """

    lost: bool = reads(switch, False)
    first: bool = reads(switch, False)
    copies: int = reads(whole(1, MAX_COPIES), 1)
    delay: Delay | None = reads(any_delay, None)
    content_type: str | None = reads(header_value, None)
    signature: Flaw | None = reads(choice(*FLAWS), None)


class Drift(Table):
    """Deviations of a successful response from the contract.

    Attributes:
        state: The value instead of `processing`.
        end_state: The value instead of `success` and `failed`, without a result or failure.
        extra: Additional fields of the envelope and of its `data`.
        omit: Fields of `data` that are left out.
        nulls: Whether absent fields are present as null.
        results: The number of URLs in `resultJson`; all serve the video.
        result_json: Another value of `resultJson`.
        escaped: Whether `resultJson` is written with escapes, and with Chinese text beside the URLs.
        malformed: Whether the JSON is truncated.
    """

    state: str | None = reads(text(80), None)
    end_state: str | None = reads(text(80), None)
    extra: Mapping[str, object] | None = reads(json_object, None)
    omit: tuple[str, ...] = reads(several(choice("taskId", "state", *STATUS_FIELDS)), ())
    nulls: bool = reads(switch, False)
    results: int = reads(whole(0, MAX_COPIES), 1)
    result_json: str | None = reads(text(2000), None)
    escaped: bool = reads(switch, False)
    malformed: bool = reads(switch, False)


class Match(Table):
    """The requests that a scenario applies to, and how often.

    Attributes:
        operation: `generateTask`, `statusTask`, `balance`, `download` or `callback`; None for both endpoints.
        mode: Only requests of this mode, and later requests about their tasks.
        request_type: Likewise for `async` or `callback`.
        prompt: Likewise for prompts that contain this text.
        nth: The first of these requests that it applies to, counted from 1.
        times: How many of them it applies to, or `forever`.
        chance: The share of them that it applies to, drawn from the seed.
    """

    operation: Operation | None = reads(choice(*OPERATIONS), None)
    mode: str | None = reads(choice(*MODES), None)
    request_type: str | None = reads(choice("async", "callback"), None)
    prompt: str | None = reads(text(LONGEST_PROMPT), None)
    nth: int = reads(whole(1, MAX_TIMES), 1)
    times: int | Literal["forever"] = reads(count(MAX_TIMES), 1)
    chance: float = reads(number(1, zero=False), 1.0)


class Outcome(Table):
    """The effects of a scenario.

    Attributes:
        status: The response is this error, and the request is not processed.
        message: The message of that error.
        retry_after: Its `Retry-After` in seconds.
        retry_after_date: Whether its `Retry-After` is a date, so many seconds ahead on the fake's clock.
        fault: The connection is broken instead of a response; one of `FAULTS`.
        after_commit: The request is processed before the fault.
        close_after: With NO_ANSWER: the real milliseconds after which the connection is closed.
        restart: The server restarts after a successful response, or with the fault. All connections break, and new
            ones are reset for so many real milliseconds; with 0 they wait.
        delay: The response is so many milliseconds late.
        fail_code: The task fails with this code, documented (TASK-7) or not.
        generation: The milliseconds from the creation to the end of the task.
        stuck: The task stays in `processing` for ever.
        callback: Changes to its callback.
        drift: Deviations of a successful response from the contract.
        cut: A download is cut off after this share of its bytes.
        bytes_per_second: The maximum speed of a download.
    """

    status: int | None = reads(choice(*MESSAGES, GONE), None)
    message: str | None = reads(text(2000), None)
    retry_after: int | None = reads(whole(0, 86_400), None)
    retry_after_date: bool = reads(switch, False)
    fault: str | None = reads(choice(*FAULTS), None)
    after_commit: bool = reads(switch, False)
    close_after: int | None = reads(whole(0, MAX_MS), None)
    restart: int | None = reads(whole(0, MAX_RESTART_MS), None)
    delay: Delay | None = reads(any_delay, None)
    fail_code: str | None = reads(text(MAX_FAIL_CODE), None)
    generation: Delay | None = reads(any_delay, None)
    stuck: bool = reads(switch, False)
    callback: Callback | None = reads(table_of(Callback), None)
    drift: Drift | None = reads(table_of(Drift), None)
    cut: float | None = reads(number(1, zero=True), None)
    bytes_per_second: int | None = reads(whole(1, 10**9), None)

    @property
    def replaces_work(self) -> bool:
        """Whether the request is not processed."""
        return self.status is not None or (self.fault is not None and not self.after_commit)

    @property
    def moment(self) -> Moment:
        """When the scenario applies."""
        if self.drift is not None or self.after_commit or (self.restart is not None and self.fault is None):
            return "answer"
        return "task" if self.changes_task else "request"

    @property
    def changes_task(self) -> bool:
        """Whether it changes the timeline or end of a task."""
        return bool(self.fail_code or self.generation or self.stuck or self.callback)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A match and an outcome. `name` is the name in the library, or a description."""

    name: str
    match: Match
    outcome: Outcome
