"""Remove secrets from output: known keys, even if a server repeats them, and values with secret names."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ltx_mock_contracts.verdicts import Deviation, Report

__all__ = [
    "HIDDEN",
    "MIN_SECRET",
    "Redactor",
    "header_value",
    "hide_url_secrets",
    "text_without_keys",
    "without_keys",
]

MIN_SECRET: Final = 6
"""Shorter keys are not removed: they protect nothing, and may be part of any word."""

HIDDEN: Final = "…"
"""The replacement of a secret."""

_KEY_LABEL: Final = "$API_KEY"
_MAX_PATTERNS: Final = 16

_USER: Final = re.compile(r"""([A-Za-z][A-Za-z0-9+.\-]{0,30}:\\?/\\?/)[^\s/?#"'<>\\]{1,2000}@""")
_PARAMETER: Final = re.compile(
    r"""([?&;\#](?:(?:[A-Za-z0-9]{1,20}[_.\-]){0,3}
        (?:token|secret|pass|password|passwd|passphrase|pwd|signature|sig|credential|credentials
        |(?:api|access|private|secret|subscription)[_\-]?key|auth|authorization|bearer|session|sessionid|jwt
        |code_verifier)|key)=)[^&;\#\s"'<>\\]+""",
    re.IGNORECASE | re.VERBOSE,
)
_SECRET_HEADER: Final = re.compile(
    r"auth|cookie|token|secret|passw|passphrase|credential|session|signature|jwt|api-?key|(?<!idempotency)-key$"
)
_SCHEME: Final = re.compile(r"(?:basic|bearer|digest|token|apikey)(?= )", re.IGNORECASE)
_IN_POINTER: Final = {"~": "~0", "/": "~1"}

T = TypeVar("T")


class Redactor:
    """Removes secrets from texts and from plain data.

    Each known secret is found as it is and with any of its characters escaped, as in URLs and in JSON. From every URL
    it also removes user, password and the values of parameters with secret names, such as `token`.

    Args:
        labels: The replacement of each secret. Secrets of fewer than `MIN_SECRET` characters are not hidden. With many
            secrets only the usual ways of escaping are recognized.
    """

    def __init__(self, labels: Mapping[str, str]) -> None:
        hidden = {secret: label for secret, label in labels.items() if len(secret) >= MIN_SECRET}
        self._secrets: list[tuple[str, str]] | None = None
        if len(hidden) <= _MAX_PATTERNS:
            self._secrets = [(secret, hidden[secret]) for secret in sorted(hidden, key=len, reverse=True)]
            return
        self._forms: dict[str, str] = {}
        for secret, label in hidden.items():
            for form in _forms(secret):
                self._forms.setdefault(form, label)
        lengths: dict[str, set[int]] = {}
        for form in self._forms:
            lengths.setdefault(form[:MIN_SECRET], set()).add(len(form))
        self._lengths = {start: sorted(found, reverse=True) for start, found in lengths.items()}

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        if self._secrets is None:
            return hide_url_secrets(self._replace_known_forms(text))
        escaped = any(sign in text for sign in "%\\~")
        for secret, label in self._secrets:
            for form in {secret, secret.replace("+", " ")}:  # in a query + means a space
                text = text.replace(form, label)
            if escaped:
                text = _escaped_pattern(secret).sub(lambda _, label=label: label, text)  # type: ignore[misc]
        return hide_url_secrets(text)

    def value(self, value: T) -> T:
        """Return plain data without secrets, in names and in values."""
        return self._value(value) if self._may_have_secrets(repr(value)) else value

    def _may_have_secrets(self, shown: str) -> bool:
        """Tell whether a value may contain secrets, by its `repr`: most have none, and need no walk."""
        if self._secrets is None or any(sign in shown for sign in "%\\~") or hide_url_secrets(shown) != shown:
            return True
        return any(secret in shown or secret.replace("+", " ") in shown for secret, _ in self._secrets)

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(name): self._value(item) for name, item in value.items()}
        return [self._value(item) for item in value] if isinstance(value, list) else value

    def _replace_known_forms(self, text: str) -> str:
        """Find secrets with a lookup table, so that the time does not grow with their number."""
        starts, parts, done, at = self._lengths, list[str](), 0, 0
        last = len(text) - MIN_SECRET
        while at <= last:
            for length in starts.get(text[at : at + MIN_SECRET], ()):
                label = self._forms.get(text[at : at + length])
                if label is not None:
                    parts += [text[done:at], label]
                    done = at = at + length
                    break
            else:
                at += 1
        return "".join([*parts, text[done:]]) if parts else text


def hide_url_secrets(text: str) -> str:
    """Remove user, password and parameters such as `token` from the URLs in a text."""
    if "@" in text and "://" in text.replace("\\", ""):
        text = _USER.sub(rf"\1{HIDDEN}@", text)
    if "=" in text:
        text = _PARAMETER.sub(rf"\1{HIDDEN}", text)
    return text


def header_value(name: str, value: str) -> str:
    """Return the value of a header, hidden if its name is secret.

    The scheme of `Authorization` stays, since a wrong one is a common mistake.
    """
    if not _SECRET_HEADER.search(name.lower()) or not value:
        return value
    scheme = _SCHEME.match(value)
    return f"{scheme[0]} {HIDDEN}" if scheme else HIDDEN


def _forms(secret: str) -> tuple[str, ...]:
    return secret, quote(secret, safe=""), quote(secret, safe="/"), json.dumps(secret)[1:-1]


@lru_cache(maxsize=256)
def _escaped_pattern(secret: str) -> re.Pattern[str]:
    """Return a pattern that matches a secret with any characters escaped, as in a URL, JSON or a JSON pointer."""
    letters = []
    for letter in secret:
        octets = "".join(f"%{byte:02x}" for byte in letter.encode("utf-8", "replace"))
        units = letter.encode("utf-16-be", "replace")
        written = "".join(rf"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
        pointer = _IN_POINTER.get(letter, octets)
        letters.append(rf"(?:{re.escape(letter)}|{octets}|{written}|{pointer}|\\{re.escape(letter)})")
    return re.compile("".join(letters), re.IGNORECASE)


def without_keys(report: Report, keys: Iterable[str]) -> Report:
    """Return the report with each of these keys replaced by `$API_KEY`, in plain form or escaped for URL or JSON.

    Keys of fewer than 6 characters stay: they protect nothing, and may be part of any word.
    """
    redactor = Redactor(dict.fromkeys(keys, _KEY_LABEL))
    verdicts = tuple(
        replace(verdict, deviations=tuple(_deviation(each, redactor) for each in verdict.deviations))
        for verdict in report.verdicts
    )
    return replace(
        report,
        verdicts=verdicts,
        target=redactor.value(report.target),
        reproduce=redactor.value(report.reproduce),
    )


def text_without_keys(text: str, keys: Iterable[str]) -> str:
    """Replace each of these keys in a text by `$API_KEY`, as `without_keys` does."""
    return Redactor(dict.fromkeys(keys, _KEY_LABEL)).text(text)


def _deviation(deviation: Deviation, redactor: Redactor) -> Deviation:
    texts = ("title", "expected", "actual", "task", "curl", "request")
    return replace(deviation, **{name: redactor.value(getattr(deviation, name)) for name in texts})
