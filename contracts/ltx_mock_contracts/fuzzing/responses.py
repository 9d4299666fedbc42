"""Every kind of response that a client may get, and how it should interpret it."""

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
"""How a client gets the data: as the response of an operation, or in a callback."""

_TEMPORARY: Final = (429, 500, 502, 503)
_ERRORS: Final = (400, 401, 403, 404, 405, 413, *_TEMPORARY)
_DRIFTS_WITHOUT_STATE: Final = ("unknown field", "unknown field of the envelope")
_DRIFTS_OF_A_STATE: Final = ("missing field", "null field", *_DRIFTS_WITHOUT_STATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """How a client should interpret a response.

    Attributes:
        way: How it arrives; None for an error, which both operations may return.
        status: The HTTP status; None for a callback, which is a request.
        rule: The id of the rule that a client breaks if it fails on the response.
        state: The state that a client should assume, one of the four; None if the response has no task.
        terminal: Whether it is final: the task has ended, or retrying would not help.
        tolerated: Whether it is undocumented, but a client should tolerate it (CLI-9).
    """

    way: Way | None
    status: int | None
    rule: str
    state: str | None = None
    terminal: bool = False
    tolerated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response of the API, or a callback.

    Attributes:
        kind: Its kind, a key of `ANSWERS`, such as `statusTask/failed` or `statusTask/failed/null field`.
        body: The decoded envelope.
        means: How a client should interpret it.
    """

    kind: str
    body: Envelope
    means: Means

    @property
    def task_id(self) -> str | None:
        """Return the id of its task; None for an error."""
        return self._data("taskId")

    @property
    def fail_code(self) -> str | None:
        """Return the fail code of the task; None if it did not fail."""
        return self._data("failCode")

    @property
    def urls(self) -> list[str]:
        """Return the result URLs; empty unless the task succeeded."""
        text = self._data("resultJson")
        return list(json.loads(text)["resultUrls"]) if text is not None else []

    def _data(self, name: str) -> str | None:
        value = (self.body["data"] or {}).get(name)
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Family:
    """Responses of one kind: how a client should interpret them, and a strategy for their bodies."""

    means: Means
    bodies: st.SearchStrategy[Envelope]


def select_kinds(kinds: Iterable[str] | None) -> list[str]:
    """Return the selected kinds, in the order of `ANSWERS`.

    Args:
        kinds: Kinds or prefixes of them: `statusTask` selects all its kinds. None selects every kind.

    Raises:
        ValueError: There is no such kind.
        TypeError: `kinds` is a string.
    """
    if kinds is None:
        return list(ANSWERS)
    if isinstance(kinds, str):
        raise TypeError(f"kinds must be a list of kinds, not {kinds!r}; write [{kinds!r}]")
    selected = tuple(kinds)
    for kind in selected:
        if not any(belongs_to(each, kind) for each in ANSWERS):
            heads = list(dict.fromkeys(each.partition("/")[0] for each in ANSWERS))
            meant = closest_word(kind, [*heads, *ANSWERS])
            hint = f" (did you mean {meant!r}?)" if meant else ""
            raise ValueError(f"no kind {kind!r}{hint}; there are {', '.join(heads)} and their parts, such as error/429")
    return [each for each in ANSWERS if any(belongs_to(each, kind) for kind in selected)]


def belongs_to(kind: str, whole: str) -> bool:
    """Tell whether a kind equals another or is one of its subkinds."""
    return f"{kind}/".startswith(f"{whole}/")


_CREATED: Final = TASK_IDS.map(lambda task_id: success({"taskId": task_id}))
_RULES: Final = {"success": "CLI-4", "failed": "CLI-5"}


def _documented() -> Iterator[tuple[str, Family]]:
    yield "generateTask", Family(Means(way="generateTask", status=200, rule="GEN-17"), _CREATED)
    for state in STATES:
        yield f"statusTask/{state}", Family(_task_means("statusTask", state), status_envelopes(state=state))
    for state in ENDED:
        yield f"callback/{state}", Family(_task_means("callback", state), callbacks(state=state))
    for status in _ERRORS:
        yield f"error/{status}", Family(_error_means(status), error_envelopes(status=status))


def _drifting(kind: str, family: Family) -> Iterator[tuple[str, Family]]:
    """Yield the drifted variants of a documented kind."""
    means = replace(family.means, rule="CLI-9", tolerated=True)
    if means.state is None:
        # An error has no data for an additional field.
        for drift in _DRIFTS_WITHOUT_STATE if means.way else _DRIFTS_WITHOUT_STATE[-1:]:
            yield f"{kind}/{drift}", Family(means, drifting(family.bodies, drift))
        return
    for drift in _DRIFTS_OF_A_STATE + ("unknown state",) * (means.state == "processing"):
        bodies = drifted(drift=drift, state=means.state).map(lambda answer: answer.body)
        yield f"{kind}/{drift}", Family(means, bodies)


def _task_means(way: Way, state: str) -> Means:
    status = None if way == "callback" else 200
    return Means(way=way, status=status, rule=_RULES.get(state, "CLI-3"), state=state, terminal=state in ENDED)


def _error_means(status: int) -> Means:
    temporary = status in _TEMPORARY
    return Means(way=None, status=status, rule="CLI-6" if temporary else "CLI-7", terminal=not temporary)


_VALID: Final = dict(_documented())

ANSWERS: Final[Mapping[str, Family]] = MappingProxyType(
    _VALID | dict(each for kind, family in _VALID.items() for each in _drifting(kind, family))
)
"""Every kind of response: the documented ones first, then drifted ones that a client should tolerate."""
