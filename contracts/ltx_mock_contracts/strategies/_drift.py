"""Responses that drift from the documentation, as real APIs do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

from ltx_mock_contracts.api import RUNNING, STATES
from ltx_mock_contracts.strategies._choose import choose
from ltx_mock_contracts.strategies._responses import Envelope, status_envelopes
from ltx_mock_contracts.strategies._values import FIELD_VALUES

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DRIFTS", "DriftedEnvelope", "drifted", "drifting"]

FindingPlace = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftedEnvelope:
    """A statusTask response with one drift, which a robust client tolerates (CLI-9).

    Attributes:
        body: The decoded response.
        drift: The kind of drift, one of `DRIFTS`.
        findings: The expected result of `validate_response`: rule and JSON pointer of each finding.
    """

    body: Envelope
    drift: str
    findings: tuple[FindingPlace, ...]


def drifted(*, drift: str | None = None, state: str | None = None) -> st.SearchStrategy[DriftedEnvelope]:
    """Generate the responses of `status_envelopes`, each with one drift.

    Args:
        drift: One of `DRIFTS`; any of them by default.
        state: The state before the drift; by default any state with this drift.

    Raises:
        ValueError: Unknown drift or state, or the drift does not exist in this state: unknown states are drawn for
            unfinished tasks only, since a client could not tell whether the task has ended.
    """
    drifts = choose("drift", drift, DRIFTS)
    choose("state", state, dict.fromkeys(each for name in drifts for each in _DRIFTS[name][0]))
    possible = {name: choose("state", state, _DRIFTS[name][0]) for name in drifts if state in {None, *_DRIFTS[name][0]}}
    return _drifted(possible)


@st.composite
def drifting(draw: st.DrawFn, envelopes: st.SearchStrategy[Envelope], drift: str) -> Envelope:
    """Apply a drift that needs no state to envelopes of other operations."""
    body = draw(envelopes)
    _DRIFTS[drift][1](draw, body)
    return body


@st.composite
def _drifted(draw: st.DrawFn, possible: dict[str, tuple[str, ...]]) -> DriftedEnvelope:
    drift = draw(st.sampled_from(list(possible)))
    body = draw(status_envelopes(state=draw(st.sampled_from(possible[drift]))))
    return DriftedEnvelope(body=body, drift=drift, findings=_DRIFTS[drift][1](draw, body))


def _unknown_field(draw: st.DrawFn, body: Envelope) -> tuple[FindingPlace, ...]:
    names = draw(st.lists(st.sampled_from(["progress", "model", "videoUrl", "state_", "x"]), min_size=1, unique=True))
    body["data"] |= {name: draw(FIELD_VALUES) for name in names}
    return tuple(("CLI-9", f"/data/{name}") for name in names)


def _unknown_state(draw: st.DrawFn, body: Envelope) -> tuple[FindingPlace, ...]:
    body["data"]["state"] = draw(st.sampled_from(["processing_r2", "queued", "PROCESSING", "retrying", ""]))
    return (("TASK-1", "/data/state"),)


def _missing_field(draw: st.DrawFn, body: Envelope) -> tuple[FindingPlace, ...]:
    """Remove fields that a client does not need; missing optional fields of a failed task are no finding."""
    data = body["data"]
    optional = [name for name in ("createTime", "completeTime", "costTime", "failMsg") if name in data]
    removed = draw(st.lists(st.sampled_from(optional), min_size=1, unique=True))
    for name in removed:
        del data[name]
    rule = _NEEDED_BY[data["state"]]
    return tuple((rule, f"/data/{name}") for name in removed if rule != "TASK-6" or name == "failMsg")


def _null_field(draw: st.DrawFn, body: Envelope) -> tuple[FindingPlace, ...]:
    """Add fields with null that should be absent, like a serializer with one class for all states."""
    data = body["data"]
    absent = [name for name in _RESULTS if name not in data]
    names = draw(st.lists(st.sampled_from(absent), min_size=1, unique=True))
    data |= dict.fromkeys(names)
    failed = data["state"] == "failed"
    return tuple(
        ("TASK-5" if failed and name in _TIMES else _NEEDED_BY[data["state"]], f"/data/{name}") for name in names
    )


def _more_in_the_envelope(draw: st.DrawFn, body: Envelope) -> tuple[FindingPlace, ...]:
    name = draw(st.sampled_from(["requestId", "msg", "timestamp"]))
    body[name] = draw(FIELD_VALUES)
    return (("ENV-1", f"/{name}"),)


_TIMES: Final = ("createTime", "completeTime", "costTime")
_RESULTS: Final = ("resultJson", "failCode", "failMsg", *_TIMES)
_NEEDED_BY: Final = {"pending": "TASK-2", "processing": "TASK-2", "success": "TASK-3", "failed": "TASK-6"}

_DRIFTS: Final[dict[str, tuple[tuple[str, ...], Callable[[st.DrawFn, Envelope], tuple[FindingPlace, ...]]]]] = {
    "unknown field": (STATES, _unknown_field),
    "unknown state": (RUNNING, _unknown_state),
    "missing field": (STATES, _missing_field),
    "null field": (STATES, _null_field),
    "unknown field of the envelope": (STATES, _more_in_the_envelope),
}

DRIFTS: Final = tuple(_DRIFTS)
"""The kinds of drift of `drifted`."""
