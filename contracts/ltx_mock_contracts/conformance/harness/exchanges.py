"""What a check writes down: what it asked and was answered, and what it makes of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ltx_mock_contracts.trace.check import judge_all
from ltx_mock_contracts.trace.recorder import Recorder
from ltx_mock_contracts.verdicts import Ledger

if TYPE_CHECKING:
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["Page"]


@dataclass(slots=True)
class Page:
    """Exchanges, judged together as those of a recording are, and what the check itself noted.

    Attributes:
        exchanges: What was asked and answered, in order.
        ledger: What the check noted.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def recorder(self) -> Recorder:
        """Where the check writes."""
        return Recorder(self.ledger)

    def judged(self) -> Ledger:
        """Return all that the page shows, with what its exchanges show by themselves."""
        ledger = Ledger()
        judge_all(self.exchanges, ledger)
        ledger.merge(self.ledger.as_dict())
        return ledger

    def add(self, other: Page) -> None:
        """Take over what another page has."""
        self.exchanges += other.exchanges
        self.ledger.merge(other.ledger.as_dict())
