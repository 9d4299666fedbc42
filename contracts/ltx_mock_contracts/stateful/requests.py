"""The requests of the state machine, generated from few choices, so that failures are found and shrunk fast."""

from __future__ import annotations

from copy import deepcopy
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from ltx_mock_contracts.model import MODEL, MODES, RESOLUTIONS
from ltx_mock_contracts.strategies import (
    AdvisedRequest,
    Body,
    InvalidRequest,
    MalformedBytes,
    advisory_requests,
    invalid_requests,
    malformed_bodies,
    valid_requests,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["invalid_submissions", "kind_of", "valid_submissions"]

_URL: Final = "https://example.com/"
_CALLBACK: Final = {"request_type": "callback", "callback_url": _URL}
_FILES: Final[dict[str, Any]] = {"image_urls": [_URL], "loras": [{"path": f"{_URL}?download=true", "scale": 1}]}


def _plain() -> Iterator[Body]:
    """Yield a request for each kind of task life, the simplest first."""
    for top_fields, resolution, mode in product(({}, _CALLBACK), RESOLUTIONS, MODES):
        fields = {"mode": mode, "prompt": "a", "resolution": resolution, "duration": MODEL.durations.low}
        yield {**top_fields, "input": fields | {name: _FILES[name] for name in _files_of(mode)}}


def _files_of(mode: str) -> list[str]:
    """Return the file fields that a mode requires or recommends."""
    return [name for name in _FILES if name in MODEL.modes[mode].takes]


_PLAIN: Final = st.sampled_from(list(_plain())).map(deepcopy)
_VALID: Final[st.SearchStrategy[Body | AdvisedRequest]] = _PLAIN | valid_requests() | advisory_requests()
_INVALID: Final = invalid_requests() | malformed_bodies()


# Hypothesis often prints the strategies of a rule in full, which is slow for these. It prints only the name of a
# composite.
@st.composite
def valid_submissions(draw: st.DrawFn) -> Body | AdvisedRequest:
    """Generate valid requests: plain ones, unusual ones, and some with advisories."""
    return draw(_VALID)


@st.composite
def invalid_submissions(draw: st.DrawFn) -> InvalidRequest | MalformedBytes:
    """Generate invalid requests."""
    return draw(_INVALID)


def kind_of(invalid: InvalidRequest | MalformedBytes) -> tuple[str, str]:
    """Return the kind of violation of a request, so that one step tries different kinds."""
    return invalid.rule, invalid.family
