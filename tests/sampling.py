"""Examples of a strategy as a list: the same in every run."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st


def examples_of(strategy: st.SearchStrategy[Any], count: int = 150, *, seed_: int = 0) -> list[Any]:
    """Draw examples without shrinking, saving or random choice."""
    drawn: list[Any] = []

    @seed(seed_)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: Any) -> None:
        drawn.append(example)

    collect()
    return drawn
