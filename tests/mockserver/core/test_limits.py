"""The limits of a key as values and counters, apart from any store."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock.core.limits import RequestWindow
from ltx_mock.core.setting_readers import Rate

RATE = Rate(3, 1000)


@pytest.mark.rule("LIM-1")
@given(st.lists(st.integers(0, 700), max_size=40))
def test_no_window_takes_more_requests_than_the_limit_and_each_wait_is_long_enough(gaps: list[int]) -> None:
    window, now, taken = RequestWindow(RATE, 0), 0, list[int]()
    for gap in gaps:
        now += gap
        wait = window.take(RATE, now)
        if wait:
            assert 0 < wait <= RATE.window_ms
            assert window.ends(RATE) == now + wait
        else:
            taken.append(now)
    opened = 0
    while opened < len(taken):
        inside = [moment for moment in taken[opened:] if moment < taken[opened] + RATE.window_ms]
        assert len(inside) <= RATE.count
        opened += len(inside)
