"""The trace that a request belongs to (W3C Trace Context), and its headers in a callback."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, Self

from ltx_mock.core.seeding import digest

TRACEPARENT, TRACESTATE = b"traceparent", b"tracestate"
MAX_STATE = 512
"""The longest `tracestate` that is sent on, in bytes."""
SAMPLED_AND_RANDOM = 0b11
"""The flags that are defined; the others are sent as 0."""

_PARENT = re.compile(
    rb"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
_STATE = re.compile(rb"[ -~]{1,%d}" % MAX_STATE)


class TraceContext(NamedTuple):
    """A trace: its id and its flags, both in hexadecimal digits, and the `tracestate`."""

    trace_id: str
    flags: str
    state: str = ""

    @classmethod
    def of(cls, headers: Mapping[bytes, bytes]) -> Self | None:
        """Return the trace of a request; None without a valid `traceparent`."""
        given = headers.get(TRACEPARENT)
        found = None if given is None else _PARENT.fullmatch(given)
        if found is None or (found["version"] == b"00" and found["more"]):
            return None
        state = headers.get(TRACESTATE, b"")
        return cls(
            found["trace"].decode(),
            f"{int(found['flags'], 16) & SAMPLED_AND_RANDOM:02x}",
            state.decode() if _STATE.fullmatch(state) else "",
        )

    def headers(self, *span: object) -> tuple[tuple[str, str], ...]:
        """Return the headers of a request of ours in this trace; its id as a parent is a digest of these parts."""
        parent = digest("span", self.trace_id, *span)[:8].hex()
        state = (("tracestate", self.state),) if self.state else ()
        return (("traceparent", f"00-{self.trace_id}-{parent}-{self.flags}"), *state)
