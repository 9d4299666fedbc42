"""What every store holds, whichever keeps the tenants: one state machine and a few properties."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.core.settings import Settings
from ltx_mock.store.interface import Store
from ltx_mock.store.memory import MemoryStore
from support.bodies import STATUS, TEXT, data_of, post, request_body
from support.fresh_handles import FreshHandles
from support.receivers import Receiver
from support.sse import listening

Make = Callable[[Settings], Any]
STORES: list[Make] = [MemoryStore, FreshHandles]


@pytest.fixture(params=STORES, ids=lambda make: make.__name__)
def make(request: pytest.FixtureRequest) -> Make:
    found: Make = request.param
    return found


@pytest.fixture
def store(make: Make) -> Store:
    made: Store = make(Settings(clock="manual"))
    return made


@pytest.fixture
def mock(make: Make, monkeypatch: pytest.MonkeyPatch) -> Iterator[MockServer]:
    """A server that keeps its state in the store."""
    monkeypatch.setattr("ltx_mock.server.app.MemoryStore", make)
    with MockServer(clock="manual") as server:
        yield server


def test_a_tenant_is_equal_to_itself_however_it_was_found(store: Store) -> None:
    tenant = store.tenant("key")
    assert tenant == store.find("key") == store.find_id(tenant.id) == store.tenants()[0]
    assert len({tenant, store.find("key")}) == 1
    assert tenant != store.tenant("another")


def test_a_tenant_that_is_opened_anew_is_another_with_the_same_id(store: Store) -> None:
    before = store.tenant("key")
    after = store.open("key", Settings(clock="manual"))
    assert before != after == store.find("key")
    assert (before.key, before.id) == (after.key, after.id)
    assert before.generation < after.generation


def test_no_generation_comes_again_after_everything_was_forgotten(store: Store) -> None:
    before = store.tenant("key")
    store.reset()
    assert store.find("key") is None
    assert store.tenant("key") != before


def test_a_clock_is_a_value_and_moves_with_its_tenant_only(store: Store) -> None:
    tenant, other = store.tenant("key"), store.tenant("another")
    shown, start = tenant.clock, tenant.clock.now()
    tenant.move_clock(start + 1000)
    tenant.move_clock(start)
    assert (shown.now(), tenant.clock.now(), other.clock.now()) == (start, start + 1000, start)
    tenant.set_clock("auto", None)
    assert (tenant.clock.mode, shown.mode, store.clock.mode) == ("auto", "manual", "manual")
    store.move_clock(start + 5000)
    assert (store.tenant("third").clock.now(), other.clock.now()) == (start + 5000, start)


def made(client: httpx.Client, url: str | None = None) -> str:
    more = {"request_type": "callback", "callback_url": url} if url else {}
    return str(data_of(post(client, request_body(TEXT) | more))["taskId"])


def test_a_callback_comes_and_its_task_is_found_by_its_key(mock: MockServer) -> None:
    with mock.client(transport=mock.transport) as client, Receiver() as receiver:
        task_id = made(client, receiver.url)
        fired = mock.clock.advance(120)
        assert [each["event"] for each in fired] == ["state", "state", "callback"]
        assert receiver.take().path == "/callback"
        assert [each.state for each in mock.callbacks] == ["delivered"]
        assert mock._admin.get(f"/tasks/{task_id}")["state"] == "success"


def test_what_is_under_way_for_a_tenant_that_was_reset_touches_the_new_one_nowhere(mock: MockServer) -> None:
    with mock.client(transport=mock.transport) as client, Receiver() as receiver:
        made(client, receiver.url)
        mock.reset()
        assert mock.clock.advance(200) == []
        assert receiver.take_all() == []
        assert (mock.tasks, mock.callbacks) == ([], [])


def test_a_reset_of_one_key_leaves_the_others(mock: MockServer) -> None:
    other = mock.tenant()
    with mock.client(transport=mock.transport) as mine, other.client(transport=other.transport) as theirs:
        made(mine)
        task_id = made(theirs)
        mock.reset()
        assert theirs.get(STATUS, params={"taskId": task_id}).status_code == 200
        assert mine.get(STATUS, params={"taskId": task_id}).status_code == 404
    assert [each.id for each in other.tasks] == [task_id]


def test_events_tell_of_changes(mock: MockServer) -> None:
    with mock.client(transport=mock.transport) as client, listening(mock.url) as events:
        task_id = made(client)
        mock.clock.advance(120)
        told = [each.data for each in events.take(3, "task")]
    assert [(each["id"], each["state"]) for each in told] == [
        (task_id, state) for state in ("pending", "processing", "success")
    ]
