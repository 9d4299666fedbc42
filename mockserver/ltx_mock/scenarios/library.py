"""The library of named scenarios, for commands, headers, prompts and the guide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ltx_mock.errors import SettingsError
from ltx_mock.fields import camel, plain, unknown
from ltx_mock.scenarios.model import Scenario
from ltx_mock.scenarios.parse import parse_scenario, split_fields
from ltx_mock.scenarios.readers import FOREVER


class Row(NamedTuple):
    """A scenario of the library: its name, its description and its fields."""

    name: str
    about: str
    fields: Mapping[str, Any]


_GENERATE, _STATUS, _DOWNLOAD = ({"operation": name} for name in ("generateTask", "statusTask", "download"))
_RESET = "CONNECTION_RESET_BY_PEER"

LIBRARY = (
    # Failing tasks.
    Row("content-violation", "The task fails: the prompt breaks the content rules.", {"failCode": "CONTENT_VIOLATION"}),
    Row("invalid-image-url", "The task fails: its image cannot be used.", {"failCode": "INVALID_IMAGE_URL"}),
    Row("invalid-lora-url", "The task fails: its LoRA cannot be downloaded.", {"failCode": "INVALID_LORA_URL"}),
    Row("nsfw-detected", "The task fails: its content is not safe for work.", {"failCode": "NSFW_DETECTED"}),
    Row("prompt-too-long", "The task fails: its prompt is too long.", {"failCode": "PROMPT_TOO_LONG"}),
    Row("invalid-prompt", "The task fails: its prompt cannot be used.", {"failCode": "INVALID_PROMPT"}),
    Row("image-too-large", "The task fails: its image is too large.", {"failCode": "IMAGE_TOO_LARGE"}),
    Row("unsupported-format", "The task fails: its image has another format.", {"failCode": "UNSUPPORTED_FORMAT"}),
    Row("image-download-failed", "The task fails: its image is not there.", {"failCode": "IMAGE_DOWNLOAD_FAILED"}),
    Row("processing-timeout", "The task fails: it took too long.", {"failCode": "PROCESSING_TIMEOUT"}),
    Row("model-unavailable", "The task fails: the model is not available.", {"failCode": "MODEL_UNAVAILABLE"}),
    Row("generation-failed", "The task fails without a reason.", {"failCode": "GENERATION_FAILED"}),
    Row(
        "credits-ran-out",
        "The task fails: the credits ran out during processing.",
        {"failCode": "INSUFFICIENT_CREDITS"},
    ),
    Row(
        "unknown-fail-code",
        "The task fails with an undocumented code.",
        {"failCode": "SensitiveContentDetected"},
    ),
    # Errors.
    Row(
        "insufficient-credits",
        "400: no credits are left.",
        {**_GENERATE, "status": 400, "message": "Insufficient credits"},
    ),
    Row("unauthorized", "401: the key is no longer accepted.", {"status": 401}),
    Row("forbidden", "403: the key lacks permission.", {"status": 403}),
    Row("rate-limited", "429, with Retry-After.", {"status": 429}),
    Row(
        "concurrency-limited",
        "429: too many unfinished tasks.",
        {**_GENERATE, "status": 429, "message": "Too many concurrent tasks"},
    ),
    Row("server-error", "500.", {"status": 500}),
    Row("unavailable", "503, with Retry-After.", {"status": 503, "retryAfter": 5}),
    Row("flaky", "503 to three of ten requests, chosen by the seed.", {"status": 503, "chance": 0.3, "times": FOREVER}),
    # Broken connections.
    Row("no-answer", "No response, until the client closes the connection.", {"fault": "NO_ANSWER"}),
    Row("connection-reset", "The connection is reset.", {"fault": _RESET}),
    Row("empty-response", "The connection closes without a response.", {"fault": "EMPTY_RESPONSE"}),
    Row("malformed-chunk", "A valid status line, then random bytes.", {"fault": "MALFORMED_RESPONSE_CHUNK"}),
    Row("random-data", "Random bytes instead of HTTP.", {"fault": "RANDOM_DATA_THEN_CLOSE"}),
    Row(
        "lost-answer",
        "The task is created; then the connection is reset, and the id is lost.",
        {"fault": _RESET, "afterCommit": True},
    ),
    Row(
        "restart",
        "A poll is reset, because the server restarts: all connections break; the tasks are kept.",
        {**_STATUS, "fault": _RESET, "restart": 0},
    ),
    # Time.
    Row(
        "slow-answer",
        "The response takes about two seconds.",
        {"delay": {"type": "lognormal", "median": 2000, "sigma": 0.4}},
    ),
    Row("slow", "The task takes ten minutes.", {"generation": 600_000}),
    Row("stuck", "The task stays in processing forever.", {"stuck": True}),
    # Callbacks.
    Row("duplicate-callback", "The callback comes twice.", {"callback": {"copies": 2}}),
    Row("lost-callback", "The callback never comes.", {"callback": {"lost": True}}),
    Row("late-callback", "The callback comes two minutes late.", {"callback": {"delay": 120_000}}),
    Row(
        "shuffled-callbacks",
        "Callbacks come up to five minutes late, in any order.",
        {"callback": {"delay": {"type": "uniform", "lower": 0, "upper": 300_000}}, "times": FOREVER},
    ),
    Row("bad-signature", "The callback has the signature of another body.", {"callback": {"signature": "bad"}}),
    Row("old-signature", "The signature of the callback is an hour old.", {"callback": {"signature": "old"}}),
    Row("no-signature", "The callback has no signature.", {"callback": {"signature": "none"}}),
    Row("callback-first", "The callback comes before the response of generateTask.", {"callback": {"first": True}}),
    Row("callback-as-text", "The callback has Content-Type: text/plain.", {"callback": {"contentType": "text/plain"}}),
    Row(
        "callback-extra-fields",
        "The callback has undocumented fields.",
        {"operation": "callback", "drift": {"extra": {"requestId": "req_1", "progress": 100}}, "times": FOREVER},
    ),
    # Results.
    Row("expired-result", "410: the result has expired after 15 days.", {**_DOWNLOAD, "status": 410, "times": FOREVER}),
    Row("cut-download", "The download is truncated at half its size.", {"cut": 0.5}),
    Row("slow-download", "The download runs at 50 kB a second.", {"bytesPerSecond": 50_000}),
    # Drift.
    Row(
        "unknown-state",
        "processing_r2 instead of processing, as the real API has sent.",
        {"drift": {"state": "processing_r2"}, "times": FOREVER},
    ),
    Row(
        "extra-fields",
        "Undocumented fields.",
        {"drift": {"extra": {"requestId": "req_1", "progress": 42}}, "times": FOREVER},
    ),
    Row(
        "missing-fields",
        "A status without its times.",
        {**_STATUS, "drift": {"omit": ["createTime", "completeTime", "costTime"]}, "times": FOREVER},
    ),
    Row(
        "null-fields",
        "null in fields that a status should leave out.",
        {**_STATUS, "drift": {"nulls": True}, "times": FOREVER},
    ),
    Row("malformed-json", "A successful response with truncated JSON.", {"drift": {"malformed": True}}),
)


class _Library(Mapping[str, Scenario]):
    """The scenarios of rows by name. Each is parsed when it is first needed: all together delay each start."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = {row.name: row for row in rows}
        self._parsed: dict[str, Scenario] = {}

    def __getitem__(self, name: str) -> Scenario:
        if name not in self._parsed:
            self._parsed[name] = parse_scenario({"name": name, **self._rows[name].fields})
        return self._parsed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


NAMED: Mapping[str, Scenario] = _Library(LIBRARY)
"""The named scenarios."""


def find_scenario(name: str) -> Scenario:
    """Return a scenario by its name.

    Raises:
        SettingsError: unknown name.
    """
    if name not in NAMED:
        raise unknown("scenario", name, NAMED, path="name")
    return NAMED[name]


def from_dict(given: object) -> Scenario:
    """Read a scenario: a named one, perhaps with another match, or a custom one.

    A custom scenario says what happens (`failCode`, `status`, `delay`, …). Its name, if any, appears in the journal.

    Raises:
        SettingsError: a field is unknown, a value is not allowed, or two do not go together.
    """
    name, match, outcome = split_fields(given)
    if not isinstance(name, str) or (outcome and name not in NAMED):
        return parse_scenario(given)
    base = find_scenario(name)
    if outcome and parse_scenario(given).outcome != base.outcome:
        raise SettingsError(f"{name} is a named scenario; give yours another name, or none", "name")
    changed = {camel(each): value for each, value in match.items() if value is not None}
    return parse_scenario({**plain(base.match), **changed, **plain(base.outcome), "name": name})
