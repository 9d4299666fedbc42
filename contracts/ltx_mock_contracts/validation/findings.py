"""A finding: one problem of a request or a response, as data. All of its text is made here."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "Finding",
    "Path",
    "Severity",
    "forbidden",
    "is_about_a_name",
    "malformed",
    "missing",
    "place",
    "pointer",
    "relocate",
    "show",
    "unknown",
    "wrong",
]

Severity = Literal["violation", "advisory"]
"""A violation breaks the contract; an advisory does not, but it may be a mistake."""

Path = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""

_SHOWN: Final = 72
_SHOWN_KEY: Final = 40
_UNKNOWN: Final = "is not a field that the API knows"
_MUST: Final = {"violation": "must", "advisory": "should"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem of a request or a response.

    Attributes:
        rule: The id of the broken rule, a key of `RULES`.
        severity: `violation` or `advisory`.
        pointer: Where, as a JSON pointer (RFC 6901); "" is the whole body. It leads to the value, or for a missing
            field to where the value should be.
        got: The actual value, shortened, in JSON notation.
        allowed: The allowed values, in words.
        message: The problem in one sentence.
    """

    rule: str
    severity: Severity
    pointer: str
    got: str
    allowed: str
    message: str

    def as_dict(self) -> dict[str, str]:
        """Return the finding as a JSON object."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def wrong(
    rule: str, severity: Severity, path: Path, value: object, allowed: str, *, hint: str | None = None
) -> Finding:
    """Make the finding of a wrong value.

    Args:
        rule: The rule that is broken.
        severity: `violation` or `advisory`.
        path: Where the value is.
        value: The value.
        allowed: The end of the sentence "it must be …".
        hint: A value that was probably meant.
    """
    got = show(value)
    message = f"{place(path)} {_MUST[severity]} be {allowed}, but is {got}{_did_you_mean(hint)}"
    return Finding(rule=rule, severity=severity, pointer=pointer(path), got=got, allowed=allowed, message=message)


def missing(rule: str, severity: Severity, path: Path, allowed: str) -> Finding:
    """Make the finding of a missing field; `path` is where it should be."""
    message = f"{place(path)} is missing; it {_MUST[severity]} be {allowed}"
    return Finding(rule=rule, severity=severity, pointer=pointer(path), got="nothing", allowed=allowed, message=message)


def forbidden(rule: str, severity: Severity, path: Path, value: object, allowed: str) -> Finding:
    """Make the finding of a forbidden field; `allowed` is the end of the sentence "it is allowed …"."""
    verb = "allowed" if severity == "violation" else "used"
    message = f"{place(path)} is {verb} {allowed}"
    return Finding(
        rule=rule, severity=severity, pointer=pointer(path), got=show(value), allowed=allowed, message=message
    )


def is_about_a_name(finding: Finding) -> bool:
    """Tell whether a finding is about an unknown field, whatever its value."""
    return _UNKNOWN in finding.message


def unknown(
    rule: str,
    severity: Severity,
    path: Path,
    value: object,
    known: Iterable[str],
    *,
    hint: str | None = None,
    consequence: str | None = None,
) -> Finding:
    """Make the finding of an unknown field; `known` lists the known ones, `consequence` is what happens without it."""
    allowed = f"one of {', '.join(known)}"
    message = f"{place(path)} {_UNKNOWN}{_did_you_mean(hint)}"
    message += f" As it is, {consequence}" if consequence else ""
    return Finding(
        rule=rule, severity=severity, pointer=pointer(path), got=show(value), allowed=allowed, message=message
    )


def malformed(problem: str, path: Path = ()) -> Finding:
    """Make the finding of an unreadable body (GEN-1); `problem` is a sentence without its full stop."""
    return Finding(
        rule="GEN-1",
        severity="violation",
        pointer=pointer(path),
        got=problem,
        allowed="a JSON object in UTF-8",
        message=f"the body must be a JSON object in UTF-8, but {problem}",
    )


def relocate(finding: Finding, path: Path) -> Finding:
    """Move a finding about decoded content to the place of the encoded text."""
    message = f"{place(path)}, decoded: {finding.message}"
    return replace(finding, pointer=pointer(path), message=message)


def pointer(path: Sequence[str | int]) -> str:
    """Return the JSON pointer of a path."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def place(path: Sequence[str | int]) -> str:
    """Return a path in dotted notation, such as `input.loras[0].scale`; the empty path is "the body"."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier() and len(part) <= _SHOWN_KEY:
            text += f".{part}"
        else:
            text += f"[{_quoted(part, _SHOWN_KEY)}]"
    return text.removeprefix(".") or "the body"


def show(value: object) -> str:
    """Return a value in JSON notation, at most about 100 characters, all printable."""
    if isinstance(value, str):
        return _quoted(value, _SHOWN)
    if isinstance(value, dict):
        return _counted("an object", len(value), "field")
    if isinstance(value, (list, tuple)):
        return _counted("an array", len(value), "item")
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int) and abs(value) >= 10**_SHOWN:
        return "a very large number" if value > 0 else "a very large negative number"
    return repr(value) if isinstance(value, (int, float)) else f"a Python {type(value).__name__}"


def _quoted(text: str, limit: int) -> str:
    if len(text) > limit:
        return f'{_quoted(text[:limit], limit)[:-1]}…" ({len(text)} characters)'
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _counted(what: str, count: int, of: str) -> str:
    if not count:
        return f"an empty {what.partition(' ')[2]}"
    return f"{what} of {count} {of}{'s' * (count > 1)}"


def _did_you_mean(hint: str | None) -> str:
    return f'; did you mean "{hint}"?' if hint else ""
