"""What a generateTask says of its sender, besides its body."""

from __future__ import annotations

from typing import NamedTuple

from ltx_mock.core.trace_context import TraceContext


class Caller(NamedTuple):
    """The sender of a generateTask.

    Attributes:
        root: The root URL that it used.
        page: The origin of the foreign page that it is, if any.
        idempotency_key: The value of its `Idempotency-Key`.
        trace: The trace that the request belongs to.
    """

    root: str
    page: str | None = None
    idempotency_key: str | None = None
    trace: TraceContext | None = None
