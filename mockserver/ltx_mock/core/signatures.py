"""Signatures of callbacks by Standard Webhooks 1.0.0 (standardwebhooks.com), symmetric scheme. Our choice.

The signature is an HMAC-SHA256 over `{id}.{timestamp}.{body}`. Nothing in the API's documents has one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import NamedTuple

from ltx_mock.core.clock import SECOND
from ltx_mock.errors import SettingsError
from ltx_mock.scenarios.model import Flaw

PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)
OLD_SECONDS = 3600
"""The age of an old signature. Receivers accept five minutes."""
FLAW_TEXTS: dict[Flaw, str] = {
    "bad": "the signature is that of another body",
    "old": f"the signature is {OLD_SECONDS // 60} minutes old",
    "none": "the signature is left out",
}


class Message(NamedTuple):
    """What is signed: the id, which all attempts have in common; the Unix milliseconds of the attempt; the body."""

    id: str
    at: int
    body: bytes


def signed_headers(secret: str, message: Message, flaw: Flaw | None = None) -> tuple[tuple[str, str], ...]:
    """Return the headers of a signed callback; none if there is to be no signature."""
    if flaw == "none":
        return ()
    timestamp = message.at // SECOND - (OLD_SECONDS if flaw == "old" else 0)
    body = message.body + b" " if flaw == "bad" else message.body
    signed = hmac.digest(_key(secret), f"{message.id}.{timestamp}.".encode() + body, hashlib.sha256)
    return (
        ("webhook-id", message.id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", f"v1,{base64.b64encode(signed).decode()}"),
    )


def signing_secret(path: str, value: object) -> str:
    """Read a secret in the form of Standard Webhooks. The error does not contain it."""
    try:
        if isinstance(value, str) and value.startswith(PREFIX) and len(_key(value)) in SECRET_BYTES:
            return value
    except (binascii.Error, ValueError):
        pass
    raise SettingsError(
        f"{path} must be {PREFIX} and the base64 of {SECRET_BYTES[0]} to {SECRET_BYTES[-1]} bytes, "
        f'as from: echo "{PREFIX}$(openssl rand -base64 32)"',
        path,
    )


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
