"""The record of a check: its exchanges, and the results that it has noted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ltx_mock_contracts.trace.check import judge_all
from ltx_mock_contracts.trace.recorder import Recorder
from ltx_mock_contracts.verdicts import VerdictCollector

if TYPE_CHECKING:
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["CheckRecord"]


@dataclass(slots=True)
class CheckRecord:
    """The exchanges of a check, to be judged like a recording, and the check's own results.

    Attributes:
        exchanges: The exchanges, in order.
        collector: The results that the check noted.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    collector: VerdictCollector = field(default_factory=VerdictCollector)

    @property
    def recorder(self) -> Recorder:
        """The recorder of the check."""
        return Recorder(self.collector)

    def judged(self) -> VerdictCollector:
        """Return the noted results, together with those of the rules for recordings."""
        collector = VerdictCollector()
        judge_all(self.exchanges, collector)
        collector.merge(self.collector.as_dict())
        return collector

    def add(self, other: CheckRecord) -> None:
        """Add another record."""
        self.exchanges += other.exchanges
        self.collector.merge(other.collector.as_dict())
