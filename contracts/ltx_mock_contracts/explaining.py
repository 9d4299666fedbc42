"""Turn what a JSON Schema says about a value into findings.

A compiled validator (jsonschema-rs) decides; only when it says no does the explaining one (jsonschema) run. Then the
schema is walked from its root to each broken keyword, and `x-rule`, `x-allowed` and `x-severity` on the way say what
to report.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ltx_mock_contracts.findings import Finding, Path, Severity, forbidden, missing, unknown, wrong
from ltx_mock_contracts.parsing import MalformedBody, check_json
from ltx_mock_contracts.rules import RULES
from ltx_mock_schemas import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import jsonschema_rs
    from jsonschema.exceptions import ValidationError

__all__ = ["FINDINGS_LIMIT", "Explainer", "arranged", "explainer", "near"]

FINDINGS_LIMIT: Final = 100
"""The most findings one value gets: a hostile body must not buy a hundred thousand of them."""

_WORD_LIMIT: Final = 40
_ORDER: Final = {rule: index for index, rule in enumerate(RULES)}


class _Error(NamedTuple):
    """A broken keyword: what it is and asks for, the value and the schema it stands in, and the ways to both."""

    keyword: str
    asked: Any
    instance: Any
    schema: Any
    path: Path
    route: Path

    @property
    def forbids(self) -> bool:
        """Tell whether the value must not be there, whatever it is."""
        return self.keyword == "not" and self.asked == {}


class _Marks(NamedTuple):
    """What the `x-` keywords on the way to a constraint say."""

    rule: str
    allowed: str
    severity: Severity


class Explainer:
    """One schema, as a judge that gives its reasons."""

    def __init__(self, name: str) -> None:
        self._schema = schema(name)

    def findings(self, value: object) -> list[Finding]:
        """Return all that the schema finds wrong, arranged; an empty list means that the value is valid.

        Nothing is said about what is inside a field that must not be there at all. A value that JSON cannot carry
        gets one finding, of the first rule of the schema. There are at most `FINDINGS_LIMIT`.
        """
        return [] if self._accepts(value) else self._explain(value)

    def _accepts(self, value: object) -> bool:
        try:
            return self._compiled.is_valid(value)
        except ValueError:  # a value that JSON cannot carry
            return False

    @cached_property
    def _compiled(self) -> jsonschema_rs.Draft202012Validator:
        import jsonschema_rs  # noqa: PLC0415  start-up does not wait for it

        return jsonschema_rs.Draft202012Validator(self._schema)

    @cached_property
    def _errors(self) -> Callable[[Any], Iterator[ValidationError]]:
        from jsonschema import Draft202012Validator, validators  # noqa: PLC0415  slow to import, and seldom needed

        arrays = Draft202012Validator.TYPE_CHECKER.redefine("array", lambda _, value: isinstance(value, (list, tuple)))
        extended: Any = validators.extend(Draft202012Validator, type_checker=arrays)  # type: ignore[no-untyped-call]
        errors: Callable[[Any], Iterator[ValidationError]] = extended(self._schema).iter_errors
        return errors

    def _explain(self, value: object) -> list[Finding]:
        try:
            check_json(value)
        except MalformedBody as error:
            return [replace(error.finding, rule=self._schema["x-rule"])]
        leaves = (leaf for error in self._errors(value) for leaf in _leaves(error))
        broken = [(error, self._marks(error.route)) for error in islice(leaves, FINDINGS_LIMIT)]
        closed = {error.path for error, marks in broken if error.forbids and marks.severity == "violation"}
        findings = (
            finding
            for error, marks in broken
            if not any(error.path[:depth] in closed for depth in range(len(error.path)))
            for finding in self._report(error, marks)
        )
        return arranged(islice(findings, FINDINGS_LIMIT))

    def _report(self, error: _Error, marks: _Marks) -> Iterator[Finding]:
        """Give the findings of one error; those about the fields of an object say it once for each field."""
        if error.keyword == "required":
            yield from self._missing(error)
        elif error.keyword == "additionalProperties":
            yield from _unknown(error, marks)
        elif error.forbids:
            yield forbidden(marks.rule, marks.severity, error.path, error.instance, marks.allowed)
        else:
            hint = near(error.instance, error.asked) if error.keyword == "enum" else None
            yield wrong(marks.rule, marks.severity, error.path, error.instance, marks.allowed, hint=hint)

    def _missing(self, error: _Error) -> Iterator[Finding]:
        for field in error.asked:
            if field not in error.instance:
                marks = self._marks((*error.route[:-1], "properties", field))
                rule = error.schema.get("x-rule-required", marks.rule)
                yield missing(rule, marks.severity, (*error.path, field), marks.allowed)

    def _marks(self, route: Path) -> _Marks:
        """Walk from the root to a constraint; the nearer a mark stands to it, the more it counts."""
        node: Any = self._schema
        found = {"x-severity": "violation", "x-allowed": ""} | _own(node)
        for step in route:
            while step not in node and "$ref" in node:
                node = self._schema["$defs"][node["$ref"].removeprefix("#/$defs/")]
                found |= _own(node)
            if isinstance(node, dict) and step not in node:
                break
            node = node[step]
            found |= _own(node)
        severity: Severity = "advisory" if found["x-severity"] == "advisory" else "violation"
        return _Marks(found["x-rule"], found["x-allowed"], severity)


@cache
def explainer(name: str) -> Explainer:
    """Return the one explainer of a schema, made when it is first asked for."""
    return Explainer(name)


def arranged(findings: Iterable[Finding]) -> list[Finding]:
    """Order findings and drop the echoes.

    Violations come before advisories, in each deeper places before shallower ones, then the rules in the order of
    the catalogue, then the order in which they were found. There is one finding for a rule at a place, the last
    one found, and no advisory at the place of a violation.
    """
    chosen = {(finding.pointer, finding.rule): finding for finding in findings}.values()
    violated = {finding.pointer for finding in chosen if finding.severity == "violation"}
    kept = (finding for finding in chosen if finding.severity == "violation" or finding.pointer not in violated)
    return sorted(
        kept, key=lambda finding: (finding.severity == "advisory", -finding.pointer.count("/"), _ORDER[finding.rule])
    )


def near(value: object, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant: the same but for its case, or nearly the same."""
    if not isinstance(value, str) or len(value) > _WORD_LIMIT:
        return None
    folded = {word.casefold(): word for word in known}
    if value.casefold() in folded:
        return folded[value.casefold()]
    from difflib import get_close_matches  # noqa: PLC0415  seldom needed

    return next((folded[word] for word in get_close_matches(value.casefold(), folded, n=1, cutoff=0.75)), None)


