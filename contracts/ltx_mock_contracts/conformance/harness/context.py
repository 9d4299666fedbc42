"""The context of a check: its tenants, its record and its results."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Final, NoReturn

from ltx_mock_contracts.conformance.harness.record import CheckRecord
from ltx_mock_contracts.conformance.harness.target import CheckStoppedError
from ltx_mock_contracts.conformance.harness.tenants import Tenants
from ltx_mock_contracts.failure import ContractFailure
from ltx_mock_contracts.trace.curl import curl_line
from ltx_mock_contracts.verdicts import VerdictCollector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ltx_mock_contracts.conformance.harness.target import Target
    from ltx_mock_contracts.conformance.harness.tenant import TenantClient
    from ltx_mock_contracts.trace.exchange import Exchange
    from ltx_mock_contracts.trace.recorder import Recorder
    from ltx_mock_contracts.verdicts import Deviation

__all__ = ["CheckContext"]

_MAX_FURTHER: Final = 5
"""How many further deviations a failure lists."""


class CheckContext:
    """The context of one check of one server.

    Args:
        target: The server.
        name: The name of the check.

    Attributes:
        tenants: Opens tenants and inboxes.
        record: The exchanges to judge, and the check's own results.
        recorded: All exchanges, in order, also those that are not judged.
        tasks_made: How many tasks were made, or may have been.
        curl_lines: The curl lines of special requests, by exchange number.
    """

    def __init__(self, target: Target, name: str) -> None:
        self.target = target
        self.name = name
        self.tenants = Tenants(target, name, self._add_exchange, self._count_task)
        self.record = CheckRecord()
        self.recorded: list[Exchange] = []
        self.tasks_made = 0
        self.curl_lines: dict[int, str] = {}
        self._numbers = count(1)
        self._results: VerdictCollector | None = None

    @property
    def tenant(self) -> TenantClient:
        """The tenant of this check."""
        return self.tenants.first

    @property
    def bounded(self) -> bool:
        """Whether tasks are counted."""
        return self.target.budget.bound is not None

    def is_selected(self, *rules: str) -> bool:
        """Tell whether one of these rules is selected."""
        selected = self.target.options.rules
        return selected is None or not selected.isdisjoint(rules)

    @property
    def ids(self) -> dict[str, tuple[int, str]]:
        """The ids of the tasks made, each with number and curl line of its first exchange."""
        made = [each for each in reversed(self.recorded) if each.operation == "generateTask" and each.status == 200]
        return {str(each.data["taskId"]): (each.number, curl_line(each)) for each in made if each.data.get("taskId")}

    @property
    def recorder(self) -> Recorder:
        """The recorder for functions that judge."""
        return self.record.recorder

    def checked(self, *rules: str) -> None:
        """Note that these rules were judged."""
        self.recorder.checked(*rules)

    def add_deviation(
        self,
        rule: str,
        title: str,
        *exchanges: Exchange,
        expected: str,
        actual: str,
        binding: bool = True,
        kind: str = "",
    ) -> None:
        """Note a deviation; the last of the exchanges is the one that is wrong."""
        self.checked(rule)
        self.recorder.add_deviation(
            rule, title, exchanges, expected=expected, actual=actual, binding=binding, kind=kind
        )

    def ignore_request(self, exchange: Exchange) -> None:
        """Mark the request of an exchange as not recorded, so that the rules for recordings do not judge it."""
        without = replace(exchange, gaps=exchange.gaps | {"request"})
        self.record.exchanges = [without if each is exchange else each for each in self.record.exchanges]

    @contextmanager
    def use_record(self, record: CheckRecord) -> Iterator[None]:
        """Add exchanges and results to another record meanwhile."""
        outer, self.record = self.record, record
        try:
            yield
        finally:
            self.record = outer

    def stop(self, why: str) -> NoReturn:
        """End the check; its results so far count.

        Raises:
            CheckStoppedError: Always.
        """
        raise CheckStoppedError(why)

    def close(self) -> VerdictCollector:
        """Delete the tenants and return the results."""
        self.tenants.close()
        self._results = self._judge()
        return self._results

    def late_results(self) -> VerdictCollector | None:
        """Read the inboxes once more, after all checks, and return the additional results."""
        if self.target.control is not None or self._results is None or not self.tenants.read_inboxes():
            return None
        before = {deviation.key: deviation.times for deviation in self._results.deviations}
        late = VerdictCollector()
        for deviation in self._judge().deviations:
            if deviation.times > before.get(deviation.key, 0):
                late.add_deviation(replace(deviation, times=deviation.times - before.get(deviation.key, 0)))
        return late

    def binding_deviations(self, collector: VerdictCollector) -> list[Deviation]:
        """Return the deviations that break a selected rule."""
        sources = self.target.options.sources
        return [each for each in collector.deviations if each.breaks(sources) and self.is_selected(each.rule)]

    def failure(self, collector: VerdictCollector) -> ContractFailure | None:
        """Return the failure to raise for the results, if any."""
        broken = self.binding_deviations(collector)
        if not broken:
            return None
        first, *further = broken
        story = [first.curl] if first.curl else []
        story += [f"also {each.rule}: {each.title}" for each in further[:_MAX_FURTHER]]
        return ContractFailure(first.title, rule=first.rule, expected=first.expected, actual=first.actual, story=story)

    def _judge(self) -> VerdictCollector:
        """Judge the record, and add the name of the check and the curl lines to the deviations."""
        judged = self.record.judged()
        results = VerdictCollector(seen=judged.seen)
        for deviation in judged.deviations:
            line = self.curl_lines.get(deviation.exchanges[-1]) if deviation.exchanges else None
            results.add_deviation(replace(deviation, checks=(self.name,), curl=line or deviation.curl))
        return results

    def _count_task(self) -> None:
        self.tasks_made += 1

    def _add_exchange(self, exchange: Exchange, error: str | None = None, line: str | None = None) -> Exchange:
        """Number and record an exchange.

        Args:
            exchange: The exchange.
            error: Why there was no response, if so.
            line: A curl line for a special request.

        Raises:
            CheckStoppedError: There was no response.
        """
        numbered = replace(exchange, number=next(self._numbers))
        if line is not None:
            self.curl_lines[numbered.number] = line
        self.recorded.append(numbered)
        self.record.exchanges.append(numbered)
        if error is not None:
            title, expected = f"{exchange.operation} gets no response", "an object with code, message and data"
            self.add_deviation("ENV-1", title, numbered, expected=expected, actual=error)
            raise CheckStoppedError(f"there was no response: {error}")
        return numbered
