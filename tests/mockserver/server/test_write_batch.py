"""Responses that are ready at the same time are written together, and nothing changes for a single connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ltx_mock.core import system_time
from ltx_mock.server.write_batch import LARGE_BYTES, MOST_RESPONSES, MOST_SECONDS, BatchingTransport, WriteBatch

Step = Callable[[asyncio.Transport], None]
Act = Callable[[Callable[[str], asyncio.Transport]], None]
"""Does something to transports, each made by its name."""
SMALL, LARGE = b"small", bytes(LARGE_BYTES)


class Noting(asyncio.Transport):
    """A transport that notes what is done to it, by its name."""

    def __init__(self, name: str, noted: list[tuple[str, bytes | str]]) -> None:
        super().__init__()
        self.name, self.noted, self.closing, self.ended = name, noted, False, False
        """`closing` while it sends what it has, `ended` when nothing can be written any more."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.ended:
            raise RuntimeError("it is closed, or was ended")
        self.noted.append((self.name, bytes(data)))

    def write_eof(self) -> None:
        self.ended = True
        self.noted.append((self.name, "eof"))

    def close(self) -> None:
        self.closing = self.ended = True
        self.noted.append((self.name, "closed"))

    def abort(self) -> None:
        self.closing = self.ended = True
        self.noted.append((self.name, "aborted"))

    def is_closing(self) -> bool:
        return self.closing


def after_a_round(act: Act, requests: int, now: Callable[[], float] = lambda: 0.0) -> list[tuple[str, object]]:
    """Return what happened to transports in the round of the event loop in which something is done, and in the next."""
    noted = list[tuple[str, object]]()

    async def run() -> None:
        waiting = {asyncio.create_task(asyncio.sleep(0)) for _ in range(requests)}
        batch = WriteBatch(waiting)
        act(lambda name: BatchingTransport(Noting(name, noted), batch))  # type: ignore[arg-type]
        noted.append(("", "the round ends"))
        await asyncio.sleep(0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(system_time, "monotonic", now)
        asyncio.run(run())
    return noted


def small_writes(names: Iterable[str], meanwhile: dict[str, Step] | None = None) -> Act:
    """Write once to each of these transports; `meanwhile` happens to the inner one of some while it holds that."""

    def act(transport: Callable[[str], asyncio.Transport]) -> None:
        for name in names:
            each: Any = transport(name)
            each.write(SMALL)
            if meanwhile and name in meanwhile:
                meanwhile[name](each._transport)

    return act


END = ("", "the round ends")


def test_responses_wait_for_the_end_of_the_round() -> None:
    assert after_a_round(small_writes("abc"), requests=5) == [END, ("a", SMALL), ("b", SMALL), ("c", SMALL)]


@pytest.mark.parametrize(("requests", "names"), [(0, "a"), (1, "a"), (2, "ab"), (3, "abc")])
def test_no_response_waits_when_all_requests_have_theirs(requests: int, names: str) -> None:
    assert after_a_round(small_writes(names), requests) == [*((name, SMALL) for name in names), END]


def test_at_most_so_many_responses_wait() -> None:
    names = [str(number) for number in range(MOST_RESPONSES + 2)]
    noted = [name for name, _ in after_a_round(small_writes(names), requests=100)]
    assert noted == [*names[:MOST_RESPONSES], "", *names[MOST_RESPONSES:]]


def test_a_client_that_is_gone_meanwhile_costs_no_other_its_response() -> None:
    happened = after_a_round(small_writes("abc", {"b": lambda inner: inner.close()}), requests=5)
    assert happened == [("b", "closed"), END, ("a", SMALL), ("c", SMALL)]


def test_a_response_that_cannot_be_written_costs_no_other_its_own(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL + 1):
        happened = after_a_round(small_writes("abc", {"b": lambda inner: inner.write_eof()}), requests=5)
    assert happened == [("b", "eof"), END, ("a", SMALL), ("b", "aborted"), ("c", SMALL)]


def test_nothing_waits_for_a_slow_round() -> None:
    times = iter([0.0, 1.1 * MOST_SECONDS, 2.0])
    happened = after_a_round(small_writes("abc"), requests=5, now=lambda: next(times))
    assert happened == [("a", SMALL), ("b", SMALL), END, ("c", SMALL)]


def test_a_transport_that_closes_by_itself_sends_all_that_is_written_meanwhile() -> None:
    def act(transport: Callable[[str], asyncio.Transport]) -> None:
        each: Any = transport("a")
        each.write(SMALL)
        each.flush()
        each._transport.closing = True
        each.write(SMALL)
        each.write(LARGE)

    assert after_a_round(act, requests=5) == [("a", SMALL), ("a", SMALL), ("a", LARGE), ("", "the round ends")]


STEPS: dict[str, Step] = {
    "small": lambda transport: transport.write(SMALL),
    "large": lambda transport: transport.write(LARGE),
    "nothing": lambda transport: transport.write(b""),
    "eof": lambda transport: transport.write_eof(),
}
ENDS: dict[str, Step] = {
    "close": lambda transport: transport.close(),
    "abort": lambda transport: transport.abort(),
    "open": lambda _: None,
}


@example(["small", "eof"], "open", 3)
@example(["eof", "small"], "open", 3)
@example(["small", "large", "small"], "close", 3)
@example(["small"], "abort", 3)
@given(st.lists(st.sampled_from(sorted(STEPS))), st.sampled_from(sorted(ENDS)), st.integers(0, 3))
def test_all_that_is_done_to_a_transport_is_done_in_its_order(steps: list[str], end: str, requests: int) -> None:
    def errors_of(transport: asyncio.Transport) -> list[bool]:
        """Do it all, and return which steps have raised an error."""
        errors = list[bool]()
        for act in [*(STEPS[step] for step in steps), ENDS[end]]:
            try:
                act(transport)
                errors.append(False)
            except RuntimeError:
                errors.append(True)
        return errors

    direct, errors = list[tuple[str, object]](), list[list[bool]]()
    errors.append(errors_of(Noting("a", direct)))  # type: ignore[arg-type]
    happened = after_a_round(lambda transport: errors.append(errors_of(transport("a"))), requests)
    assert [each for each in happened if each[0] and each[1]] == [each for each in direct if each[1]]
    assert errors[0] == errors[1]
    if end != "open":
        assert happened[-1] == ("", "the round ends")
