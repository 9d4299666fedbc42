"""Marked secrets to put into every place of an exchange, and a scanner that finds them in files in any form."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

MARK = "Zq7x"
"""Each secret has it, and nothing else."""

FORMS = {
    "email": "jo-{0}@mail-{0}.example",
    "sk": "sk-{0}abcdefghijklmnop",
    "jwt": "eyJ{0}abcdefgh.eyJ{0}abcdefgh.{0}abcdefgh",
    "github": "ghp_{0}abcdefghijklmnopqrstuv",
    "slack": "xoxb-{0}-abcdefghij",
    "pem": "-----BEGIN PRIVATE KEY-----\n{0}abc\n-----END PRIVATE KEY-----",
    "user": "https://me-{0}:pw-{0}@h.example/a",
    "signed": "https://h.example/v.mp4?X-Amz-Credential={0}/x&X-Amz-Signature={0}&X-Amz-Security-Token={0}%2Fx",
    "azure": "https://h.example/v.mp4?sv={0}&se={0}&sig={0}%3D",
    "oss": "https://h.example/v.mp4?Expires=9&OSSAccessKeyId={0}&Signature={0}",
    "parameters": "https://h.example/?api_key={0}&access_token={0}&password={0}#token={0}",
    "inner": "https://h.example/?url=https%3A%2F%2Fme%3A{0}%40g.example%2F%3Ftoken%3D{0}",
    "escaped": '{{"url": "https:\\/\\/me:{0}@h.example\\/?a=1\\u0026token={0}", "client_secret": "{0}"}}',
    "bearer": "Authorization: Bearer {0}12345678",
}
"""Texts that have a secret, whoever reads them."""


def marked(number: int) -> str:
    """Return a part of a secret that no other one has."""
    return f"{MARK}{number}{MARK}"


def texts(number: int) -> Iterator[str]:
    """Yield a text of each form."""
    for each in FORMS.values():
        yield each.format(marked(number))


def found_in(folder: Path) -> list[str]:
    """Return where there are secrets in the files of a folder or in their names, in any form."""
    found = []
    for path in sorted(folder.rglob("*")):
        raw = path.read_bytes() if path.is_file() else b""
        for form, content in _forms(path.name.encode() + b"\n" + raw):
            if match := re.search(rb".{0,60}Zq7x.{0,20}", content, re.IGNORECASE | re.DOTALL):
                found.append(f"{path.name} ({form}): {match[0]!r}")
    return found


def _forms(raw: bytes) -> Iterator[tuple[str, bytes]]:
    yield "plain", raw
    yield "percent", unquote_to_bytes(raw)
    yield "html", unescape(raw.decode("latin-1")).encode("latin-1", "replace")
    yield "json", re.sub(rb"\\u00([0-9a-fA-F]{2})", lambda hit: bytes.fromhex(hit[1].decode()), raw)
    yield "reversed", raw[::-1].replace(MARK[::-1].encode(), MARK.encode())
    for word in re.findall(rb"[A-Za-z0-9+/_-]{8,}={0,2}", raw):
        for start in range(4):  # wherever a part was encoded
            try:
                part = word[start:].replace(b"-", b"+").replace(b"_", b"/")
                yield "base64", b64decode(part[: len(part) // 4 * 4])
            except (Base64Error, ValueError):
                pass


def escaped(text: str) -> str:
    """Return a text with every character escaped, as for a URL."""
    return quote(text, safe="")
