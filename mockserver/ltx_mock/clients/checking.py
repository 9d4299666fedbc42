"""All cases, one after the other, and what they show together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from ltx_mock.clients.cases import Case
from ltx_mock.clients.judging import judge
from ltx_mock.clients.story import Story
from ltx_mock.clients.timing import Timing
from ltx_mock.clients.trial import KEY, Client, play
from ltx_mock_contracts.reporting.redaction import without_keys
from ltx_mock_contracts.rules import RULES
from ltx_mock_contracts.verdicts import Ledger, Report

__all__ = ["Checked", "Played", "checked"]

SOURCES: Final = ("seed", "vendor", "choice")
"""A client has to live with what only the fake has chosen, too: it is what was seen in the wild (CLI-9)."""

RULES_OF_CLIENTS: Final = tuple(rule.id for rule in RULES.values() if rule.group == "CLI")


@dataclass(frozen=True, slots=True)
class Played:
    """One case that was played: what happened, and the rules that the client kept and broke in it."""

    story: Story
    report: Report

    def as_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        ran = self.story.ran
        return {
            "case": self.story.case.name,
            "about": self.story.case.about,
            "expected": self.story.case.end,
            "how": ran.how,
            "seconds": round(ran.seconds, 3),
            "requests": len(self.story.requests),
            "tasks": len(self.story.tasks),
            "kept": list(self.report.having("kept")),
            "broken": list(self.report.broken),
            "output": None if self.report.ok else ran.output,
        }


@dataclass(frozen=True, slots=True)
class Checked:
    """What all cases show: each by itself, and a verdict for each rule."""

    timing: Timing
    played: tuple[Played, ...]
    report: Report

    def as_dict(self) -> dict[str, Any]:
        """Return it as a JSON object; the schema `client-report` describes it."""
        return {
            "format": 1,
            "ok": self.report.ok,
            "timing": str(self.timing),
            "cases": [each.as_dict() for each in self.played],
            "report": self.report.as_dict(),
        }


def checked(
    cases: Iterable[Case],
    timing: Timing,
    client: Client,
    *,
    seed: int = 0,
    fetches: bool = True,
    callback: str | None = None,
    heard: Callable[[Played], None] = lambda _: None,
) -> Checked:
    """Play cases and judge them.

    Args:
        cases: The cases.
        timing: How time goes.
        client: Runs the client once.
        seed: What the fakes draw from.
        fetches: Whether the client fetches results itself.
        callback: Where its receiver listens.
        heard: Is told of each case that was played.
    """
    whole, played = Ledger(), []
    for case in cases:
        story = play(case, timing, client, seed=seed, fetches=fetches, callback=callback)
        ledger = Ledger()
        judge(story, ledger)
        whole.merge(ledger.as_dict())
        played.append(Played(story, _report(ledger, timing, seed, len(story.requests))))
        heard(played[-1])
    return Checked(
        timing, tuple(played), _report(whole, timing, seed, sum(len(each.story.requests) for each in played))
    )


def _report(ledger: Ledger, timing: Timing, seed: int, requests: int) -> Report:
    why = dict.fromkeys(RULES_OF_CLIENTS, "no case of this run shows it")
    why |= {} if timing.shows_waits else {"CLI-2": str(timing)}
    why |= {"CLI-8": "no callback came; --callback has cases for them"}
    verdicts = ledger.verdicts(RULES_OF_CLIENTS, SOURCES, why)
    report = Report(verdicts=verdicts, sources=SOURCES, exchanges=requests, counted_in="request", seed=seed)
    return without_keys(report, [KEY])
