"""Examples of a strategy as a list: the same in every run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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


def drawn(strategy: st.SearchStrategy[Any], kinds: Callable[[Any], Iterable[Any]], wanted: set[Any]) -> set[Any]:
    """Return the kinds of examples that are drawn, as soon as all that are wanted are among them.

    What a seed draws shifts with the modules that are loaded, because Hypothesis takes constants from them. So
    another seed gets a chance before something counts as never drawn.
    """
    seen: set[Any] = set()
    for seed_ in range(8):
        seen |= {kind for example in examples_of(strategy, 200, seed_=seed_) for kind in kinds(example)}
        if seen >= wanted:
            break
    return seen
