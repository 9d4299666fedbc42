"""Describe the gaps of a recording in sentences, for the notes of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ltx_mock_contracts.trace.exchange import Exchange, Trace

__all__ = ["what_is_missing"]

_SHOWN: Final = 5


def what_is_missing(exchanges: Sequence[Exchange], read: Trace) -> Iterator[str]:
    """Return notes on skipped entries (the first few one by one) and on missing bodies.

    Args:
        exchanges: The judged exchanges.
        read: The trace as it was read.
    """
    for problem in read.skipped[:_SHOWN]:
        yield f"skipped {problem}"
    more = len(read.skipped) - _SHOWN
    if more > 0:
        yield f"skipped {more} more {_lines(read, more)}"
    requests = [each for each in exchanges if "request" in each.gaps and each.operation != "other"]
    responses = [each for each in exchanges if "answer" in each.gaps and _needs_response(each)]
    for what, of in (("request", requests), ("response", responses)):
        if of:
            yield f"not recorded: the body of the {what} in {_lines(read, len(of))} {_numbers(of)}"


def _needs_response(exchange: Exchange) -> bool:
    return exchange.status is not None and exchange.operation not in {"callback", "other"}


def _lines(read: Trace, count: int) -> str:
    if count == 1:
        return read.counted_in
    return "entries" if read.counted_in == "entry" else f"{read.counted_in}s"


def _numbers(exchanges: Sequence[Exchange]) -> str:
    more = len(exchanges) - _SHOWN
    listed = ", ".join(str(each.number) for each in exchanges[:_SHOWN])
    return f"{listed} and {more} more" if more > 0 else listed
