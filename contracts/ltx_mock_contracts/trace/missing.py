"""Describe the gaps of a recording in sentences, for the notes of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ltx_mock_contracts.trace.exchange import Exchange, Trace

__all__ = ["describe_gaps"]

_SHOWN: Final = 5


def describe_gaps(exchanges: Sequence[Exchange], recording: Trace) -> Iterator[str]:
    """Return notes on skipped entries (the first few one by one) and on missing bodies.

    Args:
        exchanges: The judged exchanges.
        recording: The recording as it was read.
    """
    for problem in recording.skipped[:_SHOWN]:
        yield f"skipped {problem}"
    more = len(recording.skipped) - _SHOWN
    if more > 0:
        yield f"skipped {more} more {_lines(recording, more)}"
    requests = [each for each in exchanges if "request" in each.gaps and each.operation != "other"]
    responses = [each for each in exchanges if "answer" in each.gaps and _needs_response(each)]
    for part, affected in (("request", requests), ("response", responses)):
        if affected:
            yield f"not recorded: the body of the {part} in {_lines(recording, len(affected))} {_numbers(affected)}"


def _needs_response(exchange: Exchange) -> bool:
    return exchange.status is not None and exchange.operation not in {"callback", "other"}


def _lines(recording: Trace, count: int) -> str:
    if count == 1:
        return recording.counted_in
    return "entries" if recording.counted_in == "entry" else f"{recording.counted_in}s"


def _numbers(exchanges: Sequence[Exchange]) -> str:
    more = len(exchanges) - _SHOWN
    listed = ", ".join(str(each.number) for each in exchanges[:_SHOWN])
    return f"{listed} and {more} more" if more > 0 else listed
