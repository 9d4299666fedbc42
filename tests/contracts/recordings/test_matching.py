"""A request finds the recordings of equal requests, and the nearest one with what differs, field by field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ltx_mock_contracts.recordings import Body, Matcher, RecordingRedactor, Redaction
from support.bodies import TEXT, request_body
from support.recordings import recording

KEY = "live-key-0123456789"


def recorded(body: Any, redaction: Redaction | None = None, **changes: Any) -> Any:
    """Return a recording of a request, redacted as the recorder does it."""
    how = redaction or Redaction()
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = RecordingRedactor(how, KEY).request(Body.of(raw)).to_json()
    kept = {"fields": list(how.fields), "keepPrompts": how.keep_prompts, "salt": how.salt}
    return recording(request=request, redaction=kept, **changes)


def sent(**changes: Any) -> dict[str, Any]:
    return request_body(TEXT, **changes)


def finds(one: Any, body: Any, *ignore: str) -> bool:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return bool(Matcher([one], ignore).equal(raw, "another-key-99"))


@pytest.mark.parametrize(
    ("before", "after", "equal"),
    [
        (sent(), sent(), True),
        (sent(seed=5), sent(seed=5.0), True),
        (sent(seed=1), sent(seed=True), False),
        (sent(), sent(seed=1), False),
        (sent(), dict(reversed(sent().items())), True),
        (sent(prompt="for jane@h.org"), sent(prompt="for jim@h.org"), True),
        (sent(prompt=f"my key is {KEY}"), sent(prompt="my key is another-key-99"), True),
        (sent(prompt="a"), sent(prompt="b"), False),
        (sent() | {"callback_url": "http://a/"}, sent() | {"callback_url": "http://b/?c"}, True),
        (sent() | {"callback_url": "http://a/"}, sent(), True),
        (sent(image_urls=["http://127.0.0.1:8000/a"]), sent(image_urls=["http://127.0.0.1:9000/a"]), True),
        (sent(image_urls=["http://h:8000/a"]), sent(image_urls=["http://h:9000/a"]), False),
        (sent(image_urls=["http://h/a?sig=1"]), sent(image_urls=["http://h/a?sig=2"]), True),
        (b"{no json", b"{no json", True),
        (b"{no json", b"{yes json", False),
        (b"", b"", True),
    ],
)
def test_requests_are_equal_after_redaction(before: Any, after: Any, equal: bool) -> None:
    assert finds(recorded(before), after) is equal


def test_what_may_differ_is_ignored() -> None:
    assert finds(recorded(sent(seed=1)), sent(seed=2), "input.seed")
    assert finds(recorded(sent(seed=1)), sent(), "/input/seed")
    with pytest.raises(ValueError, match="name of a field"):
        Matcher([], [""])


def test_prompts_that_are_not_kept_are_found() -> None:
    one = recorded(sent(prompt="a red fox"), Redaction(keep_prompts=False, salt="s"))
    assert "red fox" not in json.dumps(one.to_json())
    assert finds(one, sent(prompt="a red fox"))
    assert not finds(one, sent(prompt="a blue fox"))


def test_equal_recordings_are_found_in_order() -> None:
    first = recorded(sent(), taskId="1", recorded="2026-01-31T12:00:00.000Z")
    second = recorded(sent(), Redaction(salt="x"), taskId="2", recorded="2026-01-31T12:00:01.000Z")
    third = recorded(sent(), taskId="3", recorded="2026-01-31T12:00:02.000Z")
    found = Matcher([first, third, second]).equal(json.dumps(sent()).encode())
    assert [each.task_id for each in found] == ["1", "2", "3"]


def test_the_nearest_recording_is_told_field_by_field() -> None:
    far, near = recorded(sent(prompt="x", seed=1, duration=6)), recorded(sent(prompt="x", loras=[{"path": "p"}]))
    found = Matcher([far, near]).nearest(json.dumps(sent(prompt="y", loras=[{"path": "p", "scale": 2}])).encode())
    assert found is not None
    assert found.recording is near
    assert [(each.pointer, each.message) for each in found.differences] == [
        ("/input/prompt", 'input.prompt is "y", recorded is "x"'),
        ("/input/loras/0/scale", "input.loras[0].scale is 2, recorded is missing"),
    ]
    assert Matcher([]).nearest(b"{}") is None


def test_a_body_that_is_far_larger_than_any_recorded_one_is_not_redacted_but_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    matcher = Matcher([recorded(sent())])
    monkeypatch.delattr(RecordingRedactor, "request")
    huge = json.dumps(sent(prompt="a@b.c " * 20_000)).encode()
    assert matcher.equal(huge) == ()
    nearest = matcher.nearest(huge)
    assert nearest is not None
    assert nearest.differences[0].message.startswith(f"the body has {len(huge)} bytes, the largest recorded one ")


def test_a_large_body_that_was_recorded_is_found() -> None:
    assert finds(recorded(sent(prompt="a" * 100_000)), sent(prompt="a" * 100_000))
