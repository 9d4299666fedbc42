"""How the checks of a trace write down what they find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.trace.curl import curl_line
from ltx_mock_contracts.validation.findings import show
from ltx_mock_contracts.verdicts import Departure, Ledger

if TYPE_CHECKING:
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["RANK", "Recorder", "describe_response", "differing", "seconds"]

_CONTEXT: Final = 20

RANK: Final = {"pending": 0, "processing": 1, "success": 2, "failed": 2}
"""How far a task in a state is."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes into a ledger, with what the exchanges themselves know."""

    ledger: Ledger

    def saw(self, *rules: str) -> None:
        """Note that these rules could be judged."""
        self.ledger.saw(*rules)

    def depart(
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
        """Note a departure; the last of the exchanges is the one that is wrong."""
        about = exchanges[-1]
        task = about.data.get("taskId") or about.asked
        self.ledger.depart(
            Departure(
                rule=rule,
                title=title,
                expected=expected,
                actual=actual,
                exchanges=tuple(exchange.number for exchange in exchanges),
                task=task if isinstance(task, str) and task else None,
                curl=curl_line(about),
                request=None if about.operation == "callback" else about.request,
                kind=kind,
                binding=binding,
            )
        )


def describe_response(exchange: Exchange) -> str:
    """Return what was answered, in short: status and message, id or state."""
    data, answer = exchange.data, exchange.answer
    word: Any = data.get("state") or data.get("taskId")
    if word is None:
        word = answer.get("message", answer) if isinstance(answer, dict) else answer
    return f"{exchange.status}, {show(word)}"


def differing(one: dict[str, Any], other: dict[str, Any]) -> tuple[str, str]:
    """Return in short the first field in which two objects differ, as it is in each of them."""
    name = next(name for name in {**one, **other} if one.get(name, ...) != other.get(name, ...))
    skipped = max(0, _common(one.get(name), other.get(name)) - _CONTEXT)
    return _field(one, name, skipped), _field(other, name, skipped)


def _common(one: object, other: object) -> int:
    """Return with how many characters two texts begin alike; none, where they are no texts."""
    if not isinstance(one, str) or not isinstance(other, str):
        return 0
    return next((index for index, pair in enumerate(zip(one, other, strict=False)) if len(set(pair)) > 1), 0)


def _field(data: dict[str, Any], name: str, skipped: int) -> str:
    if name not in data:
        return f"no {show(name)[1:-1]}"
    value = data[name]
    return f"{show(name)[1:-1]} {show('…' + value[skipped:] if skipped else value)}"


def seconds(milliseconds: int) -> str:
    """Return a span of time for people."""
    return f"{milliseconds / 1000:g} s"
