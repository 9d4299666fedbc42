"""Every kind of answer that a client may get, and how it should take it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from hypothesis import strategies as st

from ltx_mock_contracts.api import ENDED, STATES
from ltx_mock_contracts.strategies import Envelope, callbacks, drifted, error_envelopes, status_envelopes
from ltx_mock_contracts.strategies._drift import drifting
from ltx_mock_contracts.strategies._responses import success
from ltx_mock_contracts.strategies._values import TASK_IDS
from ltx_mock_contracts.validation.explain import closest_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["ANSWERS", "Answer", "Family", "Means", "Way", "belongs_to", "select_kinds"]

Way = Literal["generateTask", "statusTask", "callback"]
"""How an answer comes: as the response of an operation, or in a POST to the callback URL."""

_PASSING: Final = (429, 500, 502, 503)
_ERRORS: Final = (400, 401, 403, 404, 405, 413, *_PASSING)
_STATELESS: Final = ("unknown field", "unknown field of the envelope")
_STATELY: Final = ("missing field", "null field", *_STATELESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """How a client should take an answer.

    Attributes:
        way: How it comes; None is for an error, with which both operations may answer.
        status: The HTTP status; None for a callback, which is a request.
        rule: The id of the rule that a client breaks with which it does not get through.
        state: What to take the task's state for, one of the four; None where the answer tells of none.
        terminal: Whether it is the last word: the task has ended, or asking again would not help.
        tolerated: Whether it is not as documented, and a client should live with it all the same (CLI-9).
    """

    way: Way | None
    status: int | None
    rule: str
    state: str | None = None
    terminal: bool = False
    tolerated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of the API, or a callback.

    Attributes:
        kind: What it is, a key of `ANSWERS`, such as `statusTask/failed` or `statusTask/failed/null field`.
        body: The decoded envelope.
        means: How a client should take it.
    """

    kind: str
    body: Envelope
    means: Means

    @property
    def task_id(self) -> str | None:
        """Return the id of the task that it is about; an error tells of none."""
        return self._data("taskId")

    @property
    def fail_code(self) -> str | None:
        """Return why the task failed; None if it did not."""
        return self._data("failCode")

    @property
    def urls(self) -> list[str]:
        """Return the URLs of the result; none unless the task is a success."""
        text = self._data("resultJson")
        return list(json.loads(text)["resultUrls"]) if text is not None else []

    def _data(self, name: str) -> str | None:
        value = (self.body["data"] or {}).get(name)
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Family:
    """Answers of one kind: how a client should take them, and a strategy for their bodies."""

    means: Means
    bodies: st.SearchStrategy[Envelope]


def select_kinds(kinds: Iterable[str] | None) -> list[str]:
    """Return the kinds that are meant, in the order of `ANSWERS`.

    Args:
        kinds: Kinds, or first parts of them: `statusTask` is all of it. None means every kind.

    Raises:
        ValueError: There is no such kind.
        TypeError: It is one text, which would be read letter by letter.
    """
    if kinds is None:
        return list(ANSWERS)
    if isinstance(kinds, str):
        raise TypeError(f"kinds must be a list of kinds, not {kinds!r}; write [{kinds!r}]")
    wanted = tuple(kinds)
    for kind in wanted:
        if not any(belongs_to(each, kind) for each in ANSWERS):
            heads = list(dict.fromkeys(each.partition("/")[0] for each in ANSWERS))
            meant = closest_word(kind, [*heads, *ANSWERS])
            hint = f" (did you mean {meant!r}?)" if meant else ""
            raise ValueError(f"no kind {kind!r}{hint}; there are {', '.join(heads)} and their parts, such as error/429")
    return [each for each in ANSWERS if any(belongs_to(each, kind) for kind in wanted)]


def belongs_to(kind: str, whole: str) -> bool:
    """Tell whether a kind is another, or a part of it."""
    return f"{kind}/".startswith(f"{whole}/")


_CREATED: Final = TASK_IDS.map(lambda task_id: success({"taskId": task_id}))
_RULES: Final = {"success": "CLI-4", "failed": "CLI-5"}


def _documented() -> Iterator[tuple[str, Family]]:
    yield "generateTask", Family(Means(way="generateTask", status=200, rule="GEN-17"), _CREATED)
    for state in STATES:
        yield f"statusTask/{state}", Family(_about_a_task("statusTask", state), status_envelopes(state=state))
    for state in ENDED:
        yield f"callback/{state}", Family(_about_a_task("callback", state), callbacks(state=state))
    for status in _ERRORS:
        yield f"error/{status}", Family(_refused(status), error_envelopes(status=status))


def _drifting(kind: str, family: Family) -> Iterator[tuple[str, Family]]:
    """Give the ways in which documented answers of one kind may drift."""
    means = replace(family.means, rule="CLI-9", tolerated=True)
    if means.state is None:
        for drift in _STATELESS if means.way else _STATELESS[-1:]:  # an error has no data to put a field into
            yield f"{kind}/{drift}", Family(means, drifting(family.bodies, drift))
        return
    for drift in _STATELY + ("unknown state",) * (means.state == "processing"):
        bodies = drifted(drift=drift, state=means.state).map(lambda answer: answer.body)
        yield f"{kind}/{drift}", Family(means, bodies)


def _about_a_task(way: Way, state: str) -> Means:
    status = None if way == "callback" else 200
    return Means(way=way, status=status, rule=_RULES.get(state, "CLI-3"), state=state, terminal=state in ENDED)


def _refused(status: int) -> Means:
    passing = status in _PASSING
    return Means(way=None, status=status, rule="CLI-6" if passing else "CLI-7", terminal=not passing)


_VALID: Final = dict(_documented())

ANSWERS: Final[Mapping[str, Family]] = MappingProxyType(
    _VALID | dict(each for kind, family in _VALID.items() for each in _drifting(kind, family))
)
"""Every kind of answer: what the documents say first, then what they do not say and a client should live with."""
