"""The table of cases for clients. In each case the client should make one video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ltx_mock.fields import check_names
from ltx_mock_contracts.model import SPEC_FAIL_CODES

__all__ = ["CASES", "Case", "End", "select_cases"]

End = Literal["result", "failure", "either"]
"""The expected end: the video, an error, or either."""

_FOREVER: Final = "forever"
RESET: Final = "CONNECTION_RESET_BY_PEER"
SILENCE: Final = "NO_ANSWER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A situation that a client must handle.

    Attributes:
        name: Its name, for `--case`.
        about: What happens, in one sentence.
        rules: The rules that it tests in particular; general rules are judged in every case.
        end: The expected end.
        scenarios: The active scenarios, as arguments of `World.scenarios.add`.
        callback: Whether the client needs a callback receiver.
        says: A text that the output of a client should contain.
        binding: Whether the situation is documented; failures in others are only observed.
        endless: Whether the task never reaches a known final state.
    """

    name: str
    about: str
    rules: tuple[str, ...]
    end: End = "result"
    scenarios: tuple[Mapping[str, Any], ...] = ()
    callback: bool = False
    says: str | None = None
    endless: bool = False
    binding: bool = True

    @property
    def about_downloads(self) -> bool:
        """Whether it affects only clients that download the result."""
        return any(each.get("operation") == "download" for each in self.scenarios)

    @property
    def lacks_a_result(self) -> bool:
        """Whether the task succeeds, but its result is missing or cannot be downloaded."""
        return self.end == "failure" and "CLI-4" in self.rules

    @property
    def forged(self) -> bool:
        """Whether its callbacks have a flawed signature, so that it needs the secret with which others are signed."""
        return any(each.get("callback", {}).get("signature") for each in self.scenarios)

    @property
    def restarts(self) -> bool:
        """Whether the server restarts, so that it needs a store outside its memory."""
        return any("restart" in each for each in self.scenarios)

    @property
    def calls_first(self) -> bool:
        """Whether the first attempt of a callback precedes the response of generateTask."""
        return any(each.get("callback", {}).get("first") for each in self.scenarios)


def _fails(name: str, code: str) -> Case:
    return Case(
        name=name,
        about=f"The task fails with {code}.",
        rules=("CLI-5", "CLI-3"),
        end="failure",
        scenarios=({"fail_code": code},),
        says=code,
    )


def _case(name: str, about: str, rules: str, end: End = "result", *, endless: bool = False, **scenario: Any) -> Case:
    scenarios = (scenario,) if scenario else ()
    return Case(name=name, about=about, rules=tuple(rules.split()), end=end, scenarios=scenarios, endless=endless)


def _lost(name: str, about: str, **fault: Any) -> Case:
    return _case(name, about, "CLI-10", "failure", operation="generateTask", **fault)


def _drifts(name: str, about: str, rule: str = "CLI-9", end: End = "result", **drift: Any) -> Case:
    return _case(name, about, rule, end, operation="statusTask", drift=drift, times=_FOREVER)


def _calls(name: str, about: str, *more: Mapping[str, Any], **callback: Any) -> Case:
    scenarios = ({"callback": callback},) if callback else ()
    return Case(name=name, about=about, rules=("CLI-8",), scenarios=(*scenarios, *more), callback=True)


def _forges(name: str, about: str, flaw: str) -> Case:
    scenarios = ({"callback": {"signature": flaw}},)
    return Case(name=name, about=about, rules=("CLI-11",), scenarios=scenarios, callback=True, binding=False)


_GENERATE: Final[dict[str, Any]] = {"operation": "generateTask"}
_STATUS: Final[dict[str, Any]] = {"operation": "statusTask"}
_DOWNLOAD: Final[dict[str, Any]] = {"operation": "download"}
_CALLBACK: Final[dict[str, Any]] = {"operation": "callback"}
_OF_ANOTHER: Final = {
    "taskId": "task_of_somebody_else",
    "state": "failed",
    "failCode": SPEC_FAIL_CODES[0],
    "failMsg": "It is not yours.",
}

