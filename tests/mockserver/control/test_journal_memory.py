"""All journals together have one budget; what invented keys bring about is bounded, and goes first."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from ltx_mock import MockServer, SettingsError
from ltx_mock.store import memory
from ltx_mock.store.memory_budget import Budget
from support.bodies import GENERATE, STATUS, TEXT, post, request_body, submit

MEBIBYTE = 1024 * 1024
REFUSED = b'"' + b"x" * 500_000 + b'"'
"""A body that is no object."""


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual", journal_memory=4) as running:
        yield running


def measured(mock: MockServer, name: str) -> list[float]:
    """Return the samples of a metric."""
    text = httpx.get(f"{mock.url}/__admin/metrics", trust_env=False).text
    return [float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"ltx_mock_{name}")]


def send(mock: MockServer, key: str | None, body: bytes = REFUSED) -> int:
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
    with httpx.Client(transport=mock.transport, base_url=mock.base_url) as client:
        return client.post(GENERATE, content=body, headers=headers).status_code


@pytest.mark.slow
def test_a_flood_of_invented_keys_stays_within_the_budget(mock: MockServer) -> None:
    """After each request; and the sum over all tenants is exactly what is counted."""
    for number in range(30):
        assert send(mock, f"invented-key-{number}") == 400
        assert sum(measured(mock, "journal_bytes")) == measured(mock, "journal_memory_bytes")[0] <= 4 * MEBIBYTE
    assert measured(mock, "journal_memory_limit_bytes") == [4 * MEBIBYTE]
    assert measured(mock, "journal_memory_bytes")[0] > 3 * MEBIBYTE


def test_who_works_keeps_the_journal_and_idle_keys_lose_theirs(mock: MockServer) -> None:
    """Although the idle keys were heard of later; what came without a good key goes before them."""
    with mock.client(transport=mock.transport) as client:
        submit(client)
        post(client, REFUSED)
    send(mock, "idle-key")
    with httpx.Client(transport=mock.transport, base_url=mock.base_url) as client:
        for _ in range(3):
            client.get(STATUS, headers={"x": "y" * 500_000})
    assert len(mock.unauthenticated_requests) == 3
    for _ in range(4):
        send(mock, "flooding-key")
    assert len(mock.unauthenticated_requests) < 3
    assert len(mock.tenant("idle-key").requests) == 1
    for number in range(20):
        send(mock, f"flooding-key-{number}")
    assert [len(mock.unauthenticated_requests), len(mock.tenant("idle-key").requests), len(mock.requests)] == [0, 0, 2]


def test_what_is_emptied_reset_or_closed_is_counted_no_longer(mock: MockServer) -> None:
    for key in ("emptied-key", "reset-key", "closed-key"):
        mock.tenant(key, credits=1)
        send(mock, key)
    assert measured(mock, "journal_memory_bytes")[0] > 1_500_000
    httpx.delete(f"{mock.url}/__admin/requests", params={"key": "emptied-key"}, trust_env=False)
    mock.tenant("reset-key").reset()
    mock.tenant("closed-key").close()
    assert measured(mock, "journal_memory_bytes") == [0]
    send(mock, "reset-key")
    assert measured(mock, "journal_memory_bytes")[0] > 500_000


def test_headers_and_bounds_of_one_key_are_counted_too(mock: MockServer) -> None:
    world = mock.tenant("one-key", journal_entries=2)
    with world.client(transport=mock.transport) as client:
        for _ in range(5):
            client.get(STATUS, headers={"x-large": "y" * 50_000})
    assert 100_000 < measured(mock, "journal_memory_bytes")[0] < 110_000


@pytest.mark.slow
@pytest.mark.memory_store("others forget what they have read, and keep the tasks")
def test_tasks_of_invented_keys_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenant that was not heard of for longest is forgotten whole; those that somebody set up stay."""
    monkeypatch.setattr(memory, "MAX_TASK_BYTES", 2 * MEBIBYTE)
    with MockServer(clock="manual") as mock:
        kept = mock.tenant("kept-key", credits=100)
        with kept.client(transport=mock.transport) as client:
            task_id = submit(client)
        padded = request_body(TEXT) | {"padding": "x" * 300_000}
        for number in range(30):
            with mock.tenant(f"invented-key-{number}").client(transport=mock.transport) as client:
                assert post(client, padded).status_code == 200
                assert measured(mock, "task_memory_bytes")[0] <= 2 * MEBIBYTE
        assert [task.id for task in kept.tasks] == [task_id]
        assert len(mock.tenant("invented-key-29").tasks) == 1
        assert mock.tenant("invented-key-0").tasks == []


def test_the_budget_is_a_setting_of_the_whole_server(mock: MockServer) -> None:
    told = httpx.get(f"{mock.url}/__admin/settings", trust_env=False).json()
    assert told["journal_memory"] == 4
    with pytest.raises(SettingsError, match="journal_memory is a setting of the whole server"):
        mock.tenant(journal_memory=8)  # type: ignore[call-arg]
    with pytest.raises(SettingsError, match="journal_memory must be a whole number of at least 1, not 0"):
        MockServer(journal_memory=0)


def test_where_nothing_can_go_it_is_looked_for_again_only_after_much_more() -> None:
    asked: list[int] = []
    budget = Budget(800, asked.append)
    for _ in range(1000):
        budget.count(1)
        budget.settle()
    assert asked == [101, 202]
    assert budget.used == 1000
