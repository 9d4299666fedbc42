"""Answers that are not quite as documented, as an API is found to drift in the wild."""

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
    """An answer of statusTask that drifted in one way; a good client lives with it (CLI-9).

    Attributes:
        body: The decoded answer.
        drift: In what way, one of `DRIFTS`.
        findings: All that `validate_response` must say: the rule and the JSON pointer of each finding.
    """

    body: Envelope
    drift: str
    findings: tuple[FindingPlace, ...]


def drifted(*, drift: str | None = None, state: str | None = None) -> st.SearchStrategy[DriftedEnvelope]:
    """Generate the answers of `status_envelopes`, each with one drift.

    Args:
        drift: One of `DRIFTS`; any of them by default.
        state: The state before the drift; any that can drift so by default.

    Raises:
        ValueError: There is no such drift or state, or a task in this state cannot drift so: unknown states are
            drawn for unfinished tasks only, since nobody could know what else they mean.
    """
    drifts = choose("drift", drift, DRIFTS)
    choose("state", state, dict.fromkeys(each for name in drifts for each in _DRIFTS[name][0]))
    possible = {name: choose("state", state, _DRIFTS[name][0]) for name in drifts if state in {None, *_DRIFTS[name][0]}}
    return _drifted(possible)


@st.composite
def drifting(draw: st.DrawFn, envelopes: st.SearchStrategy[Envelope], drift: str) -> Envelope:
    """Let other envelopes than those of statusTask drift, in a way that needs no state."""
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
    """Take away fields that a client can do without; those that a failed task need not have are no finding."""
    data = body["data"]
    optional = [name for name in ("createTime", "completeTime", "costTime", "failMsg") if name in data]
    gone = draw(st.lists(st.sampled_from(optional), min_size=1, unique=True))
    for name in gone:
        del data[name]
    rule = _NEEDED_BY[data["state"]]
    return tuple((rule, f"/data/{name}") for name in gone if rule != "TASK-6" or name == "failMsg")


def _null_field(draw: st.DrawFn, body: Envelope) -> tuple[FindingPlace, ...]:
    """Put null where a field should be absent, as serialisers do that know one class for all states."""
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
"""The ways in which `drifted` lets an answer drift, by name."""
