"""No secret is left in a recording, and what is redacted in the same way is equal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock_contracts.recordings import Body, RecordingRedactor, Redaction
from ltx_mock_contracts.recordings.placeholders import without_numbers
from ltx_mock_contracts.reporting.redaction import secrets_of_headers

KEY = "live/key+0123456789"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"


def redactor(*fields: str, keep_prompts: bool = True, secrets: tuple[str, ...] = ()) -> RecordingRedactor:
    return RecordingRedactor(Redaction(fields=fields, keep_prompts=keep_prompts, salt="salt"), KEY, secrets)


def redacted(value: Any, *fields: str, keep_prompts: bool = True) -> Any:
    return redactor(*fields, keep_prompts=keep_prompts).request(Body("json", value)).value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nothing secret here, not even task_12345678 or a@b", None),
        (f"bad key {KEY}", "bad key REDACTED-key-1"),
        ("https://h/a.png?key=live%2Fkey%2B0123456789", "https://h/a.png?key=REDACTED-key-1"),
        ("https://me:pw@h/a.png", "https://REDACTED-user-1@h/a.png"),
        ("https://me@h.example/a.png", "https://REDACTED-user-1@h.example/a.png"),
        (
            "https://h/v?X-Amz-Signature=ab&X-Amz-Date=3&size=4",
            "https://h/v?X-Amz-Signature=REDACTED-parameter-1&X-Amz-Date=REDACTED-parameter-2&size=4",
        ),
        (
            "https://h/v?sv=1&se=1&sig=z%3D",
            "https://h/v?sv=REDACTED-parameter-1&se=REDACTED-parameter-1&sig=REDACTED-parameter-2",
        ),
        (
            "https://h/?Expires=9&OSSAccessKeyId=LTAI&Signature=s&Policy=p&Key-Pair-Id=k",
            "https://h/?Expires={0}-1&OSSAccessKeyId={0}-2&Signature={0}-3&Policy={0}-4&Key-Pair-Id={0}-5".format(
                "REDACTED-parameter"
            ),
        ),
        (
            "https://h/?url=https%3A%2F%2Fme%3Apw%40g%2F%3Ftoken%3Dab%26b%3D1",
            "https://h/?url=https%3A%2F%2FREDACTED-user-1%40g%2F%3Ftoken%3DREDACTED-parameter-1%26b%3D1",
        ),
        (
            "https://h/?u=https%253A%252F%252Fme%253Apw%2540g%252F%253Ftoken%253Dab%2526b%253D1",
            "https://h/?u=https%253A%252F%252FREDACTED-user-1%2540g%252F%253Ftoken%253DREDACTED-parameter-1%2526b%253D1",
        ),
        ("https://h/v;jsessionid=ab", "https://h/v;jsessionid=REDACTED-parameter-1"),
        ("https://h/v?verify=1-ab", "https://h/v?verify=REDACTED-parameter-1"),
        ("mail jane.doe+x@mail.example.org or jane%40h.org", "mail REDACTED-email-1 or REDACTED-email-2"),
        (f"see {JWT}!", "see REDACTED-token-1!"),
        ("sk-proj-0123456789abcdef", "REDACTED-token-1"),
        ("ghp_0123456789abcdefghij AKIA0123456789ABCDEF", "REDACTED-token-1 REDACTED-token-2"),
        (f"-----BEGIN RSA PRIVATE KEY-----\n{'a-b/' * 3}\n-----END RSA PRIVATE KEY-----.", "REDACTED-token-1."),
        ('see {"client_secret": "abc", "size": "b"}', 'see {"client_secret": "REDACTED-secret-1", "size": "b"}'),
        (r"see {\"token\":\"abc\"}", r"see {\"token\":\"REDACTED-secret-1\"}"),
        ("Authorization: Bearer abc123456", "Authorization: Bearer REDACTED-token-1"),
        ("a basic geometry, the bearer of rings", None),
    ],
)
def test_a_text_has_no_secret(text: str, told: str | None) -> None:
    assert redactor().text(text) == (text if told is None else told)
    assert redactor().text(told or text) == (told or text), "a placeholder stays"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            {"token": "x", "apiKey": ["y", 7, None, True]},
            {"token": "REDACTED-secret-3", "apiKey": ["REDACTED-secret-1", "REDACTED-secret-2", None, True]},
        ),
        ({"password": {"a": "x"}}, {"password": {"a": "REDACTED-secret-1"}}),
        *(
            ({name: "x"}, {name: "REDACTED-secret-1"})
            for name in ("APIToken", "AWSSecretKey", "clientsecret", "accesstoken", "signing_key", "encryptionKey")
        ),
        ({"monkey": "x", "max_tokens": 5, "author": "z"}, {"monkey": "x", "max_tokens": 5, "author": "z"}),
        (
            {"callback_url": "https://me:pw@app.example/done/7?user=8&token=9#top"},
            {"callback_url": "https://REDACTED-user-1@app.example/done/7?REDACTED-query-1#REDACTED-query-2"},
        ),
        ({"webhook": ["?a=b", "not a URL"]}, {"webhook": ["?REDACTED-query-1", "not a URL"]}),
        (
            {"callback_url": "https://app/?id=abc-123-def", "note": "for abc-123-def"},
            {"callback_url": "https://app/?REDACTED-query-1", "note": "for REDACTED-query-2"},
        ),
        (
            {"data": {"resultJson": '{"token": "t", "resultUrls": ["https:\\/\\/h\\/v?a=1\\u0026sig=s"]}'}},
            {"data": {"resultJson": '{"token": "REDACTED-secret-1", "resultUrls": ["https://h/v?a=1&sig=REDACTED-parameter-1"]}'}},
        ),
        ({f"x {KEY}": {"jo@h.org": 1}}, {"x REDACTED-key-1": {"REDACTED-email-1": 1}}),
    ],
)  # fmt: skip
def test_a_body_has_no_secret(body: Any, told: Any) -> None:
    assert redacted(body) == told
    assert redacted(told) == told


def test_the_json_of_a_result_stays_as_it_is_without_secrets() -> None:
    text = '{"resultUrls" :["https:\\/\\/h\\/v.mp4"]}'
    assert redacted({"resultJson": text}) == {"resultJson": text}


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b'{"token": "abc", "callback_url": "https://app/?u=1",}', '{"token": "REDACTED-secret-1", "callback_url": "https://app/?REDACTED-query-1",}'),
        (b"token=abc&prompt=x", "token=REDACTED-secret-1&prompt=x"),
        (b"Cookie: abc=def", "Cookie: REDACTED-secret-1"),
    ],
)  # fmt: skip
def test_a_body_that_is_not_json_has_no_secret(raw: bytes, told: str) -> None:
    assert redactor().request(Body.of(raw)) == Body("text", told)


def test_bytes_that_are_not_text_have_no_secret() -> None:
    told = redactor().body(Body.of(b"\xff" + KEY.encode() + b"\xfe"))
    assert told.raw == b"\xffREDACTED-key-1\xfe"


def test_only_significant_headers_are_kept() -> None:
    headers = [("Content-Type", f"a/b; x={KEY}"), ("Cookie", "a=b"), ("X-Key", "y"), ("Allow", "GET"), ("Allow", "PUT")]
    assert redactor().headers(headers) == {"allow": "GET, PUT", "content-type": "a/b; x=REDACTED-key-1"}


def test_secrets_of_headers_are_found_in_bodies() -> None:
    secrets = secrets_of_headers([("cookie", "id=cookie-value-1"), ("x-api-key", "other-key-2")])
    one = redactor(secrets=secrets)
    assert one.text("cookie-value-1 other-key-2") == "REDACTED-header-2 REDACTED-header-3"


def test_fields_are_replaced_and_so_are_their_values_elsewhere() -> None:
    one = redactor("input.customer", "/input/loras/0/path", "data.failMsg")
    body = {"input": {"customer": "Jane Doe", "loras": [{"path": "https://h/1"}], "a": "for Jane Doe"}, "n": 1}
    assert one.request(Body("json", body)).value == {
        "input": {
            "customer": "REDACTED-field-1",
            "loras": [{"path": "REDACTED-field-2"}],
            "a": "for REDACTED-field-1",
        },
        "n": 1,
    }
    answer = Body("json", {"data": {"failMsg": "Jane Doe!", "state": "failed"}})
    assert one.body(answer).value == {"data": {"failMsg": "REDACTED-field-3", "state": "failed"}}


def test_a_prompt_becomes_a_digest_wherever_it_is() -> None:
    one, other = ({"input": {"prompt": text}, "note": f"about {text}"} for text in ("a red fox", "a blue fox"))
    told = redacted(one, keep_prompts=False)
    assert told["input"]["prompt"].startswith("REDACTED-prompt-")
    assert told["note"] == f"about {told['input']['prompt']}"
    assert told == redacted(one, keep_prompts=False) == redacted(told, keep_prompts=False)
    assert told != redacted(other, keep_prompts=False)


def test_the_salt_of_a_recording_is_in_its_digests() -> None:
    """Digests of likely prompts, made once, find no prompt in the recordings of others."""
    one, other = (
        RecordingRedactor(Redaction(keep_prompts=False, salt=salt)).request(Body("json", {"prompt": "a red fox"})).value
        for salt in ("salt", "another")
    )
    assert one["prompt"] != other["prompt"]


@pytest.mark.parametrize("raw", [b'{"input": {"prompt": "a red fox",}}', b"\xff a red fox"])
def test_a_body_that_is_not_json_is_a_digest_if_prompts_or_fields_are_replaced(raw: bytes) -> None:
    for one in (redactor(keep_prompts=False), redactor("input.prompt")):
        told = one.request(Body.of(raw))
        assert told.form == "text"
        assert str(told.value).startswith("REDACTED-body-")


def test_signatures_of_two_responses_do_not_make_them_differ() -> None:
    one = redactor()
    first, second = (one.text(f"https://h/v?sig={number}") for number in (1, 2))
    assert first != second
    assert without_numbers(first) == without_numbers(second)
    assert without_numbers("REDACTED-email-1") == "REDACTED-email-1"


def test_a_copy_numbers_alone() -> None:
    one = redactor()
    assert [each.text("jo@h.org jim@h.org") for each in (one.copy(), one)] == ["REDACTED-email-1 REDACTED-email-2"] * 2
    assert one.copy().text("jim@h.org") == "REDACTED-email-2"


SECRETS = (
    "jane@mail.example",
    KEY,
    JWT,
    "sk-0123456789abcdefgh",
    "https://u:hidden-pw@h/",
    "https://h/?sig=hidden-sig",
)
TEXTS = st.lists(st.sampled_from(SECRETS) | st.text(max_size=6), max_size=4).map(" ".join)
BODIES = st.recursive(
    TEXTS | st.integers() | st.none() | TEXTS.map(lambda text: json.dumps({"inner": text})),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS | st.sampled_from(["prompt", "token"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(BODIES, st.booleans())
def test_redaction_finds_secrets_anywhere_and_leaves_placeholders(body: Any, keep_prompts: bool) -> None:
    told = redacted(body, keep_prompts=keep_prompts)
    shown = json.dumps(told)
    for secret in ("jane@", KEY, JWT, "sk-012345", "hidden-pw", "hidden-sig"):
        assert secret not in shown
    assert redacted(told, keep_prompts=keep_prompts) == told


def test_names_of_fields_are_numbered_in_their_own_order() -> None:
    one, other = {"jo@h.org": 1, "jim@h.org": 2}, {"jim@h.org": 2, "jo@h.org": 1}
    assert redacted(one) == redacted(other) == {"REDACTED-email-2": 1, "REDACTED-email-1": 2}


@given(BODIES, st.randoms())
def test_the_order_of_fields_does_not_matter(body: Any, random: Any) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            items = list(value.items())
            random.shuffle(items)
            return {name: shuffled(item) for name, item in items}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    assert redacted(shuffled(body)) == redacted(body)
