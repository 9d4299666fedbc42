"""The types of keyword arguments, for type checkers and editors.

The values are validated in `core.settings`, `scenarios` and `control.expectation`. A test compares these tables with
them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from re import Pattern
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypedDict, TypeVar, Unpack

from ltx_mock.core.setting_readers import Rate
from ltx_mock.core.timings import Timings
from ltx_mock.scenarios import Scenario
from ltx_mock_contracts.validation.findings import Finding

if TYPE_CHECKING:
    from ltx_mock.testing.mock_server import MockServer
    from ltx_mock.testing.tenant import World

T = TypeVar("T")
ClockMode: TypeAlias = Literal["real", "scaled", "manual", "auto"]
Endpoint: TypeAlias = Literal["generateTask", "statusTask", "balance"]
ScenarioOperation: TypeAlias = Literal["generateTask", "statusTask", "balance", "download", "callback"]
Mode: TypeAlias = Literal["text-to-video", "image-to-video", "text-to-video-LoRA", "image-to-video-LoRA"]
Fault: TypeAlias = Literal[
    "EMPTY_RESPONSE",
    "MALFORMED_RESPONSE_CHUNK",
    "RANDOM_DATA_THEN_CLOSE",
    "CONNECTION_RESET_BY_PEER",
    "NO_ANSWER",
]
Strings: TypeAlias = str | Iterable[str]
AnyScenario: TypeAlias = str | Mapping[str, Any] | Scenario
AnyTimings: TypeAlias = str | os.PathLike[str] | Mapping[str, Any] | Timings
"""A file of timings, its content, or that as it is read."""
StatusField: TypeAlias = Literal[
    "taskId", "state", "resultJson", "failCode", "failMsg", "createTime", "completeTime", "costTime"
]
Value: TypeAlias = T | Callable[[T], object]
"""A value to compare with, or a function that tells whether a value matches."""
Text: TypeAlias = str | Pattern[str] | Callable[[str], object]


class TenantSettings(TypedDict, total=False):
    """Settings of a tenant; `ltx_mock.Settings` describes each."""

    clock: ClockMode
    speed: float
    start_time: str
    rate_limit: str | Rate
    max_concurrent: int
    credits: int | None
    price: Mapping[str, int] | Iterable[str]
    seed: int
    strict: bool
    idempotency: bool
    callback_rewrite: Mapping[str, str] | Iterable[str]
    allow_callback_host: Strings
    callback_timeout: float
    callback_patience: float  # the former name of callback_timeout
    callback_secret: str | None
    public_url: str | None
    allow_origin: Strings
    scenario: AnyScenario | Sequence[AnyScenario]
    timings: AnyTimings | None
    result_bytes: int
    journal_entries: int
    journal_bytes: int
    recordings: str | os.PathLike[str] | None
    recordings_only: bool
    match_ignore: Strings


class ServerSettings(TenantSettings, total=False):
    """All settings, including those of the whole server."""

    host: str
    port: int
    api_key: Strings
    admin_token: str | None
    fetch_assets: bool
    ca_file: str | os.PathLike[str] | None
    journal_memory: int
    store: str


class RequestFields(TypedDict, total=False):
    """Expected fields of a request; see `World.assert_requested`."""

    method: Text
    status: Value[int] | None
    task_id: Text | None
    state: Text | None
    cause: Text | None
    idempotency_key: Text | None
    finding: str | Pattern[str] | Callable[[Finding], object] | None
    request_type: Text
    callback_url: Text
    provider: Text
    mode: Text
    prompt: Text
    resolution: Text
    duration: Value[int]
    aspect_ratio: Text
    image_urls: Value[list[str]]
    seed: Value[int]
    loras: Value[list[dict[str, Any]]]


class FixedDelay(TypedDict):
    """Always so many milliseconds."""

    type: Literal["fixed"]
    milliseconds: int


class UniformDelay(TypedDict):
    """From `lower` to `upper` milliseconds."""

    type: Literal["uniform"]
    lower: int
    upper: int


class LognormalDelay(TypedDict):
    """Mostly about `median` milliseconds, with a long tail."""

    type: Literal["lognormal"]
    median: float
    sigma: float


Delay: TypeAlias = int | FixedDelay | UniformDelay | LognormalDelay
"""Milliseconds, or a table such as `{"type": "uniform", "lower": 100, "upper": 900}`."""


class CallbackFields(TypedDict, total=False):
    """Changes to a task's callback; see `ltx_mock.scenarios.model.Callback`."""

    lost: bool
    first: bool
    copies: int
    delay: Delay | None
    content_type: str | None
    signature: Literal["bad", "old", "none"] | None


class DriftFields(TypedDict, total=False):
    """Deviations of a successful response from the contract; see `ltx_mock.scenarios.model.Drift`."""

    state: str | None
    end_state: str | None
    extra: Mapping[str, object] | None
    omit: Sequence[StatusField]
    nulls: bool
    results: int
    result_json: str | None
    escaped: bool
    malformed: bool


class ScenarioFields(TypedDict, total=False):
    """The match and the outcome of a scenario; see docs/make-it-fail.md."""

    name: str
    operation: ScenarioOperation | None
    mode: Mode | None
    request_type: Literal["async", "callback"] | None
    prompt: str | None
    nth: int
    times: int | Literal["forever"] | None
    chance: float
    status: int | None
    message: str | None
    retry_after: int | None
    retry_after_date: bool
    fault: Fault | None
    after_commit: bool
    close_after: int | None
    restart: int | None
    delay: Delay | None
    fail_code: str | None
    generation: Delay | None
    stuck: bool
    callback: CallbackFields | None
    drift: DriftFields | None
    cut: float | None
    bytes_per_second: int | None


class MakeServer(Protocol):
    """The fixture `make_ltx_server`."""

    def __call__(self, **settings: Unpack[ServerSettings]) -> MockServer:
        """Start a server."""


class OpenTenant(Protocol):
    """The fixture `ltx_tenant`."""

    def __call__(self, **settings: Unpack[TenantSettings]) -> AbstractContextManager[World]:
        """Open a tenant for a `with` block."""
