"""A callback can be made again by hand, as after a receiver that lost it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ltx_mock import MockServer
from ltx_mock.errors import ConflictError, NotFoundError
from ltx_mock.receiver import CallbackReceiver
from ltx_mock_contracts import check_trace
from ltx_mock_contracts.trace import parse_trace
from support import request_body

DAY = 24 * 3600


@pytest.fixture
def receiver() -> Iterator[CallbackReceiver]:
    with CallbackReceiver() as receiver:
        yield receiver


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual") as mock:
        yield mock


def submit(mock: MockServer, url: str) -> None:
    body = request_body() | {"request_type": "callback", "callback_url": url}
    with mock.client() as client:
        assert client.post("/generateTask/ltx-2-19b", json=body).status_code == 200


def test_a_callback_that_was_made_is_made_again_with_the_same_body(
    mock: MockServer, receiver: CallbackReceiver
) -> None:
    submit(mock, receiver.url)
    mock.clock.advance(60)
    (delivery,) = mock.callbacks
    again = mock.redeliver(delivery)
    first, second = receiver.wait(2)
    assert first.body == second.body
    assert (again.state, len(again.attempts), again.due) == ("delivered", 2, None)
    assert [each.cause for each in mock.requests if each.operation == "callback"] == [
        "attempt 1",
        "attempt 2; made again by hand",
    ]


def test_a_callback_that_was_given_up_is_made_again(mock: MockServer, receiver: CallbackReceiver) -> None:
    receiver.answer(500)
    submit(mock, receiver.url)
    mock.clock.advance(DAY)
    assert mock.callbacks[0].state == "failed"
    receiver.answer(200)
    assert mock.redeliver(mock.callbacks[0].id).state == "delivered"
    assert len(receiver.received) == 5


def test_one_that_is_to_come_needs_no_help(mock: MockServer, receiver: CallbackReceiver) -> None:
    submit(mock, receiver.url)
    with pytest.raises(ConflictError, match="is scheduled; it needs no help"):
        mock.redeliver(mock.callbacks[0])


def test_one_that_may_go_nowhere_stays(mock: MockServer) -> None:
    submit(mock, "https://example.com/callback")
    mock.clock.advance(DAY)
    with pytest.raises(ConflictError, match=r"may go nowhere: example\.com is not this machine"):
        mock.redeliver(mock.callbacks[0])


def test_one_that_there_is_not_is_told(mock: MockServer) -> None:
    with pytest.raises(NotFoundError, match="no callback 'cb_nothing'"):
        mock.redeliver("cb_nothing")


def test_a_recording_says_that_it_was_by_hand_and_breaks_no_rule(mock: MockServer, receiver: CallbackReceiver) -> None:
    submit(mock, receiver.url)
    mock.clock.advance(60)
    mock.redeliver(mock.callbacks[0])
    import httpx

    recorded = httpx.get(f"{mock.url}/__admin/requests", params={"key": mock.api_key, "format": "ndjson"}).text
    assert check_trace(parse_trace(recorded)).broken == ()
