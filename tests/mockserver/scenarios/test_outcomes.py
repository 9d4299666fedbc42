"""What scenarios can say beyond their names: silence that ends, dates, results that are none, unknown ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.errors import LtxMockError
from ltx_mock.testing.options import DriftFields

BODY = {"input": {"mode": "text-to-video", "prompt": "a calm sea", "resolution": "480p", "duration": 5}}


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual") as server:
        yield server


def ended(mock: MockServer) -> dict[str, Any]:
    """Return the status of a task that has ended."""
    with mock.client() as client:
        task = client.post("/generateTask/ltx-2-19b", json=BODY).json()["data"]["taskId"]
        mock.clock.advance(200)
        return dict(client.get("/statusTask/ltx-2-19b", params={"taskId": task}).json()["data"])


def test_silence_ends_with_a_closed_connection_after_the_time_given(mock: MockServer) -> None:
    mock.scenarios.add(operation="statusTask", fault="NO_ANSWER", close_after=1)
    with mock.client(timeout=None) as client, pytest.raises(httpx.RemoteProtocolError):
        client.get("/statusTask/ltx-2-19b", params={"taskId": "x"})
    (entry,) = mock.requests
    assert (entry.status, "NO_ANSWER" in str(entry.cause)) == (None, True)


def test_close_after_is_for_silence_alone(mock: MockServer) -> None:
    with pytest.raises(LtxMockError, match="closeAfter needs the fault NO_ANSWER, not EMPTY_RESPONSE"):
        mock.scenarios.add(fault="EMPTY_RESPONSE", close_after=1)
    with pytest.raises(LtxMockError, match="closeAfter needs fault, which is missing"):
        mock.scenarios.add(status=500, close_after=1)


def test_retry_after_may_be_a_date_on_the_fakes_own_clock(mock: MockServer) -> None:
    mock.scenarios.add(status=429, retry_after=7, retry_after_date=True)
    now = mock.clock.now
    with mock.client() as client:
        told = client.get("/statusTask/ltx-2-19b", params={"taskId": "x"}).headers["retry-after"]
    wait = parsedate_to_datetime(told).timestamp() * 1000 - now
    assert 7000 <= wait < 8000
    assert mock.requests[0].retry_after == 7


@pytest.mark.parametrize(("drift", "result"), [({"results": 0}, {"resultUrls": []}), ({"result_json": "{}"}, {})])
def test_a_success_may_come_without_a_result(mock: MockServer, drift: DriftFields, result: dict[str, Any]) -> None:
    mock.scenarios.add(operation="statusTask", drift=drift)
    data = ended(mock)
    assert (data["state"], json.loads(data["resultJson"])) == ("success", result)


@pytest.mark.parametrize("fail_code", [None, "CONTENT_VIOLATION"])
def test_an_end_may_be_one_that_nobody_knows(mock: MockServer, fail_code: str | None) -> None:
    mock.scenarios.add(drift={"end_state": "cancelled"}, times="forever")
    if fail_code:
        mock.scenarios.add(fail_code=fail_code)
    data = ended(mock)
    assert data["state"] == "cancelled"
    assert not {"resultJson", "failCode", "failMsg"} & set(data)


def test_an_unknown_end_leaves_the_states_before_it_alone(mock: MockServer) -> None:
    mock.scenarios.add(drift={"end_state": "cancelled"}, times="forever")
    with mock.client() as client:
        task = client.post("/generateTask/ltx-2-19b", json=BODY).json()["data"]["taskId"]
        states = []
        for seconds in (0, 10, 200):
            mock.clock.advance(seconds)
            answer = client.get("/statusTask/ltx-2-19b", params={"taskId": task}).json()
            states.append(answer["data"]["state"])
    assert states == ["pending", "processing", "cancelled"]
