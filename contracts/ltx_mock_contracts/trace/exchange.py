"""A trace: what went over the wire, as plain data, wherever it was recorded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, overload
from urllib.parse import parse_qs

from ltx_mock_contracts.api import BALANCE_PATH
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.validation.json_body import MalformedBody, parse_body

__all__ = ["Exchange", "Operation", "Trace", "TraceError", "decode_body", "key_of", "operation_of"]

Operation = Literal["generateTask", "statusTask", "balance", "callback", "other"]
"""What an exchange is about. A callback goes from the server to a client; `other` is what is no endpoint."""

_NOBODY: Final = "nobody"
"""The tenant in which the fake has what was asked without a good key."""

_ENDPOINT: Final = re.compile(rf"/(generateTask|statusTask)/{re.escape(MODEL.id)}/?(?:[?#]|$)")
_BALANCE: Final = re.compile(rf"{BALANCE_PATH}/?(?:[?#]|$)")


class TraceError(ValueError):
    """A recording cannot be read; the text says where and why.

    Attributes:
        line: The number of the line or entry that is wrong, where it is one.
    """

    def __init__(self, problem: str, *, line: int | None = None, counted_in: str = "line") -> None:
        super().__init__(problem if line is None else f"{counted_in} {line}: {problem}")
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer.

    Attributes:
        at: When it was sent, in Unix milliseconds.
        operation: What it was about.
        method: The HTTP method.
        target: The URL, or only path and query.
        status: The HTTP status of the answer; None when there was none.
        request: The decoded body of the request; text where it is no JSON, None where there is none.
        answer: The same of the answer.
        key: Which API key was used, by its last characters; None when the recording does not tell.
        ended: When the answer had come, where that is known.
        headers: Headers of the answer by their lower-case names; None when the recording has none.
        cause: What brought the answer about, where a fake tells that it was not the request alone.
        cause_kind: Of which kind that is; `manual` where somebody had a callback made again by hand.
        clock: Whose time it is: the `server`'s own, or that of an `observer`, which may be wrong by any amount.
        gaps: What the recording left out: `request`, `answer`, or for callbacks that came together their `time`.
        number: Which line or entry of the recording it is.
    """

    at: int
    operation: Operation
    method: str
    target: str
    status: int | None
    request: Any = None
    answer: Any = None
    key: str | None = None
    ended: int | None = None
    headers: Mapping[str, str] | None = None
    cause: str | None = None
    cause_kind: str | None = None
    clock: Literal["server", "observer"] = "server"
    gaps: frozenset[str] = frozenset()
    number: int = field(default=0, compare=False)

    @property
    def over(self) -> int:
        """The moment at which the answer had come; that of the request where the recording knows no other."""
        return self.at if self.ended is None else self.ended

    @property
    def asked(self) -> str:
        """The `taskId` in the query, or an empty string."""
        return parse_qs(self.target.partition("?")[2].partition("#")[0]).get("taskId", [""])[0]

    @property
    def task_id(self) -> str:
        """The task that it is about: the one asked for, or else the one in the envelope; empty where there is none."""
        if self.operation == "statusTask":
            return self.asked
        task_id = self.data.get("taskId")
        return task_id if isinstance(task_id, str) else ""

    @property
    def answered(self) -> bool:
        """Whether there is an answer that can be judged."""
        return self.status is not None and "answer" not in self.gaps and not (self.method == "HEAD" and not self.answer)

    @property
    def data(self) -> dict[str, Any]:
        """What is in the envelope, which a callback has in its request; empty where there is no object."""
        body = self.request if self.operation == "callback" else self.answer
        data = body.get("data") if isinstance(body, dict) else None
        return data if isinstance(data, dict) else {}


class Trace(Sequence[Exchange]):
    """The exchanges of a recording in its order.

    Attributes:
        counted_in: What their numbers count: the `line` or the `entry`.
        skipped: Why lines or entries could not be read, one sentence for each of them, in order.
    """

    def __init__(self, exchanges: Sequence[Exchange], *, counted_in: str = "line", skipped: Sequence[str] = ()) -> None:
        self._exchanges = tuple(exchanges)
        self.counted_in = counted_in
        self.skipped = tuple(skipped)

    def __len__(self) -> int:
        return len(self._exchanges)

    @overload
    def __getitem__(self, index: int) -> Exchange: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Exchange, ...]: ...
    def __getitem__(self, index: int | slice) -> Exchange | tuple[Exchange, ...]:
        return self._exchanges[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trace) and self._exchanges == other._exchanges

    __hash__ = None  # type: ignore[assignment] # bodies are dictionaries

    def __repr__(self) -> str:
        return f"<Trace of {len(self)} exchanges>"


def decode_body(raw: bytes) -> Any:
    """Return a body as JSON, or as text where it is none that all read alike; None where there is none."""
    if not raw:
        return None
    try:
        return parse_body(raw)
    except MalformedBody:
        return raw.decode(errors="replace")


def key_of(tenant: str | None, key: str | None) -> str | None:
    """Return what tells a key apart in a recording of the fake: the tenant's id, where it has one of its own."""
    return key if tenant in {None, _NOBODY} else tenant


def operation_of(target: str) -> Operation:
    """Tell from URL or path which endpoint was asked; `other` is none, or one of another model."""
    match = _ENDPOINT.search(target)
    if match is None:
        return "balance" if _BALANCE.search(target) else "other"
    return match[1]  # type: ignore[return-value] # the pattern has only those
