"""Test cases for any language: a request or a response, and the expected result.

A case depends only on the seed, its kind, its family and its index in the family. So a larger count keeps the cases of
a smaller one, and selecting a rule does not change its cases.
"""

from __future__ import annotations

import re
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ltx_mock_contracts import strategies
from ltx_mock_contracts.fuzzing.deterministic import draw
from ltx_mock_contracts.fuzzing.responses import ANSWERS, Answer
from ltx_mock_contracts.model import MODES
from ltx_mock_contracts.strategies._choose import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from hypothesis.strategies import SearchStrategy

    from ltx_mock_contracts.strategies import AdvisedRequest, Body, Envelope, InvalidRequest, MalformedBytes

__all__ = ["FORMAT", "KINDS", "Corpus", "corpus"]

Case = dict[str, Any]
"""A JSON object; the schema `fuzz-case` describes it."""

FORMAT: Final = 1
"""The version of the format of cases and index."""

_MIN_DIGITS: Final = 4
_INDEX_FIELDS: Final = ("kind", "family", "rule")


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Generated cases by file name.

    Attributes:
        index: The content of `index.json`; the schema `fuzz-index` describes it.
        cases: The cases by file name; the names sort in this order.
        families: The number of families, which take turns.
    """

    index: dict[str, Any]
    cases: dict[str, Case]
    families: int


class _Family(NamedTuple):
    """A way to generate cases; `to_case` turns an example into one."""

    name: str
    rule: str | None
    examples: SearchStrategy[Any]
    to_case: Callable[[Any], Case]


def corpus(
    kind: str,
    *,
    version: str,
    count: int = 100,
    seed: int = 0,
    rules: Collection[str] = (),
    mode: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Corpus:
    """Generate a corpus, the same for the same arguments in every process.

    Args:
        kind: One of `KINDS`.
        version: The version of the generator, which each case contains.
        count: The number of cases; the families of the kind take turns.
        seed: Another seed draws other cases.
        rules: Only families for one of these rules; all by default.
        mode: Only requests of this mode; for the kinds valid, invalid and advisory.
        progress: Is called with the number of cases that are drawn, and of all.

    Raises:
        ValueError: Unknown kind or mode, a mode for a kind without modes, or no such case.
    """
    choose("kind", kind, KINDS)
    choose("mode", mode, MODES)
    if mode is not None and kind not in _IN_MODES:
        raise ValueError(f"a mode goes with {', '.join(_IN_MODES)}; cases of the kind {kind} have none")
    all_families = list(_FAMILIES[kind](mode))
    families = [family for family in all_families if not rules or family.rule in rules]
    if not families:
        about = sorted({family.rule for family in all_families if family.rule})
        known = f"they are about {', '.join(about)}" if about else "they are about no single rule"
        raise ValueError(f"no case of the kind {kind} is about {', '.join(sorted(rules))}; {known}")
    origin = {"format": FORMAT, "generator": "ltx-mock", "version": version, "kind": kind, "seed": seed}
    cases = dict(_cases(families, origin, count, progress))
    listed = [{"file": file} | {name: case[name] for name in _INDEX_FIELDS} for file, case in cases.items()]
    selection = {"mode": mode, "rules": sorted(rules)}
    return Corpus(index={**origin, **selection, "count": count, "cases": listed}, cases=cases, families=len(families))


def _cases(
    families: list[_Family], origin: dict[str, Any], count: int, progress: Callable[[int, int], None]
) -> Iterator[tuple[str, Case]]:
    per_family = -(-count // len(families))
    about = (origin["kind"], origin["seed"])
    drawn = []
    for family in families[:count]:
        drawn.append(draw(family.examples, per_family, *about, family.rule, family.name))
        progress(min(len(drawn) * per_family, count), count)
    digits = max(_MIN_DIGITS, len(str(count)))
    for number in range(count):
        turn, at = divmod(number, len(families))
        family = families[at]
        words = [f"{number + 1:0{digits}}", origin["kind"], family.rule or "", family.name]
        file = re.sub(r"[^0-9A-Za-z]+", "-", " ".join(words)).strip("-") + ".json"
        yield file, {**origin, "family": family.name, "rule": family.rule, **family.to_case(drawn[at][turn])}


def _valid(mode: str | None) -> Iterator[_Family]:
    for each in choose("mode", mode, MODES):
        for request_type in ("async", "callback"):
            examples = strategies.valid_requests(mode=each, request_type=request_type)
            yield _Family(f"{each} {request_type}", None, examples, _accepted)
        yield _Family(f"{each} minimal", None, strategies.minimal_requests(mode=each), _accepted)


def _invalid(mode: str | None) -> Iterator[_Family]:
    for rule, names in strategies.INVALID_FAMILIES.items():
        for name in names:
            examples = _if_any(strategies.invalid_requests, rule=rule, family=name, mode=mode)
            if examples is not None:
                yield _Family(name, rule, examples, _refused)


def _advisory(mode: str | None) -> Iterator[_Family]:
    for name in strategies.ADVISORY_FAMILIES:
        examples = _if_any(strategies.advisory_requests, family=name, mode=mode)
        if examples is not None:
            yield _Family(name, "GEN-16", examples, _advised)


def _malformed(mode: str | None) -> Iterator[_Family]:  # noqa: ARG001 - the same signature for every kind
    for name in strategies.MALFORMED_FAMILIES:
        yield _Family(name, "GEN-1", strategies.malformed_bodies(family=name), _unreadable)


def _response_families(*, tolerated: bool) -> Callable[[str | None], Iterator[_Family]]:
    def families(mode: str | None) -> Iterator[_Family]:  # noqa: ARG001
        for kind, family in ANSWERS.items():
            if family.means.tolerated is tolerated:
                yield _Family(kind, family.means.rule, family.bodies, _response_case(kind))

    return families


def _if_any(make: Callable[..., SearchStrategy[Any]], **chosen: str | None) -> SearchStrategy[Any] | None:
    """Return a strategy, or None if the mode has no such examples."""
    try:
        return make(**chosen)
    except ValueError:
        return None


def _accepted(body: Body) -> Case:
    return {"request": {"body": body}, "expect": _expect(200)}


def _refused(invalid: InvalidRequest) -> Case:
    return {"request": {"body": invalid.body}, "expect": _expect(invalid.status, pointer=invalid.pointer)}


def _advised(advised: AdvisedRequest) -> Case:
    return {"request": {"body": advised.body}, "expect": _expect(200, advisories=advised.pointers)}


def _unreadable(malformed: MalformedBytes) -> Case:
    request = {"bodyBase64": b64encode(malformed.raw).decode()}
    with suppress(UnicodeDecodeError):
        request["bodyText"] = malformed.raw.decode()
    return {"request": request, "expect": _expect(malformed.status)}


def _expect(status: int, *, pointer: str | None = None, advisories: Collection[str] = ()) -> Case:
    return {"status": status, "pointer": pointer, "advisories": list(advisories)}


def _response_case(kind: str) -> Callable[[Envelope], Case]:
    def to_case(body: Envelope) -> Case:
        answer = Answer(kind=kind, body=body, means=ANSWERS[kind].means)
        means = answer.means
        client = {
            "state": means.state,
            "terminal": means.terminal,
            "tolerated": means.tolerated,
            "taskId": answer.task_id,
            "resultUrls": answer.urls,
            "failCode": answer.fail_code,
        }
        return {"response": {"way": means.way, "status": means.status, "body": body}, "client": client}

    return to_case


_FAMILIES: Final[dict[str, Callable[[str | None], Iterator[_Family]]]] = {
    "valid": _valid,
    "invalid": _invalid,
    "advisory": _advisory,
    "malformed": _malformed,
    "responses": _response_families(tolerated=False),
    "drifted": _response_families(tolerated=True),
}
_IN_MODES: Final = ("valid", "invalid", "advisory")

KINDS: Final = tuple(_FAMILIES)
"""The kinds of corpora."""
