"""Signatures of callbacks, held against the library of Standard Webhooks."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from ltx_mock.core.signatures import OLD_SECONDS, Message, signed_headers, signing_secret
from ltx_mock.errors import SettingsError
from ltx_mock.scenarios.model import FLAWS, Flaw

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = Message("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330_000, b'{"test": 2432232314}')
SECRETS = st.binary(min_size=24, max_size=64).map(lambda key: f"whsec_{base64.b64encode(key).decode()}")
MESSAGES = st.builds(
    Message,
    st.from_regex(r"cb_[0-9a-f]{12}(_[2-9])?", fullmatch=True),
    st.integers(0, 4_000_000_000_000),
    st.text().map(lambda text: text.encode("utf-8", "replace")),
)


def verify(secret: str, message: Message, headers: tuple[tuple[str, str], ...], at: int | None = None) -> None:
    """Verify as a receiver does at a time in Unix milliseconds: that of the message, unless given."""
    now = datetime.fromtimestamp((message.at if at is None else at) / 1000, UTC)
    with time_machine.travel(now, tick=False):
        Webhook(secret).verify(message.body, dict(headers), json_parse=False)


def test_the_example_of_the_specification() -> None:
    assert signed_headers(SECRET, MESSAGE) == (
        ("webhook-id", MESSAGE.id),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    )


@given(SECRETS, MESSAGES)
def test_the_library_accepts_every_signature(secret: str, message: Message) -> None:
    verify(signing_secret("callback_secret", secret), message, signed_headers(secret, message))


@given(SECRETS, SECRETS, MESSAGES)
def test_the_library_refuses_the_signature_of_another_secret(one: str, other: str, message: Message) -> None:
    if one != other:
        with pytest.raises(WebhookVerificationError, match="No matching signature"):
            verify(other, message, signed_headers(one, message))


@pytest.mark.parametrize(
    ("flaw", "why"),
    [("bad", "No matching signature"), ("old", "Message timestamp too old"), ("none", "Missing required headers")],
)
def test_the_library_refuses_each_flaw_for_its_own_reason(flaw: Flaw, why: str) -> None:
    with pytest.raises(WebhookVerificationError, match=why):
        verify(SECRET, MESSAGE, signed_headers(SECRET, MESSAGE, flaw))


def test_an_old_signature_was_right_when_it_was_made() -> None:
    headers = signed_headers(SECRET, MESSAGE, "old")
    verify(SECRET, MESSAGE, headers, at=MESSAGE.at - OLD_SECONDS * 1000)


def test_every_flaw_changes_the_headers() -> None:
    assert len({signed_headers(SECRET, MESSAGE, flaw) for flaw in (None, *FLAWS)}) == 1 + len(FLAWS)


@pytest.mark.parametrize(
    "given",
    [
        *("", "whsec_", "secret-of-mine-in-plain-text", SECRET.removeprefix("whsec_"), "WHSEC_" + SECRET[6:]),
        *(f"whsec_{base64.b64encode(bytes(size)).decode()}" for size in (1, 23, 65)),
        *("whsec_not/base64!", f"{SECRET} ", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSä", 5, None, b"x"),
    ],
)
def test_another_secret_is_refused_and_not_shown(given: object) -> None:
    with pytest.raises(SettingsError) as refused:
        signing_secret("callback_secret", given)
    assert str(refused.value) == (
        "callback_secret must be whsec_ and the base64 of 24 to 64 bytes, "
        'as from: echo "whsec_$(openssl rand -base64 32)"'
    )
    assert refused.value.field == "callback_secret"
