"""Judges the exchanges of a run by the rules for recordings, and fails at the first deviation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import event

from ltx_mock_contracts.trace.callbacks import judge_callbacks
from ltx_mock_contracts.trace.histories import TaskHistories
from ltx_mock_contracts.trace.recorder import Recorder
from ltx_mock_contracts.trace.requests import judge_request
from ltx_mock_contracts.trace.responses import judge_response
from ltx_mock_contracts.trace.tasks import judge_task
from ltx_mock_contracts.verdicts import BINDING

if TYPE_CHECKING:
    from ltx_mock_contracts.stateful.log import RunLog
    from ltx_mock_contracts.trace.exchange import Exchange
    from ltx_mock_contracts.trace.histories import TaskHistory
    from ltx_mock_contracts.verdicts import Deviation

__all__ = ["Judge"]


@dataclass(frozen=True, slots=True)
class _FirstDeviation:
    """Raises a `ContractFailure` at the first binding deviation; others become Hypothesis events.

    Attributes:
        log: The steps of the run.
        choices: Whether the undocumented choices of the fake are binding too.
    """

    log: RunLog
    choices: bool

    def checked(self, *rules: str) -> None:
        """See `Sink`; a run does not count judged rules."""

    def add_deviation(self, deviation: Deviation) -> None:
        """See `Sink`."""
        if self.choices or deviation.breaks(BINDING):
            raise self.log.failure(deviation)
        event(f"{deviation.rule} is not kept: {deviation.title}")


class Judge:
    """Judges the exchanges of a run one by one, each together with the earlier ones of its task.

    Attributes:
        recorder: Receives the deviations that an action finds.
    """

    def __init__(self, log: RunLog, *, choices: bool) -> None:
        self.recorder = Recorder(_FirstDeviation(log, choices))
        # Undocumented parts of a response are advisories; no choice of the fake forbids them.
        self._responses = Recorder(_FirstDeviation(log, choices=False))
        self._histories = TaskHistories(self.recorder)

    def judge(self, exchange: Exchange) -> TaskHistory | None:
        """Judge an exchange, and return the history of its task, if any.

        Raises:
            ContractFailure: It breaks a rule, alone or together with earlier exchanges.
        """
        valid = judge_response(self._responses, exchange)
        judge_request(self.recorder, exchange)
        history = self._histories.add(exchange) if valid else None
        if history is not None:
            judge_task(self.recorder, history)
            judge_callbacks(self.recorder, history, received=True)
        return history
