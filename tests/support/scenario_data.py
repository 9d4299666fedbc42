"""Hypothesis strategies for scenarios as plain data."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ltx_mock.scenarios import MESSAGES
from ltx_mock.scenarios.model import FAULTS, MAX_MS, STATUS_FIELDS
from ltx_mock_contracts.model import FAIL_CODES, MODES

milliseconds_given = st.integers(0, MAX_MS)
DELAYS = st.one_of(
    milliseconds_given,
    st.builds(lambda ms: {"type": "fixed", "milliseconds": ms}, milliseconds_given),
    st.builds(
        lambda a, b: {"type": "uniform", "lower": min(a, b), "upper": max(a, b)}, milliseconds_given, milliseconds_given
    ),
    st.builds(lambda m, s: {"type": "lognormal", "median": m, "sigma": s}, st.floats(0.1, 1e9), st.floats(0, 10)),
)
WORDS = st.text(min_size=1, max_size=20).filter(str.isprintable)
MATCHES = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(MODES),
        "requestType": st.sampled_from(["async", "callback"]),
        "prompt": WORDS,
        "nth": st.integers(1, 9),
        "times": st.one_of(st.integers(1, 9), st.just("forever")),
        "chance": st.floats(0.01, 1),
    },
)
EXTRAS = st.dictionaries(WORDS, st.integers(), min_size=1)
OMITTED = st.lists(st.sampled_from(STATUS_FIELDS), min_size=1)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return dictionaries with some of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


def with_(name: str, values: st.SearchStrategy[Any], **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return dictionaries with a field, and some others."""
    return st.fixed_dictionaries({name: values}, optional=optional)


OUTCOMES = st.one_of(
    with_("status", st.sampled_from(sorted(MESSAGES)), message=WORDS, retryAfter=st.integers(0, 99), delay=DELAYS),
    with_("fault", st.sampled_from(FAULTS), afterCommit=st.booleans(), delay=DELAYS),
    with_("failCode", st.sampled_from(FAIL_CODES), generation=DELAYS),
    with_("callback", some(lost=st.booleans(), copies=st.integers(1, 10), delay=DELAYS)),
    with_("drift", some(state=WORDS, extra=EXTRAS, omit=OMITTED, nulls=st.booleans())),
    with_("cut", st.floats(0, 1), bytesPerSecond=st.integers(1, 10**9)),
    with_("delay", DELAYS),
)
SCENARIOS = st.builds(lambda match, outcome: match | outcome, MATCHES, OUTCOMES)
"""Scenarios that `from_dict` reads."""
