"""`traceparent` and `tracestate`: what is a trace, and what is sent on (W3C Trace Context)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock.core.trace_context import TraceContext

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


def trace_of(parent: str, state: str = "") -> TraceContext | None:
    headers = {b"traceparent": parent.encode("latin-1")} | ({b"tracestate": state.encode("latin-1")} if state else {})
    return TraceContext.of(headers)


def test_the_example_of_the_specification() -> None:
    assert trace_of(PARENT, "congo=t61rcWkgMzE") == TraceContext(TRACE, "01", "congo=t61rcWkgMzE")
    assert TraceContext.of({}) is None


@pytest.mark.parametrize(
    "parent",
    [
        *("", TRACE, PARENT.upper(), f" {PARENT}", f"{PARENT}\n", PARENT[:-1], f"{PARENT}0", f"{PARENT}-more"),
        *(f"ff-{TRACE}-{SPAN}-01", f"0-{TRACE}-{SPAN}-01", f"01-{TRACE}-{SPAN}-01more"),
        *(f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE[:-1]}g-{SPAN}-01"),
    ],
)
def test_what_is_no_trace_is_ignored(parent: str) -> None:
    assert trace_of(parent) is None


@pytest.mark.parametrize("parent", [f"01-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-of-a-later-version"])
def test_a_later_version_is_read_as_far_as_it_is_known(parent: str) -> None:
    trace = trace_of(parent)
    assert trace is not None
    assert trace.headers()[0][1].startswith(f"00-{TRACE}-")


@pytest.mark.parametrize(("given", "sent"), [("00", "00"), ("01", "01"), ("03", "03"), ("fd", "01"), ("f8", "00")])
def test_flags_that_are_not_defined_are_not_sent_on(given: str, sent: str) -> None:
    trace = trace_of(f"00-{TRACE}-{SPAN}-{given}")
    assert trace is not None
    assert trace.flags == sent


@pytest.mark.parametrize("state", ["", "x" * 513, "caf\xe9=1", "a=\x7f"])
def test_a_state_that_is_none_is_left_out(state: str) -> None:
    trace = trace_of(PARENT, state)
    assert trace is not None
    assert [name for name, _ in trace.headers()] == ["traceparent"]


@given(st.integers(0, 2**64), st.text(), st.integers(0, 3))
def test_the_same_parts_give_the_same_valid_header(seed: int, delivery: str, attempt: int) -> None:
    trace = TraceContext(TRACE, "01", "a=1")
    headers = trace.headers(seed, delivery, attempt)
    assert headers == trace.headers(seed, delivery, attempt) != trace.headers(seed, delivery, attempt + 1)
    assert re.fullmatch(rf"00-{TRACE}-[0-9a-f]{{16}}-01", dict(headers)["traceparent"])
    assert TraceContext.of({name.encode(): value.encode() for name, value in headers}) == trace
