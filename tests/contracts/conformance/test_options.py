"""The options of the checks."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from ltx_mock_contracts.conformance.harness.options import Options


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"timeout": nan}, "timeout must be 0.1 to 86400, not nan"),
        ({"timeout": inf}, "timeout must be 0.1 to 86400, not inf"),
        ({"time_budget": -1}, "time_budget must be 0 to 86400, not -1"),
        ({"poll_every": 0}, "poll_every must be 0.05 to 86400, not 0"),
        ({"callback_port": 65_536}, "callback_port must be 0 to 65535, not 65536"),
        ({"max_tasks": -1}, "max_tasks must be at least 0, not -1"),
    ],
)
def test_a_number_out_of_its_range_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=f"^{told}$"):
        Options(url="http://127.0.0.1:9", **given)


def test_where_there_is_no_limit_any_number_may_be_given_or_none() -> None:
    options = Options(url="http://127.0.0.1:9", max_tasks=10**30, time_budget=None)
    assert (options.max_tasks, options.time_budget) == (10**30, None)


def test_a_traceback_shows_no_key_and_no_token() -> None:
    options = Options(url="http://127.0.0.1:9", api_key="one-key", other_key="another-key", admin_token="a-token")
    assert "timeout=10.0" in repr(options)
    assert not [secret for secret in options.secrets if secret in repr(options)]
    assert len(options.secrets) == 3


def test_options_with_the_same_values_are_equal_and_have_one_hash() -> None:
    first, second = (Options(url="http://127.0.0.1:1", api_key="sk-1", max_examples=3) for _ in range(2))
    assert {first} == {second}
    assert first != replace(first, api_key="sk-2")
    assert first != "http://127.0.0.1:1"
