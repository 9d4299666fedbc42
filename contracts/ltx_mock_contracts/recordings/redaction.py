"""Replace the secrets of a recording by placeholders before anything is written.

A placeholder has a kind and a number, as in `REDACTED-email-1`. The number counts the secrets of a kind in order of
their first appearance, so that nothing can be guessed from it, and that another request, redacted in the same way, is
equal.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from typing import Any, Final, Self

from ltx_mock_contracts.recordings.body import Body
from ltx_mock_contracts.recordings.fields import change_field, parse_field, values_of
from ltx_mock_contracts.recordings.model import Recording, Redaction
from ltx_mock_contracts.recordings.placeholders import LABEL, Placeholders, ends_with_placeholder, is_placeholder
from ltx_mock_contracts.reporting.redaction import MIN_SECRET, Redactor, is_secret_name, replace_url_secrets
from ltx_mock_contracts.trace.exchange import SIGNIFICANT_HEADERS

__all__ = ["RecordingRedactor", "resumed"]

_CALLBACK_NAME: Final = re.compile(r"call_?back|web_?hook", re.IGNORECASE)
_PROMPT_NAME: Final = re.compile(r"(?:.*[_-])?prompt", re.IGNORECASE)
_URL: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.\-]*:/*)?(?:(?P<user>[^/?#]*)@)?(?P<rest>[^?#]*)(?:\?(?P<query>[^#]*))?(?:\#(?P<fragment>.*))?",
    re.IGNORECASE | re.DOTALL,
)
_UNLIKE_WORDS: Final = re.compile(r"(?=[^\d]*\d).{8,}|.{16,}", re.DOTALL)
"""A value of a query that may be a secret; a word, such as `website`, may be in any text."""

_LOOSE_URL: Final = re.compile(r""":\\?/\\?/[^\s"'<>]+""")
_QUERY: Final = re.compile(r"[?#](?=.)", re.DOTALL)
_ASSIGNED: Final = re.compile(
    r"""((?<![A-Za-z0-9_.\-])(?P<name>[A-Za-z][A-Za-z0-9_.\-]{1,60})["']?\s{0,3}[:=]\s{0,3}["']?(?:(?:basic|bearer)\s)?)
    (?P<value>[^\s"'&,;<>{}\[\]]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_QUOTED: Final = re.compile(
    r"""(\\{0,7}"(?P<name>[A-Za-z][A-Za-z0-9_.\-]{1,60})\\{0,7}"\s{0,3}:\s{0,3}\\{0,7}")(?P<value>[^"\\]+)"""
)
"""A field of JSON in a text."""

_AT_DOMAIN: Final = re.compile(r"(?:@|%40|\\u0040)[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,8}")
_LOCAL_PART: Final = re.compile(r"[\w.+%\-]{1,64}\Z")
_TOKEN: Final = re.compile(
    r"""-----BEGIN[ ][A-Z ]{0,40}PRIVATE[ ]KEY-----(?:[^\-]|-(?!----))*(?:-----END[ ][A-Z ]{0,40}PRIVATE[ ]KEY-----)?
    |(?<![\w\-])eyJ[\w\-]{8,}\.[\w\-]{8,}(?:\.[\w\-]*)?
    |\b(?:sk|pk|rk)[\-_][\w\-]{16,}
    |\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w\-]{16,}
    |\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}
    |\bxox[a-z]-[\w\-]{10,}|\bxapp-[\w\-]{10,}
    |\bAIza[\w\-]{30,}|\bya29\.[\w\-]{20,}
    |\bhf_\w{20,}|\bnpm_\w{30,}|\bwhsec_[\w+/=]{16,}|\bSG\.[\w\-]{16,}\.[\w\-]{16,}
    |(?:(?<=bearer[ ])|(?<=Bearer[ ]))(?=[^\s"']{0,200}\d)[\w.~+/\-]{8,}=*""",
    re.VERBOSE | re.DOTALL,
)


class RecordingRedactor:
    """Redacts the parts of one recording, in this order: the request, its response, everything else.

    Args:
        redaction: What is redacted beyond what always is.
        key: The API key of the request; None if it had none.
        secrets: Other known secrets, such as its cookies.
    """

    def __init__(self, redaction: Redaction, key: str | None = None, secrets: Iterable[str] = ()) -> None:
        self._redaction = redaction
        self._fields = tuple(map(parse_field, redaction.fields))
        self._placeholders = Placeholders()
        self._known: dict[str, str] = {}
        if key:
            self._learn("key", key)
        self.know(secrets)

    def copy(self) -> Self:
        """Return a redactor that goes on as this one would."""
        other = copy(self)
        other._placeholders, other._known = self._placeholders.copy(), dict(self._known)  # noqa: SLF001 - of this class
        return other

    def know(self, secrets: Iterable[str]) -> None:
        """Find these secrets too, such as cookies, in all that follows."""
        for each in secrets:
            self._learn("header", each)
        self._redactor = Redactor(self._known)

    def reserve(self, text: str) -> None:
        """Number further secrets after the placeholders in a text."""
        self._placeholders.reserve(text)

    def request(self, body: Body) -> Body:
        """Return the redacted body of the request.

        If fields or prompts have to be replaced in a body that is not JSON, all of it is.
        """
        if body.form in {"text", "base64"}:
            self._learn_loosely(_latin(body))
            if self._fields or not self._redaction.keep_prompts:
                return Body("text", self._digest("body", body.value))
        return self.body(body)

    def body(self, body: Body) -> Body:
        """Return a redacted body."""
        if body.form == "json":
            for kind, secret in self._secrets_in(body.value):
                self._learn(kind, secret)
            self._redactor = Redactor(self._known)
            value = body.value
            for field in self._fields:
                value = change_field(value, field, lambda each: self._label("field", _canonical(each)))
            return Body("json", self._value(value))
        if body.form == "text":
            return Body("text", self._loose_text(body.value))
        if body.form == "base64":
            text = self._loose_text(_latin(body))
            return Body("base64", b64encode(text.encode("latin-1", "replace")).decode())
        return body

    def headers(self, headers: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Return the significant headers by lower-case name, redacted."""
        found: dict[str, str] = {}
        for given, value in headers:
            name = given.lower()
            if name in SIGNIFICANT_HEADERS:
                text = self._loose_text(value)
                found[name] = f"{found[name]}, {text}" if name in found else text
        return dict(sorted(found.items()))

    def text(self, text: str) -> str:
        """Return a redacted text, such as a message, an id or a URL."""
        text = self._redactor.known(text)
        text = replace_url_secrets(text, self._label, signed=True)
        text = _QUOTED.sub(self._assigned, text)
        text = _TOKEN.sub(lambda found: self._label("token", found[0]), text)
        return self._without_addresses(text)

    def _without_addresses(self, text: str) -> str:
        parts, done = list[str](), 0
        for found in _AT_DOMAIN.finditer(text):
            local = _LOCAL_PART.search(text, max(done, found.start() - 64), found.start())
            if local is not None and not ends_with_placeholder(local[0]):
                parts += [text[done : local.start()], self._label("email", local[0] + found[0])]
                done = found.end()
        return "".join([*parts, text[done:]])

    def _loose_text(self, text: str) -> str:
        """Redact text that is not JSON: also the queries of all URLs, and assignments to secret names."""
        text = self._redactor.known(text)
        text = _LOOSE_URL.sub(lambda found: self._without_query(found[0]), text)
        text = _ASSIGNED.sub(self._assigned, text)
        return self.text(text)

    def _without_query(self, url: str) -> str:
        found = _QUERY.search(url)
        return url if found is None else f"{url[: found.start() + 1]}{self._label('query', url[found.end() :])}"

    def _assigned(self, found: re.Match[str]) -> str:
        is_secret = is_secret_name(found["name"])
        return found[1] + (self._label("secret", found["value"]) if is_secret else found["value"])

    def _value(self, value: Any, name: str = "", *, secret: bool = False) -> Any:
        """Redact decoded JSON. The order of fields does not matter, since they are redacted in order of their names."""
        if isinstance(value, dict):
            done = {
                key: (self._string(key, ""), self._value(value[key], key, secret=secret or is_secret_name(key)))
                for key in sorted(value)
            }
            return dict(done[key] for key in value)
        if isinstance(value, list):
            return [self._value(item, name, secret=secret) for item in value]
        if secret and value and not isinstance(value, bool):
            return self._label("secret", value if isinstance(value, str) else _canonical(value))
        return self._string(value, name) if isinstance(value, str) else value

    def _string(self, text: str, name: str) -> str:
        if not self._redaction.keep_prompts and _PROMPT_NAME.fullmatch(name):
            return self._digest("prompt", text)
        if _CALLBACK_NAME.search(name):
            return self._callback(text)
        if text.lstrip()[:1] in {"{", "["}:
            return self.text(self._nested(text))
        return self.text(text)

    def _nested(self, text: str) -> str:
        """Redact JSON in a string, such as that of `resultJson`."""
        body = Body.of(text.encode(errors="replace"))
        if body.form != "json":
            return self._loose_text(text)
        redacted = self._value(body.value)
        return text if redacted == body.value else json.dumps(redacted, ensure_ascii=False)

    def _callback(self, url: str) -> str:
        parts = _parts(url)
        user = f"{self._label('user', parts['user'])}@" if parts["user"] else ""
        query = f"?{self._label('query', parts['query'])}" if parts["query"] else ""
        fragment = f"#{self._label('query', parts['fragment'])}" if parts["fragment"] else ""
        return f"{parts['scheme']}{user}{self.text(parts['rest'])}{query}{fragment}"

    def _secrets_in(self, value: Any, name: str = "", *, secret: bool = False) -> Iterator[tuple[str, str]]:
        """Yield the secrets of a body by kind that are replaced wherever else they appear."""
        for field in self._fields if not name else ():
            for found in values_of(value, field):
                if isinstance(found, str):
                    yield "field", found
        if isinstance(value, dict):
            for key in sorted(value):
                yield from self._secrets_in(value[key], key or " ", secret=secret or is_secret_name(key))
        elif isinstance(value, list):
            for item in value:
                yield from self._secrets_in(item, name or " ", secret=secret)
        elif isinstance(value, str):
            yield from self._secrets_of(value, name, secret=secret)

    def _secrets_of(self, text: str, name: str, *, secret: bool) -> Iterator[tuple[str, str]]:
        if secret:
            yield "secret", text
        elif not self._redaction.keep_prompts and _PROMPT_NAME.fullmatch(name):
            yield "prompt", text
        elif _CALLBACK_NAME.search(name):
            parts = _parts(text)
            yield from (("user", each) for each in (parts["user"], *parts["user"].split(":")))
            for query in (parts["query"], parts["fragment"]):
                yield "query", query
                values = (pair.partition("=")[2] for pair in query.split("&"))
                yield from (("query", each) for each in values if _UNLIKE_WORDS.fullmatch(each))

    def _learn_loosely(self, text: str) -> None:
        """Find the secrets of a request that is not JSON in what follows."""
        for url in _LOOSE_URL.findall(text):
            for kind, secret in self._secrets_of(url, "callback", secret=False):
                self._learn(kind, secret)
        for found in _ASSIGNED.finditer(text):
            if is_secret_name(found["name"]):
                self._learn("secret", found["value"])
        self._redactor = Redactor(self._known)

    def _learn(self, kind: str, secret: str) -> None:
        if len(secret) >= MIN_SECRET and secret not in self._known and not is_placeholder(secret):
            self._known[secret] = self._digest(kind, secret) if kind == "prompt" else self._label(kind, secret)

    def _label(self, kind: str, secret: str) -> str:
        return self._placeholders.of(kind, secret)

    def _digest(self, kind: str, text: str) -> str:
        return self._placeholders.digest(kind, text, self._redaction.salt)


def resumed(recording: Recording, key: str | None) -> RecordingRedactor | None:
    """Return a redactor for further parts of a recording.

    Args:
        recording: The recording so far.
        key: The API key of the request.

    Returns:
        None if its request or response had secrets besides the key: nobody would find them again in what follows.
    """
    told = json.dumps([recording.request.body.to_json(), recording.response.body.to_json()])
    if LABEL in told.replace(f"{LABEL}key-1", "") or recording.redaction.fields or not recording.redaction.keep_prompts:
        return None
    redactor = RecordingRedactor(recording.redaction, key)
    redactor.reserve(json.dumps(recording.to_json()))
    return redactor


def _latin(body: Body) -> str:
    """Return a body that is not JSON as text, in which bytes that are not UTF-8 are Latin-1."""
    return b64decode(body.value).decode("latin-1") if body.form == "base64" else str(body.value)


def _parts(url: str) -> Mapping[str, str]:
    found = _URL.fullmatch(url)
    groups = found.groupdict() if found else {}
    return {name: groups.get(name) or "" for name in ("scheme", "user", "rest", "query", "fragment")}


def _canonical(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
