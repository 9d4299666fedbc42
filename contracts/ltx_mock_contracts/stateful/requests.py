"""What the machine submits, drawn with few choices, so that stories are found and shortened fast."""

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
    """Give a request for each way in which the life of a task may differ, the simplest first."""
    for given, resolution, mode in product(({}, _CALLBACK), RESOLUTIONS, MODES):
        wish = {"mode": mode, "prompt": "a", "resolution": resolution, "duration": MODEL.durations.low}
        yield {**given, "input": wish | {name: _FILES[name] for name in _files_of(mode)}}


def _files_of(mode: str) -> list[str]:
    """Return the fields with files that a mode needs, or should have."""
    return [name for name in _FILES if name in MODEL.modes[mode].takes]


_PLAIN: Final = st.sampled_from(list(_plain())).map(deepcopy)
_GOOD: Final[st.SearchStrategy[Body | AdvisedRequest]] = _PLAIN | valid_requests() | advisory_requests()
_WRONG: Final = invalid_requests() | malformed_bodies()


# Hypothesis writes down the strategies of a rule in full, again and again, which is slow for these; a function of one's
# own is written down as its name.
@st.composite
def good_requests(draw: st.DrawFn) -> Body | AdvisedRequest:
    """Generate requests that must be accepted: plain ones, unusual ones, and some that are advised against."""
    return draw(_GOOD)


@st.composite
def wrong_requests(draw: st.DrawFn) -> InvalidRequest | MalformedBytes:
    """Generate requests that must be refused."""
    return draw(_WRONG)


def kind(wrong: InvalidRequest | MalformedBytes) -> tuple[str, str]:
    """Return what is wrong with a request, so that one step tries different things."""
    return wrong.rule, wrong.family
