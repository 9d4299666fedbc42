"""What an example costs: our strategies beside hypothesis-jsonschema on the same schema, in one run.

Run: python benchmarks/bench_strategies.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import ltx_mock_schemas
from ltx_mock_contracts import strategies

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.independent import from_schema


def milliseconds(strategy: st.SearchStrategy[Any], examples: int) -> float:
    """Return the time of one example; the first ones, with all caches to fill, are not counted."""
    drawn = 0

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(_: Any) -> None:
        nonlocal drawn
        drawn += 1

    draw()
    drawn = 0
    started = time.perf_counter()
    draw()
    return (time.perf_counter() - started) / drawn * 1e3


def compare(schema: str, ours: st.SearchStrategy[Any]) -> None:
    theirs_took = milliseconds(from_schema(ltx_mock_schemas.schema(schema)), 25)
    ours_took = milliseconds(ours, 400)
    print(f"{schema:22}{theirs_took:22.2f}{ours_took:10.2f}{theirs_took / ours_took:9.0f}×")


def main() -> None:
    print(f"{'ms per example':22}{'hypothesis-jsonschema':>22}{'ours':>10}{'faster':>10}")
    compare("generate-request", strategies.valid_requests())
    compare("status-response", strategies.status_envelopes())
    compare("error", strategies.error_envelopes())
    print()
    for name, strategy in {
        "minimal_requests": strategies.minimal_requests(),
        "advisory_requests": strategies.advisory_requests(),
        "invalid_requests": strategies.invalid_requests(),
        "malformed_bodies": strategies.malformed_bodies(),
        "callbacks": strategies.callbacks(),
        "drifted": strategies.drifted(),
        "task_stories": strategies.task_stories(),
    }.items():
        print(f"{name:44}{milliseconds(strategy, 400):10.2f}")


if __name__ == "__main__":
    main()
