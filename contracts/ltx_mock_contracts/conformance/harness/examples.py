"""Generated examples of a check: all are tried, and the smallest of those with a deviation is reported."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from ltx_mock_contracts.conformance.harness.record import CheckRecord
from ltx_mock_contracts.conformance.harness.target import CheckStoppedError
from ltx_mock_contracts.verdicts import VerdictCollector

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

    from ltx_mock_contracts.conformance.harness.context import CheckContext

__all__ = ["for_each_example"]

T = TypeVar("T")


def for_each_example(
    context: CheckContext,
    examples: SearchStrategy[T],
    attempt: Callable[[T], None],
    *,
    rule_of: Callable[[T], str] | None = None,
) -> None:
    """Call a function with many examples. Of those with a deviation only the smallest is kept.

    If tasks are counted, the first deviation ends the loop.

    Args:
        context: The context of the check.
        examples: A strategy.
        attempt: The function.
        rule_of: Returns the rule that a deviation from GEN-17 breaks, given the example.

    Raises:
        CheckStoppedError: `attempt` stopped the check.
    """
    from ltx_mock_contracts.fuzzing.deterministic import draw  # noqa: PLC0415 - Hypothesis is slow to import

    options = context.target.options
    if not options.max_examples:
        raise CheckStoppedError("no examples are generated (--max-examples 0)")
    smallest: tuple[int, CheckRecord, T] | None = None
    try:
        for example in draw(examples, options.max_examples, options.seed, context.name):
            record = CheckRecord()
            try:
                with context.use_record(record):
                    attempt(example)
            finally:
                if not context.binding_deviations(record.judged()):
                    context.record.add(record)
                elif smallest is None or _size(example) < smallest[0]:
                    smallest = _size(example), record, example
            if smallest is not None and context.bounded:
                break
    finally:
        if smallest is not None:
            _, record, example = smallest
            if rule_of is not None:
                record.collector = _attributed(record.collector, rule_of(example))
            context.record.add(record)


def _attributed(collector: VerdictCollector, rule: str) -> VerdictCollector:
    """Return a copy of a collector with deviations from GEN-17 attributed to another rule."""
    copy = VerdictCollector(seen=collector.seen)
    for deviation in collector.deviations:
        copy.add_deviation(replace(deviation, rule=rule) if deviation.rule == "GEN-17" else deviation)
    return copy


def _size(example: object) -> int:
    """Return the size of an example in bytes."""
    body = getattr(example, "body", getattr(example, "raw", example))
    return len(body) if isinstance(body, bytes) else len(json.dumps(body))
