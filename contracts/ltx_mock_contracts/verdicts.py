"""What comes of holding a server, or a recording of one, to the rules: a verdict for each, as data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from ltx_mock_contracts.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ltx_mock_contracts.rules import Source

__all__ = ["BINDING", "OUTCOMES", "Departure", "Ledger", "Outcome", "Report", "Verdict"]

Outcome = Literal["kept", "broken", "observed", "not checked"]
"""A rule that no document states is never broken: another choice than ours is observed."""

OUTCOMES: Final[tuple[Outcome, ...]] = ("kept", "broken", "observed", "not checked")

BINDING: Final[tuple[Source, ...]] = ("spec", "vendor")
"""The sources whose rules a server has to keep."""

_LISTED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """One way in which a server departed from a rule, however many times it did.

    Attributes:
        rule: The id of the rule, a key of `RULES`.
        title: What happened, in one sentence.
        expected: What should have come.
        actual: What came, the first time.
        exchanges: The numbers of the exchanges that show it, the first twenty.
        task: The task that it was about the first time, where it was about one.
        times: How often it was seen.
        curl: A command line that makes the request again; the key is not in it.
        request: The decoded body of the request that shows it, the first time; None where there is none.
        checks: The names of the live checks that saw it; a recording has none.
        kind: What it has in common with the same departure elsewhere; those are counted as one.
        binding: Whether it is from what a document says; a rule may also say what we have chosen.
    """

    rule: str
    title: str
    expected: str
    actual: str
    exchanges: tuple[int, ...] = ()
    task: str | None = None
    times: int = 1
    curl: str | None = None
    request: Any = None
    checks: tuple[str, ...] = ()
    kind: str = ""
    binding: bool = True

    @property
    def key(self) -> tuple[str, str, bool]:
        """What departures that are counted as one have in common: the rule, the kind or else the title, and binding."""
        return self.rule, self.kind or self.title, self.binding

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Departure:
        """Return the departure that `as_dict` told."""
        return cls(**{**told, "exchanges": tuple(told["exchanges"]), "checks": tuple(told["checks"])})

    def breaks(self, sources: Collection[Source]) -> bool:
        """Tell whether it breaks its rule, where the rules of these sources have to be kept."""
        return self.binding and not set(sources).isdisjoint(RULES[self.rule].sources)

    def as_dict(self) -> dict[str, Any]:
        """Return the departure as a JSON object."""
        return {
            "rule": self.rule,
            "title": self.title,
            "expected": self.expected,
            "actual": self.actual,
            "exchanges": list(self.exchanges),
            "task": self.task,
            "times": self.times,
            "curl": self.curl,
            "request": self.request,
            "checks": list(self.checks),
            "kind": self.kind,
            "binding": self.binding,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found out about one rule.

    Attributes:
        rule: Its id.
        outcome: `kept`, `broken`, `observed` or `not checked`.
        seen: How often it could be judged. A rule that is not checked may have been seen in part.
        departures: What spoke against it.
        why: Why it was not checked, or which part of it was not.
    """

    rule: str
    outcome: Outcome
    seen: int = 0
    departures: tuple[Departure, ...] = ()
    why: str | None = None

    def outcome_of(self, departure: Departure) -> Outcome:
        """Return what one of the departures is by itself: a broken rule may also show another choice than ours."""
        return self.outcome if departure.binding else "observed"

    def as_dict(self) -> dict[str, object]:
        """Return the verdict as a JSON object."""
        rule = RULES[self.rule]
        return {
            "rule": self.rule,
            "text": rule.text,
            "sources": list(rule.sources),
            "outcome": self.outcome,
            "seen": self.seen,
            "why": self.why,
            "departures": [departure.as_dict() for departure in self.departures],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A verdict for each rule, in the order of the catalogue.

    Attributes:
        verdicts: The verdicts.
        sources: The sources whose rules had to be kept.
        exchanges: How many exchanges were judged.
        counted_in: What the numbers of exchanges count, such as the `line` of a file.
        target: The URL of the server that was checked, without user and password; None for a recording.
        seed: What chance was drawn from.
        tasks_made: How many tasks the checks made on the server.
        tasks_allowed: How many they were allowed to make; None when there is no bound.
        reproduce: A command line that does the same checks again; the key is not in it.
        skipped: How many lines or entries of a recording could not be read.
        notes: What of a recording could not be read or is not in it: a sentence for each of the first that were
            skipped, and for each kind of body that is missing.
    """

    verdicts: tuple[Verdict, ...]
    sources: tuple[Source, ...] = BINDING
    exchanges: int = 0
    counted_in: str = "exchange"
    target: str | None = None
    seed: int | None = None
    tasks_made: int | None = None
    tasks_allowed: int | None = None
    reproduce: str | None = None
    skipped: int = 0
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no rule is broken."""
        return not self.broken

    @property
    def broken(self) -> tuple[str, ...]:
        """The ids of the rules that are broken."""
        return self.having("broken")

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many rules there are of each outcome."""
        found = Counter(verdict.outcome for verdict in self.verdicts)
        return {outcome: found[outcome] for outcome in OUTCOMES}

    def having(self, outcome: Outcome) -> tuple[str, ...]:
        """Return the ids of the rules of one outcome."""
        return tuple(verdict.rule for verdict in self.verdicts if verdict.outcome == outcome)

    def of(self, rule: str) -> Verdict:
        """Return the verdict on one rule.

        Raises:
            KeyError: The report says nothing about it.
        """
        return {verdict.rule: verdict for verdict in self.verdicts}[rule]

    def only(self, rules: Collection[str]) -> Report:
        """Return the part of the report that is about these rules."""
        return replace(self, verdicts=tuple(verdict for verdict in self.verdicts if verdict.rule in rules))

    def as_dict(self) -> dict[str, Any]:
        """Return the report as a JSON object; the schema `check-report` describes it."""
        return {
            "format": 1,
            "ok": self.ok,
            "sources": list(self.sources),
            "exchanges": self.exchanges,
            "countedIn": self.counted_in,
            "target": self.target,
            "seed": self.seed,
            "tasksMade": self.tasks_made,
            "tasksAllowed": self.tasks_allowed,
            "reproduce": self.reproduce,
            "skipped": self.skipped,
            "notes": list(self.notes),
            "counts": dict(self.counts),
            "rules": [verdict.as_dict() for verdict in self.verdicts],
        }


@dataclass(slots=True)
class Ledger:
    """Where checks write down what they see; the report is made of it."""

    seen: Counter[str] = field(default_factory=Counter)
    _departures: dict[tuple[str, str, bool], Departure] = field(default_factory=dict)

    @property
    def departures(self) -> tuple[Departure, ...]:
        """What spoke against the rules so far."""
        return tuple(self._departures.values())

    def saw(self, *rules: str) -> None:
        """Note that these rules could be judged, once more."""
        self.seen.update(rules)

    def depart(self, departure: Departure) -> None:
        """Note a departure. One of a kind that is known is counted with it."""
        first = self._departures.get(departure.key)
        self._departures[departure.key] = departure if first is None else _folded(first, departure)

    def merge(self, told: dict[str, Any]) -> None:
        """Note all that another ledger told with `as_dict`, as if it had been noted here."""
        self.seen.update(told["seen"])
        for departure in told["departures"]:
            self.depart(Departure.from_dict(departure))

    def add_report(self, report: Report) -> None:
        """Note all that a report saw: how often its rules could be judged, and what spoke against them."""
        for verdict in report.verdicts:
            self.seen[verdict.rule] += verdict.seen
            for departure in verdict.departures:
                self.depart(departure)

    def as_dict(self) -> dict[str, Any]:
        """Return what was noted as a JSON object, for `merge` in another process."""
        return {
            "seen": dict(self.seen),
            "departures": [departure.as_dict() for departure in self._departures.values()],
        }

    def verdicts(
        self,
        rules: Iterable[str],
        sources: Collection[Source],
        why: dict[str, str],
        *,
        complete: Collection[str] | None = None,
    ) -> tuple[Verdict, ...]:
        """Return a verdict for each of these rules, and for each other that was departed from.

        Args:
            rules: What should be judged.
            sources: The sources whose rules have to be kept; departures from others are observed.
            why: Why a rule could not be judged, where it was not, or what of it was not seen.
            complete: The rules of which all was seen that there is to see; None means each that was seen at all.
        """
        wanted = {*rules, *(rule for rule, *_ in self._departures)}
        whole = self.seen.keys() if complete is None else complete
        return tuple(self._verdict(rule, sources, why.get(rule), rule in whole) for rule in RULES if rule in wanted)

    def _verdict(self, rule: str, sources: Collection[Source], why: str | None, whole: bool) -> Verdict:
        found = tuple(departure for (about, *_), departure in self._departures.items() if about == rule)
        if found:
            seen = max(self.seen[rule], sum(departure.times for departure in found))
            broken = any(departure.breaks(sources) for departure in found)
            outcome: Outcome = "broken" if broken else "observed"
            return Verdict(rule=rule, outcome=outcome, seen=seen, departures=found)
        if whole and self.seen[rule]:
            return Verdict(rule=rule, outcome="kept", seen=self.seen[rule])
        return Verdict(rule=rule, outcome="not checked", seen=self.seen[rule], why=why or "nothing showed it")


def _folded(first: Departure, again: Departure) -> Departure:
    return replace(
        first,
        exchanges=tuple(dict.fromkeys(first.exchanges + again.exchanges))[:_LISTED],
        times=first.times + again.times,
        checks=tuple(dict.fromkeys(first.checks + again.checks)),
    )
