"""How checks of exchanges report deviations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from ltx_mock_contracts.trace.curl import curl_line
from ltx_mock_contracts.validation.findings import show
from ltx_mock_contracts.verdicts import Deviation

if TYPE_CHECKING:
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["Recorder", "Sink", "describe_response", "first_difference", "seconds", "summary"]

_KEPT_CHARACTERS: Final = 20


class Sink(Protocol):
    """Receives the results of checks: a `VerdictCollector` keeps them, a test may fail at the first deviation."""

    def checked(self, *rules: str) -> None:
        """Note that these rules could be judged."""

    def add_deviation(self, deviation: Deviation) -> None:
        """Handle a deviation."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """Makes deviations from exchanges and passes them to a sink.

    Attributes:
        sink: Receives the deviations.
    """

    sink: Sink

    def checked(self, *rules: str) -> None:
        """Note that these rules could be judged."""
        self.sink.checked(*rules)

    def add_deviation(
        self,
        rule: str,
        title: str,
        exchanges: tuple[Exchange, ...],
        *,
        expected: str,
        actual: str,
        kind: str = "",
        binding: bool = True,
    ) -> None:
        """Note a deviation; the last of the exchanges is the one that is wrong."""
        wrong = exchanges[-1]
        self.sink.add_deviation(
            Deviation(
                rule=rule,
                title=title,
                expected=expected,
                actual=actual,
                exchanges=tuple(exchange.number for exchange in exchanges),
                task=wrong.task_id or None,
                curl=curl_line(wrong),
                request=None if wrong.operation == "callback" else wrong.request,
                kind=kind,
                binding=binding,
            )
        )


def describe_response(exchange: Exchange) -> str:
    """Return status and message, id or state of a response, as text."""
    return f"{exchange.status}, {show(summary(exchange))}"


def summary(exchange: Exchange) -> Any:
    """Return the most informative value of a response: a state, an id, a message, or the whole body."""
    data, answer = exchange.data, exchange.answer
    word = data.get("state") or data.get("taskId")
    if word is None:
        word = answer.get("message", answer) if isinstance(answer, dict) else answer
    return word


def first_difference(first: dict[str, Any], second: dict[str, Any]) -> tuple[str, str]:
    """Return the first field in which two objects differ, as a short text for each of them."""
    name = next(name for name in {**first, **second} if first.get(name, ...) != second.get(name, ...))
    skipped = max(0, _common(first.get(name), second.get(name)) - _KEPT_CHARACTERS)
    return _field(first, name, skipped), _field(second, name, skipped)


def _common(first: object, second: object) -> int:
    """Return the length of the common prefix of two texts; 0 for other values."""
    if not isinstance(first, str) or not isinstance(second, str):
        return 0
    return next((index for index, pair in enumerate(zip(first, second, strict=False)) if len(set(pair)) > 1), 0)


def _field(data: dict[str, Any], name: str, skipped: int) -> str:
    if name not in data:
        return f"no {show(name)[1:-1]}"
    value = data[name]
    return f"{show(name)[1:-1]} {show('…' + value[skipped:] if skipped else value)}"


def seconds(milliseconds: int) -> str:
    """Return a duration as text."""
    return f"{milliseconds / 1000:g} s"
