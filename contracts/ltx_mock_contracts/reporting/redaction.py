"""Remove secrets from output: known keys, even if a server repeats them, and values with secret names."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

from ltx_mock_contracts.api import STATES
from ltx_mock_contracts.io.json_text import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ltx_mock_contracts.verdicts import Deviation, Report

__all__ = [
    "HIDDEN",
    "MIN_SECRET",
    "Redactor",
    "header_value",
    "hide_url_secrets",
    "is_secret_name",
    "replace_url_secrets",
    "secrets_of_headers",
    "text_without_keys",
    "without_keys",
]

MIN_SECRET: Final = 6
"""Shorter keys are not removed: they protect nothing, and may be part of any word."""

HIDDEN: Final = "…"
"""The replacement of a secret."""

_KEY_LABEL: Final = "$API_KEY"
_MAX_PATTERNS: Final = 16
_MAX_ESCAPED: Final = 500

_NAMES_OF_SECRETS: Final = r"""(?:(?:[A-Za-z0-9]{1,20}[_.\-]){0,3}
    (?:(?:access|api|auth|bearer|client|id|refresh|session)?token|(?:api|app|client)?secret
    |pass|password|passwd|passphrase|pwd|signature|sig|credential|credentials
    |(?:api|access|encryption|private|secret|signing|subscription)[_\-]?key|auth|authorization|bearer|session|j?sessionid|jwt
    |code_verifier|cookie|set-cookie)|key)"""
_NAMES_OF_SIGNATURES: Final = r"""(?:X-(?:Amz|Goog|Oss|Tos|Obs|Bce|Cos)-[A-Za-z\-]{1,30}
    |(?:AWS|OSS|Google)Access(?:Key)?Id|Expires|Policy|Key-Pair-Id|se|sv|st|sp|sr|spr|sip|ske|sks|skt|skv|skoid|sktid|q-[a-z\-]{1,20}
    |auth_key|wsSecret|wsTime|hdnts|hdnea|hmac|verify)"""
_SIGNED: Final = f"(?:{_NAMES_OF_SECRETS}|{_NAMES_OF_SIGNATURES})"
_WORD_BREAK: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SECRET_HEADER: Final = re.compile(
    r"auth|cookie|token|secret|passw|passphrase|credential|session|signature|jwt|api-?key|(?<!idempotency)-key$"
)
_SCHEME: Final = re.compile(r"(?:basic|bearer|digest|token|apikey)(?= )", re.IGNORECASE)
_IN_POINTER: Final = {"~": "~0", "/": "~1"}

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z_-]{0,19}")
"""A cookie such as `last=success` or `theme=classic`: a word is no secret, and bodies that are judged have it too."""
T = TypeVar("T")


@cache
def _parameters(names: str, *, escaped: bool) -> re.Pattern[str]:
    """Return a pattern of URL parameters: in `escaped` text also of those in a URL or in JSON that is itself escaped.

    It is compiled when it is needed: that takes longer than to import most modules. The pattern for other text begins
    with a set of characters, so `re` skips to the next of them.
    """
    value = r"""[^&;\#\s"'<>\\]+"""
    if not escaped:
        return re.compile(rf"""([?&;\#](?:amp;)?{names})(=)({value})""", re.IGNORECASE | re.VERBOSE)
    return re.compile(
        rf"""((?:[?&;\#]|&amp;|\\u0026|%(?:25){{0,3}}(?:3F|26|23)){names})
        (?:(=|\\u003d)({value})|(%(?:25){{0,3}}3D)((?:(?!%(?:25){{0,3}}(?:26|23))[^&;\#\s"'<>\\])+))""",
        re.IGNORECASE | re.VERBOSE,
    )


@cache
def _user() -> re.Pattern[str]:
    """Return a pattern of users in URLs, compiled when it is needed, as in `_parameters`."""
    return re.compile(
        r"""((?<=[A-Za-z0-9+.\-]):\\?/\\?/)([^\s/?#"'<>\\]{1,2000})(?=@)
        |((?<=[A-Za-z0-9+.\-])(?P<e>%(?:25){0,3})3A(?P=e)2F(?P=e)2F)
        ((?:(?!(?P=e)(?:2F|3F|23|26))[^\s/?#"'<>\\&]){1,2000}?)(?=(?P=e)40)""",
        re.IGNORECASE | re.VERBOSE,
    )


@cache
def _name() -> re.Pattern[str]:
    return re.compile(_NAMES_OF_SECRETS, re.IGNORECASE | re.VERBOSE)


class Redactor:
    """Removes secrets from texts and from plain data.

    Each known secret is found as it is and with any of its characters escaped, as in URLs and in JSON. From every URL
    it also removes user, password and the values of parameters with secret names, such as `token`.

    Args:
        labels: The replacement of each secret. Secrets of fewer than `MIN_SECRET` characters are not hidden. With many
            secrets, and for those of more than 500 characters, only the usual ways of escaping are recognized.
    """

    def __init__(self, labels: Mapping[str, str]) -> None:
        hidden = {secret: label for secret, label in labels.items() if len(secret) >= MIN_SECRET}
        self._secrets: list[tuple[str, str, str]] | None = None
        """Each secret, the same in a query, where + means a space, and its label; the longest first."""
        if len(hidden) <= _MAX_PATTERNS:
            longest_first = sorted(hidden, key=len, reverse=True)
            self._secrets = [(secret, secret.replace("+", " "), hidden[secret]) for secret in longest_first]
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
        return hide_url_secrets(self.known(text))

    def known(self, text: str) -> str:
        """Return a text without the known secrets."""
        if self._secrets is None:
            return self._replace_known_forms(text)
        escaped = _may_be_escaped(text)
        for secret, in_query, label in self._secrets:
            text = text.replace(secret, label)
            if in_query != secret:
                text = text.replace(in_query, label)
            if escaped and len(secret) <= _MAX_ESCAPED:
                text = _escaped_pattern(secret).sub(lambda _, label=label: label, text)  # type: ignore[misc]
            elif escaped:
                for form in _forms(secret):
                    text = text.replace(form, label)
        return text

    def value(self, value: T) -> T:
        """Return plain data without secrets, in names and in values."""
        return self._value(value) if self._may_have_secrets(repr(value)) else value

    def json(self, value: object) -> str:
        """Return plain data as JSON, like `write_json` of what `value` returns."""
        text = write_json(value)
        return text if self.is_clean(text) else write_json(self._value(value))

    def is_clean(self, text: str) -> bool:
        """Tell whether JSON certainly has no secrets; False says nothing."""
        return "\ufffd" not in text and not self._may_have_secrets(text.replace('\\"', '"'))

    def _may_have_secrets(self, shown: str) -> bool:
        """Tell whether a value may contain secrets, by its `repr` or JSON: most have none, and need no walk."""
        if self._secrets is None or _may_be_escaped(shown) or _has_url_secrets(shown):
            return True
        return any(secret in shown or in_query in shown for secret, in_query, _ in self._secrets)

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
    return replace_url_secrets(text, _hidden)


def _has_url_secrets(text: str) -> bool:
    """Tell whether `hide_url_secrets` may change a text in which nothing is escaped."""
    if "@" in text and _user().search(text):
        return True
    last = text.rfind("=")
    return last > 0 and _parameters(_NAMES_OF_SECRETS, escaped=False).search(text, 0, last + 2) is not None


def replace_url_secrets(text: str, label: Callable[[str, str], str], *, signed: bool = False) -> str:
    """Replace users with their passwords and secret parameters in the URLs of a text.

    Args:
        text: The text.
        label: Returns the replacement of a secret; it gets `user` or `parameter`, and the secret.
        signed: Whether to replace all parameters of signed URLs, also those that say when a signature expires.
    """
    escaped = "%" in text  # to look for one character first is faster than for several
    if "@" in text or (escaped and ("%40" in text or "%25" in text)):
        text = _user().sub(lambda found: (found[1] or found[3]) + label("user", found[2] or found[5]), text)
    in_json = "\\" in text
    if "=" in text or (escaped and ("%3" in text or "%25" in text)) or (in_json and "\\u003" in text):
        pattern = _parameters(_SIGNED if signed else _NAMES_OF_SECRETS, escaped=escaped or in_json)
        text = pattern.sub(
            lambda found: found[1] + (found[2] or found[4]) + label("parameter", found[3] or found[5]),
            text,
        )
    return text


def _hidden(_: str, __: str) -> str:
    return HIDDEN


def is_secret_name(name: str) -> bool:
    """Tell whether a parameter or a field of this name has a secret, such as `token`, `apiKey` or `client_secret`."""
    return _name().fullmatch(_WORD_BREAK.sub("_", name)) is not None


@lru_cache(maxsize=64)
def _is_secret_header(name: str) -> bool:
    return _SECRET_HEADER.search(name) is not None


def secrets_of_headers(headers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the secret values of headers, each also without its scheme; of cookies each value that is no word.

    The name of a state is no secret, whatever has it: it would be taken out of the bodies that are judged.
    """
    found = list[str]()
    for name, value in headers:
        if not _is_secret_header(name.lower()):
            continue
        if "cookie" in name.lower():
            given = (value, *(part.partition("=")[2].strip() for part in value.split(";")))
            found += [each for each in given if not _WORD.fullmatch(each)]
        else:
            found += [value, _SCHEME.sub("", value, count=1).strip()]
    return tuple(dict.fromkeys(each for each in found if len(each) >= MIN_SECRET and each not in STATES))


def header_value(name: str, value: str) -> str:
    """Return the value of a header, hidden if its name is secret.

    The scheme of `Authorization` stays, since a wrong one is a common mistake.
    """
    if not _is_secret_header(name.lower()) or not value:
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
        replace(
            verdict,
            deviations=tuple(_deviation(each, redactor) for each in verdict.deviations),
            why=redactor.value(verdict.why),
        )
        for verdict in report.verdicts
    )
    return replace(
        report,
        verdicts=verdicts,
        target=redactor.value(report.target),
        reproduce=redactor.value(report.reproduce),
        notes=tuple(map(redactor.text, report.notes)),
    )


def text_without_keys(text: str, keys: Iterable[str]) -> str:
    """Replace each of these keys in a text by `$API_KEY`, as `without_keys` does."""
    return Redactor(dict.fromkeys(keys, _KEY_LABEL)).text(text)


def _deviation(deviation: Deviation, redactor: Redactor) -> Deviation:
    texts = ("title", "expected", "actual", "task", "curl", "request", "kind", "sides")
    return replace(deviation, **{name: redactor.value(getattr(deviation, name)) for name in texts})


def _may_be_escaped(text: str) -> bool:
    return "%" in text or "\\" in text or "~" in text