def _leaves(error: ValidationError) -> Iterator[_Error]:
    """Replace the error of a `oneOf` by those of the branch that the discriminator chooses.

    When it chooses none, the schema beside the `oneOf` says so.
    """
    leaf = _Error(
        keyword=str(error.validator),
        asked=error.validator_value,
        instance=error.instance,
        schema=error.schema,
        path=tuple(error.absolute_path),
        route=tuple(error.absolute_schema_path),
    )
    if leaf.keyword != "oneOf":
        yield leaf
        return
    name = leaf.schema["discriminator"]["propertyName"]
    if isinstance(leaf.instance, dict) and name in leaf.instance:
        branches = [(child.relative_schema_path[0], child) for child in error.context or ()]
        others = {branch for branch, child in branches if list(child.relative_path) == [name]}
        yield from (inner for branch, child in branches if branch not in others for inner in _leaves(child))


def _unknown(error: _Error, marks: _Marks) -> Iterator[Finding]:
    known = list(error.schema["properties"])
    for field, value in error.instance.items():
        if field not in known:
            yield unknown(marks.rule, marks.severity, (*error.path, field), value, known, hint=near(field, known))


def _own(node: object) -> dict[str, str]:
    if not isinstance(node, dict):
        return {}
    return {mark: node[mark] for mark in ("x-rule", "x-allowed", "x-severity") if mark in node}
