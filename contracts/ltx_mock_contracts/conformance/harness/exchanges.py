"""What a check writes down: what it asked and was answered, and what it makes of that."""

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
    """Exchanges, judged together as those of a recording are, and what the check itself noted.

    Attributes:
        exchanges: What was asked and answered, in order.
        collector: What the check noted.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    collector: VerdictCollector = field(default_factory=VerdictCollector)

    @property
    def recorder(self) -> Recorder:
        """Where the check writes."""
        return Recorder(self.collector)

    def judged(self) -> VerdictCollector:
        """Return all that the page shows, with what its exchanges show by themselves."""
        collector = VerdictCollector()
        judge_all(self.exchanges, collector)
        collector.merge(self.collector.as_dict())
        return collector

    def add(self, other: CheckRecord) -> None:
        """Take over what another page has."""
        self.exchanges += other.exchanges
        self.collector.merge(other.collector.as_dict())