CASES: Final = (
    _case("success", "Everything works.", "CLI-1 CLI-2 CLI-3 CLI-4"),
    # Failing tasks and refused requests.
    *(_fails(code.lower().replace("_", "-"), code) for code in SPEC_FAIL_CODES),
    _fails("unknown-failure", "WORKER_LOST"),
    _case("unauthorized", "The key is not accepted: 401.", "CLI-7", "failure", status=401, times=_FOREVER),
    _case("forbidden", "The key lacks permission: 403.", "CLI-5", "failure", status=403, times=_FOREVER),
    _case("bad-request", "The request is refused: 400.", "CLI-7", "failure", **_GENERATE, status=400, times=_FOREVER),
    _case(
        *("insufficient-credits", "No credits are left: 400.", "CLI-7", "failure"),
        **_GENERATE,
        status=400,
        message="Insufficient credits",
        times=_FOREVER,
    ),
    # Temporary errors.
    _case(
        *("rate-limited", "429 when the task is submitted, with Retry-After.", "CLI-6"),
        **_GENERATE,
        status=429,
        retry_after=15,  # at --scale 60 a quarter of a real second, longer than a client needs to start a request
    ),
    _case("rate-limited-poll", "429 with Retry-After while polling.", "CLI-6", **_STATUS, status=429, retry_after=3),
    Case(
        name="retry-after-date",
        about="429 while polling, with a date in Retry-After, which HTTP allows.",
        rules=("CLI-6",),
        scenarios=({**_STATUS, "status": 429, "retry_after": 3, "retry_after_date": True},),
        binding=False,
    ),
    _case("rate-limited-for-long", "429 four times in a row.", "CLI-6", **_GENERATE, status=429, times=4),
    _case("server-error-poll", "500 while polling.", "CLI-6", **_STATUS, status=500),
    _case("unavailable-poll", "503 four times while polling.", "CLI-6", **_STATUS, status=503, times=4),
    _case("unavailable-submit", "503 when the task is submitted.", "CLI-6", "either", **_GENERATE, status=503),
    _case("reset-poll", "The connection breaks while polling.", "CLI-6", **_STATUS, fault=RESET),
    _case(
        "empty-poll",
        "The connection closes without a response while polling.",
        "CLI-6",
        **_STATUS,
        fault="EMPTY_RESPONSE",
    ),
    _case("timeout-poll", "A poll gets no response.", "CLI-6", **_STATUS, fault=SILENCE),
    _case(
        *("restart", "The server restarts after the submission: a poll breaks, the task is kept.", "CLI-6 CLI-10"),
        **_STATUS,
        fault=RESET,
        restart=0,
    ),
    # Lost responses: the client cannot know whether the task was made.
    _lost("reset-submit", "The connection breaks before the task is created.", fault=RESET),
    _lost("timeout-submit", "The submission gets no response.", fault=SILENCE),
    _lost("lost-answer", "The task is created, and its id is lost.", fault=RESET, after_commit=True),
    # Time.
    _case("slow", "The task takes ten minutes.", "CLI-3", generation=600_000),
    _case("stuck", "The task never ends.", "CLI-3", "failure", endless=True, stuck=True),
    # Undocumented responses.
    Case(
        name="unknown-state",
        about="An undocumented state: processing_r2.",
        rules=("CLI-9",),
        # The task must be unfinished at the first poll.
        scenarios=({"generation": 180_000}, {"drift": {"state": "processing_r2"}, "times": _FOREVER}),
    ),
    _case(
        *("unknown-end", "The task ends in an undocumented state: cancelled.", "CLI-9", "failure"),
        endless=True,
        drift={"end_state": "cancelled"},
        times=_FOREVER,
    ),
    _case(
        *("extra-fields", "Undocumented fields.", "CLI-9"),
        drift={"extra": {"requestId": "req_1", "progress": 42}},
        times=_FOREVER,
    ),
    _drifts("missing-fields", "A status without its times.", omit=["createTime", "completeTime", "costTime"]),
    _drifts("null-fields", "null in fields that a status should leave out.", nulls=True),
    _drifts("two-results", "resultJson has two URLs.", "CLI-4", results=2),
    _drifts("escaped-result", "resultJson has escapes and Chinese text.", "CLI-4", escaped=True),
    _drifts("no-results", "The task succeeds, and resultUrls is empty.", "CLI-4", "failure", results=0),
    _drifts(
        "result-without-urls",
        "The task succeeds, and resultJson has no resultUrls.",
        "CLI-4",
        "failure",
        result_json="{}",
    ),
    # The result.
    _case("slow-download", "The download is slow.", "CLI-4", **_DOWNLOAD, bytes_per_second=400_000),
    _case("cut-download", "The download is truncated at half its size, once.", "CLI-6 CLI-4", **_DOWNLOAD, cut=0.5),
    _case(
        "expired-result", "The result has expired: 410.", "CLI-4", "failure", **_DOWNLOAD, status=410, times=_FOREVER
    ),
    # Callbacks.
    _calls("callback", "A callback reports the end of the task."),
    _calls(
        *("callback-large", "The callback is larger than one packet or buffer: 90 kB."),
        {**_CALLBACK, "drift": {"extra": {"log": "x" * 90_000}}, "times": _FOREVER},
    ),
    _calls("callback-twice", "The callback comes twice.", copies=2),
    _calls("callback-late", "The callback comes two minutes late.", delay=120_000),
    _calls("callback-lost", "The callback never comes.", lost=True),
    _calls("callback-first", "The callback comes before the response of generateTask.", first=True),
    _calls(
        *("callback-of-another", "A callback for another client's task comes first."),
        {**_CALLBACK, "drift": {"omit": ["resultJson", "completeTime", "costTime"], "extra": _OF_ANOTHER}},
        first=True,
        copies=2,
    ),
    _forges("bad-signature", "Callbacks are signed, and this one has the signature of another body.", "bad"),
    _forges("old-signature", "Callbacks are signed, and the signature of this one is an hour old.", "old"),
    _forges("no-signature", "Callbacks are signed, and this one is not.", "none"),
)
"""All cases, the simplest first."""


def select_cases(names: tuple[str, ...]) -> tuple[Case, ...]:
    """Return the cases of these names, in the order of the table; all for none.

    Raises:
        SettingsError: There is no such case.
    """
    known = {case.name: case for case in CASES}
    check_names("case", names, known)
    return tuple(case for case in CASES if not names or case.name in names)
