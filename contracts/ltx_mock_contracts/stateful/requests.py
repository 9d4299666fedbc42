"""The requests of the machine, drawn with few choices, so that failures are found and shrunk fast."""

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

__all__ = ["good_requests", "kind", "wrong_requests"]

_URL: Final = "https://example.com/"
_CALLBACK: Final = {"request_type": "callback", "callback_url": _URL}
_FILES: Final[dict[str, Any]] = {"image_urls": [_URL], "loras": [{"path": f"{_URL}?download=true", "scale": 1}]}


def _plain() -> Iterator[Body]:
    """Yield a request for each kind of task life, the simplest first."""
    for given, resolution, mode in product(({}, _CALLBACK), RESOLUTIONS, MODES):
        wish = {"mode": mode, "prompt": "a", "resolution": resolution, "duration": MODEL.durations.low}
        yield {**given, "input": wish | {name: _FILES[name] for name in _files_of(mode)}}


def _files_of(mode: str) -> list[str]:
    """Return the file fields that a mode requires or recommends."""
    return [name for name in _FILES if name in MODEL.modes[mode].takes]


_PLAIN: Final = st.sampled_from(list(_plain())).map(deepcopy)
_GOOD: Final[st.SearchStrategy[Body | AdvisedRequest]] = _PLAIN | valid_requests() | advisory_requests()
_WRONG: Final = invalid_requests() | malformed_bodies()


# Hypothesis prints the strategies of a rule in full, again and again, which is slow for these. Of a composite it prints
# the name.
@st.composite
def good_requests(draw: st.DrawFn) -> Body | AdvisedRequest:
    """Generate valid requests: plain ones, unusual ones, and some with advisories."""
    return draw(_GOOD)


@st.composite
def wrong_requests(draw: st.DrawFn) -> InvalidRequest | MalformedBytes:
    """Generate invalid requests."""
    return draw(_WRONG)


def kind(wrong: InvalidRequest | MalformedBytes) -> tuple[str, str]:
    """Return the kind of violation of a request, so that one step tries different kinds."""
    return wrong.rule, wrong.family
