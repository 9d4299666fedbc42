"""The result of checking a server, or a recording of one, against the rules: one verdict for each rule, as data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from ltx_mock_contracts.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ltx_mock_contracts.rules import Source

__all__ = ["BINDING", "OUTCOMES", "Departure", "Deviation", "Outcome", "Report", "Verdict", "VerdictCollector"]

Outcome = Literal["kept", "broken", "observed", "not checked"]
"""A rule that no document states is never broken: another choice than ours is observed."""

OUTCOMES: Final[tuple[Outcome, ...]] = ("kept", "broken", "observed", "not checked")

BINDING: Final[tuple[Source, ...]] = ("spec", "vendor")
"""The sources whose rules a server has to keep."""

_MAX_LISTED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One way in which a server does not follow a rule. Repetitions are counted in it.

    Attributes:
        rule: The id of the rule, a key of `RULES`.
        title: What happened, in one sentence.
        expected: The response that the rule asks for.
        actual: The first response that differs.
        exchanges: The numbers of the exchanges that show it, the first twenty.
        task: The id of the first task affected; None if no task was involved.
        times: How many times it was seen.
        curl: A curl command that repeats the request, without the key.
        request: The decoded body of the first request that shows it; None if it had no JSON body.
        checks: The names of the live checks that saw it; a recording has none.
        kind: A label; deviations from one rule with the same label are counted as one.
        binding: Whether a document states the promise; a rule may also contain choices of the fake.
        sides: In a report on drift what each side says, by its name, and who `moved`; else empty.
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
    sides: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def key(self) -> tuple[str, str, bool]:
        """Deviations with equal keys are counted as one: the rule, the kind (or else the title), and binding."""
        return self.rule, self.kind or self.title, self.binding

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Deviation:
        """Return the deviation that `as_dict` wrote; fields of a newer version are left out."""
        known = {item.name: data[item.name] for item in fields(cls) if item.name in data}
        return cls(**{**known, "exchanges": tuple(data["exchanges"]), "checks": tuple(data["checks"])})

    def breaks(self, sources: Collection[Source]) -> bool:
        """Tell whether its rule counts as broken if a server must keep the rules of these sources."""
        return self.binding and not set(sources).isdisjoint(RULES[self.rule].sources)

    def as_dict(self) -> dict[str, Any]:
        """Return the deviation as a JSON object."""
        given = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "sides"}
        given |= {"sides": dict(self.sides)} if self.sides else {}
        return given | {"exchanges": list(self.exchanges), "checks": list(self.checks)}


Departure = Deviation
"""The former name of `Deviation`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome for one rule.

    Attributes:
        rule: Its id.
        outcome: `kept`, `broken`, `observed` or `not checked`.
        seen: How many times it could be judged. A rule that is not checked may have been judged in part.
        deviations: The evidence against it.
        why: Why it, or a part of it, was not checked.
    """

    rule: str
    outcome: Outcome
    seen: int = 0
    deviations: tuple[Deviation, ...] = ()
    why: str | None = None

    def outcome_of(self, deviation: Deviation) -> Outcome:
        """Return the outcome of one deviation alone: a broken rule may also have deviations that are only observed."""
        return self.outcome if deviation.binding else "observed"

    @property
    def departures(self) -> tuple[Deviation, ...]:
        """The former name of `deviations`."""
        return self.deviations

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        """Return the verdict that `as_dict` wrote."""
        deviations = tuple(map(Deviation.from_dict, data["departures"]))
        return cls(
            rule=data["rule"], outcome=data["outcome"], seen=data["seen"], deviations=deviations, why=data["why"]
        )

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
            "departures": [deviation.as_dict() for deviation in self.deviations],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A verdict for each rule, in the order of the catalogue.

    Attributes:
        verdicts: The verdicts.
        sources: The sources whose rules had to be kept.
        exchanges: How many exchanges were judged.
        counted_in: The unit of exchange numbers, such as the `line` of a file.
        target: The URL of the server that was checked, without user and password; None for a recording.
        seed: The seed of random choices.
        tasks_made: How many tasks the checks made on the server.
        tasks_allowed: How many they were allowed to make; None without a limit.
        reproduce: A command line that repeats the checks; the key is not in it.
        skipped: How many lines or entries of a recording could not be read.
        notes: One sentence for each of the first skipped lines or entries, and for each kind of body that is missing
            from the recording.
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
        """The number of rules with each outcome."""
        found = Counter(verdict.outcome for verdict in self.verdicts)
        return {outcome: found[outcome] for outcome in OUTCOMES}

    def having(self, outcome: Outcome) -> tuple[str, ...]:
        """Return the ids of the rules of one outcome."""
        return tuple(verdict.rule for verdict in self.verdicts if verdict.outcome == outcome)

    def of(self, rule: str) -> Verdict:
        """Return the verdict on a rule.

        Raises:
            KeyError: The report has no verdict on it.
        """
        return {verdict.rule: verdict for verdict in self.verdicts}[rule]

    def only(self, rules: Collection[str]) -> Report:
        """Return the part of the report that is about these rules."""
        return replace(self, verdicts=tuple(verdict for verdict in self.verdicts if verdict.rule in rules))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Report:
        """Return the report that `as_dict` wrote. Rules that are not in the catalogue any more are left out."""
        return cls(
            verdicts=tuple(Verdict.from_dict(each) for each in data["rules"] if each["rule"] in RULES),
            sources=tuple(data["sources"]),
            exchanges=data["exchanges"],
            counted_in=data["countedIn"],
            target=data["target"],
            seed=data["seed"],
            tasks_made=data["tasksMade"],
            tasks_allowed=data["tasksAllowed"],
            reproduce=data["reproduce"],
            skipped=data["skipped"],
            notes=tuple(data["notes"]),
        )

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
class VerdictCollector:
    """Collects what checks judge and find, and makes the verdicts of a report."""

    seen: Counter[str] = field(default_factory=Counter)
    _deviations: dict[tuple[str, str, bool], Deviation] = field(default_factory=dict)

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """The deviations noted so far."""
        return tuple(self._deviations.values())

    def checked(self, *rules: str) -> None:
        """Count that each of these rules was judged once more."""
        self.seen.update(rules)

    def add_deviation(self, deviation: Deviation) -> None:
        """Note a deviation. It is counted with an earlier one of equal key."""
        first = self._deviations.get(deviation.key)
        self._deviations[deviation.key] = deviation if first is None else _merged(first, deviation)

    def merge(self, data: dict[str, Any]) -> None:
        """Add what another collector wrote with `as_dict`."""
        self.seen.update(data["seen"])
        for deviation in data["departures"]:
            self.add_deviation(Deviation.from_dict(deviation))

    def as_dict(self) -> dict[str, Any]:
        """Return all notes as a JSON object, for `merge` in another process."""
        return {
            "seen": dict(self.seen),
            "departures": [deviation.as_dict() for deviation in self._deviations.values()],
        }

    def verdicts(
        self,
        rules: Iterable[str],
        sources: Collection[Source],
        why: dict[str, str],
        *,
        complete: Collection[str] | None = None,
    ) -> tuple[Verdict, ...]:
        """Return a verdict for each of these rules, and for every other rule with a deviation.

        Args:
            rules: The ids of the rules to judge.
            sources: The sources whose rules have to be kept; deviations from others are observed.
            why: By rule, why it or a part of it could not be judged.
            complete: The rules that were judged in full; None means every rule that was judged at all.
        """
        wanted = {*rules, *(rule for rule, *_ in self._deviations)}
        complete = self.seen.keys() if complete is None else complete
        return tuple(self._verdict(rule, sources, why.get(rule), rule in complete) for rule in RULES if rule in wanted)

    def _verdict(self, rule: str, sources: Collection[Source], why: str | None, is_complete: bool) -> Verdict:
        found = tuple(deviation for (about, *_), deviation in self._deviations.items() if about == rule)
        if found:
            seen = max(self.seen[rule], sum(deviation.times for deviation in found))
            broken = any(deviation.breaks(sources) for deviation in found)
            outcome: Outcome = "broken" if broken else "observed"
            return Verdict(rule=rule, outcome=outcome, seen=seen, deviations=found)
        if is_complete and self.seen[rule]:
            return Verdict(rule=rule, outcome="kept", seen=self.seen[rule])
        return Verdict(rule=rule, outcome="not checked", seen=self.seen[rule], why=why or "no exchange showed it")


def _merged(first: Deviation, again: Deviation) -> Deviation:
    return replace(
        first,
        exchanges=tuple(dict.fromkeys(first.exchanges + again.exchanges))[:_MAX_LISTED],
        times=first.times + again.times,
        checks=tuple(dict.fromkeys(first.checks + again.checks)),
    )
