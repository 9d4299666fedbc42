"""The limits of a proxy hold whatever is under way."""

from __future__ import annotations

from ltx_mock.core.setting_readers import DEFAULT_PRICES
from ltx_mock.upstream.purse import Limits, Purse


def test_a_request_under_way_counts_until_it_is_clear_that_it_made_no_task() -> None:
    spent: list[tuple[int, int]] = []
    purse = Purse(Limits(tasks=2, credits=10), DEFAULT_PRICES, lambda each: spent.append((each.tasks, each.credits)))
    with purse.under_way(4) as first:
        assert purse.refusal(7) == "--max-credits 10 would be exceeded: 0 are spent, and this task costs 7"
        assert purse.refusal(6) is None
        with purse.under_way(6):
            assert purse.refusal(0) == "--max-tasks 2 is reached"
            first(created=False)
            assert purse.refusal(4) is None
            assert spent == []
        assert (purse.refusal(4), spent) == (None, [(1, 6)])
        assert purse.refusal(5) == "--max-credits 10 would be exceeded: 6 are spent, and this task costs 5"
    assert spent == [(1, 6)], "only the first outcome counts"


def test_a_request_that_cannot_create_a_task_is_not_counted() -> None:
    purse = Purse(Limits(tasks=1), DEFAULT_PRICES, lambda _: None)
    with purse.under_way(None):
        assert purse.refusal(5) is None
    assert (purse.tasks, purse.credits) == (0, 0)


def test_a_request_that_cannot_be_read_costs_as_much_as_the_most_expensive_one() -> None:
    purse = Purse(Limits(), {"480p": 2, "720p": 3, "1080p": 5}, lambda _: None)
    assert purse.price_of(None) == 5 * 20
    assert purse.refusal(10**9) is None, "there is no limit"
