"""Two runs with the same settings, seed and requests are the same, byte for byte."""

from __future__ import annotations

from typing import Any

from ltx_mock import MockServer
from support.bodies import IMAGE_LORA, STATUS, TEXT, TEXT_LORA, data_of, post, request_body

SETTINGS: dict[str, Any] = {
    "clock": "manual",
    "public_url": "http://mock.test",
    "credits": 100,
    "max_concurrent": 3,
    "rate_limit": "40/minute",
}
HOOK = {"request_type": "callback", "callback_url": "https://your-server.com/callback"}


def run(**settings: Any) -> tuple[list[object], list[object]]:
    """Tell a story that touches everything; return all answers with their headers, and all records."""
    with MockServer(**SETTINGS | settings) as mock, mock.client(verify=False) as client:
        heard: list[object] = []

        def note(answer: Any) -> Any:
            heard.append((answer.status_code, sorted(answer.headers.items()), answer.content))
            return answer

        ids = [data_of(note(post(client, HOOK | request_body(TEXT))))["taskId"]]
        ids.append(data_of(note(post(client, request_body(IMAGE_LORA, seed=5))))["taskId"])
        ids.append(data_of(note(post(client, request_body(TEXT_LORA, prompt="[[invalid-lora-url]]"))))["taskId"])
        for sent in (request_body(), request_body(mode="x"), b"{", request_body(resolution="1080p", duration=20)):
            note(post(client, sent))
        for seconds in (0, 7.5, 30, 60, 100, 16 * 86_400):
            heard.append(mock.clock.advance(seconds))
            for task_id in [*ids, "task_unknown"]:
                note(client.get(STATUS, params={"taskId": task_id}))
        return heard, [mock.tasks, mock.requests, mock.callbacks]


def test_the_same_story_twice_is_the_same_byte_for_byte() -> None:
    assert run() == run()


def test_another_seed_tells_it_with_other_ids_and_times() -> None:
    (heard, records), (others, other_records) = run(seed=1), run(seed=2)
    assert heard != others
    assert records != other_records


def test_what_others_do_on_the_same_server_changes_nothing() -> None:
    with MockServer(**SETTINGS) as quiet, MockServer(**SETTINGS) as busy:
        stranger = busy.tenant("stranger")
        told: list[list[bytes]] = []
        for mock in (quiet, busy):
            heard = []
            with mock.client(verify=False) as client, stranger.client(verify=False) as other:
                for _ in range(3):
                    heard.append(post(client, request_body()).content)
                    if mock is busy:
                        post(other, request_body())
                        stranger.clock.advance(100)
                mock.clock.advance(50)
                heard += [client.get(STATUS, params={"taskId": task.id}).content for task in mock.tasks]
            told.append(heard)
        assert told[0] == told[1]
