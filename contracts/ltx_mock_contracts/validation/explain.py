"""Turn violations of a JSON Schema into findings.

A compiled validator (jsonschema-rs) decides. Only for an invalid value does `SchemaWalker` walk schema and value
together; the `x-` keywords beside each broken keyword say what to report.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, cached_property
from itertools import islice
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.rules import RULES
from ltx_mock_contracts.validation.findings import Finding, forbidden, missing, unknown, wrong
from ltx_mock_contracts.validation.intended import intended_field
from ltx_mock_contracts.validation.json_body import MalformedBody, check_json
from ltx_mock_contracts.validation.schema_walk import BrokenKeyword, SchemaWalker
from ltx_mock_schemas import schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    import jsonschema_rs

__all__ = ["FINDINGS_LIMIT", "Explainer", "closest_word", "explainer", "sort_findings"]

FINDINGS_LIMIT: Final = 100
"""The most findings for one value, so that a hostile body cannot produce a hundred thousand."""

_WORD_LIMIT: Final = 40
_ORDER: Final = {rule: index for index, rule in enumerate(RULES)}


class Explainer:
    """Validates values against one schema and explains violations."""

    def __init__(self, name: str) -> None:
        self._schema = schema(name)

    def findings(self, value: object, *, parsed: bool = False) -> list[Finding]:
        """Return the sorted findings for a value; an empty list means that it is valid.

        Set `parsed` for a value that `parse_body` returned: it is not checked again for values that JSON cannot
        represent.

        The content of a forbidden field gets no findings. A value that JSON cannot represent gets one finding, of the
        schema's first rule. There are at most `FINDINGS_LIMIT` findings.
        """
        return [] if self._accepts(value) else self._explain(value, parsed=parsed)

    def _accepts(self, value: object) -> bool:
        try:
            return self._compiled.is_valid(value)
        except ValueError:  # a value that JSON cannot represent
            return False

    @cached_property
    def _compiled(self) -> jsonschema_rs.Draft202012Validator:
        import jsonschema_rs  # noqa: PLC0415  start-up does not wait for it

        return jsonschema_rs.Draft202012Validator(self._schema)

    @cached_property
    def _walker(self) -> SchemaWalker:
        return SchemaWalker(self._schema)

    def _explain(self, value: object, *, parsed: bool) -> list[Finding]:
        try:
            if not parsed:
                check_json(value)
        except MalformedBody as error:
            return [replace(error.finding, rule=self._schema["x-rule"])]
        broken = list(islice(self._walker.walk(value), FINDINGS_LIMIT))
        forbidden_paths = {error.path for error in broken if error.forbids and error.severity == "violation"}
        return sort_findings(
            _finding(error, value)
            for error in broken
            if not any(error.path[:depth] in forbidden_paths for depth in range(len(error.path)))
        )


@cache
def explainer(name: str) -> Explainer:
    """Return the cached explainer of a schema."""
    return Explainer(name)


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings and drop duplicates.

    Violations come before advisories, in each deeper places before shallower ones, then the rules in the order of
    the catalogue, then the order in which they were found. One finding remains for a rule at a place (the last), and no
    advisory at the place of a violation.
    """
    last = {(finding.pointer, finding.rule): finding for finding in findings}.values()
    violated = {finding.pointer for finding in last if finding.severity == "violation"}
    kept = (finding for finding in last if finding.severity == "violation" or finding.pointer not in violated)
    return sorted(
        kept, key=lambda finding: (finding.severity == "advisory", -finding.pointer.count("/"), _ORDER[finding.rule])
    )


def closest_word(value: object, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant: equal except for case, or similar."""
    if not isinstance(value, str) or len(value) > _WORD_LIMIT:
        return None
    folded = {word.casefold(): word for word in known}
    if value.casefold() in folded:
        return folded[value.casefold()]
    from difflib import get_close_matches  # noqa: PLC0415  seldom needed

    return next((folded[word] for word in get_close_matches(value.casefold(), folded, n=1, cutoff=0.75)), None)


def _finding(error: BrokenKeyword, body: object) -> Finding:
    rule, allowed, severity = error.annotation("x-rule"), error.annotation("x-allowed"), error.severity
    if error.keyword == "required":
        return missing(rule, severity, error.path, allowed)
    if error.keyword == "additionalProperties":
        known = list(error.schema["properties"])
        if rule == "GEN-16":
            meant = intended_field(body, error.path)
            hint, consequence = meant or (None, None)
            return unknown(rule, severity, error.path, error.value, known, hint=hint, consequence=consequence)
        return unknown(rule, severity, error.path, error.value, known, hint=closest_word(error.path[-1], known))
    if error.forbids:
        return forbidden(rule, severity, error.path, error.value, allowed)
    hint = closest_word(error.value, error.constraint) if error.keyword == "enum" else None
    return wrong(rule, severity, error.path, error.value, allowed, hint=hint)
