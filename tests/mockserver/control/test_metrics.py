"""`GET /__admin/metrics`: what Prometheus reads."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ltx_mock import MockServer
from support.bodies import DAY, GENERATE, STATUS, TEXT, post, request_body, submit
from support.receivers import Receiver
from support.sse import listening

KEY = "the-first-secret-key-1111"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual") as running:
        yield running


def scraped(mock: MockServer, **params: str) -> Samples:
    answer = httpx.get(f"{mock.url}/__admin/metrics", params=params, trust_env=False)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples: Samples = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation
        assert family.type in {"counter", "gauge"}
        for sample in family.samples:
            where = sample.name, frozenset(sample.labels.items())
            assert where not in samples, "told twice"
            samples[where] = sample.value
    return samples


def value(samples: Samples, name: str, **labels: str) -> float:
    wanted, full = labels.items(), f"ltx_mock_{name}"
    found = [number for (each, given), number in samples.items() if each == full and wanted <= set(given)]
    assert len(found) == 1, (name, labels, found)
    return found[0]


def test_requests_tasks_and_deliveries_are_counted(mock: MockServer) -> None:
    world = mock.tenant(KEY)
    with Receiver(500, 200) as receiver, world.client(transport=mock.transport) as client:
        for url in (receiver.url, "https://a.example/cb"):
            body = request_body(TEXT) | {"request_type": "callback", "callback_url": url}
            assert post(client, body).status_code == 200
        submit(client, prompt="[[content-violation]]")
        world.clock.run_until_idle()
        submit(client)
        assert post(client, request_body(TEXT, duration=99)).status_code == 400
        client.get(STATUS, params={"taskId": "x"})
    told = scraped(mock)
    key = "…1111"
    assert value(told, "requests_total", key=key, operation="generateTask", status="200") == 4
    assert value(told, "requests_total", key=key, operation="generateTask", status="400") == 1
    assert value(told, "requests_total", key=key, operation="statusTask", status="404") == 1
    assert value(told, "requests_total", key=key, operation="callback", status="500") == 1
    states = {
        state: value(told, "tasks", key=key, state=state) for state in ("pending", "processing", "success", "failed")
    }
    assert states == {"pending": 1, "processing": 0, "success": 2, "failed": 1}
    outcomes = {
        each: value(told, "deliveries", key=key, outcome=each) for each in ("delivered", "withheld", "scheduled")
    }
    assert outcomes == {"delivered": 1, "withheld": 1, "scheduled": 0}
    assert value(told, "credits_spent", key=key) == 15
    assert value(told, "clock_mode", key=key, mode="manual") == 1
    assert value(told, "clock_mode", key=key, mode="real") == 0
    assert value(told, "journal_entries", key=key) > 8
    assert value(told, "journal_bytes", key=key) > 1000


def test_a_bounded_or_emptied_journal_takes_nothing_from_the_counters(mock: MockServer) -> None:
    world = mock.tenant(KEY, journal_entries=2)
    with world.client(transport=mock.transport) as client:
        for _ in range(5):
            client.get(STATUS, params={"taskId": "x"})
    world._admin.delete("/requests")
    told = scraped(mock)
    assert value(told, "requests_total", key="…1111", operation="statusTask", status="404") == 5
    assert value(told, "journal_entries", key="…1111") == 0


def test_a_key_shows_its_own_only_and_no_key_is_shown(mock: MockServer) -> None:
    for key in (KEY, "another-secret-key-2222"):
        with mock.tenant(key).client(transport=mock.transport) as client:
            submit(client)
    text = httpx.get(f"{mock.url}/__admin/metrics", trust_env=False).text
    assert "secret" not in text
    keys = {dict(labels).get("key") for _, labels in scraped(mock, key=KEY)}
    assert keys == {"…1111", None}


def test_keys_that_end_alike_are_counted_apart(mock: MockServer) -> None:
    for key in ("one-key-of-two-7777", "other-key-of-two-7777"):
        with mock.tenant(key).client(transport=mock.transport) as client:
            submit(client)
    told = scraped(mock)
    assert [value(told, "tasks", key="…7777", tenant=each, state="pending") for each in ("t1", "t2")] == [1, 1]


@pytest.mark.parametrize("end", ['a"b', "a\\b", "a\\nb", '\\"\\', "}{=,", "\u00e9\u00e9\u00e9"])
def test_a_hostile_key_is_escaped(mock: MockServer, end: str) -> None:
    key = f"a-rather-long-key-{end}"
    headers = {b"authorization": f"Bearer {key}".encode("latin-1")}
    with httpx.Client(base_url=mock.base_url, transport=mock.transport, headers=headers) as client:
        assert client.post(GENERATE, json=request_body(TEXT)).status_code == 200
    assert value(scraped(mock), "tasks", key="…" + key[-4:], state="pending") == 1


def test_the_server_tells_of_itself(mock: MockServer) -> None:
    before = scraped(mock)
    assert 0 <= time.time() - before["process_start_time_seconds", frozenset()] < DAY
    assert value(before, "event_listeners") == 0
    with listening(mock.url):
        assert value(scraped(mock), "event_listeners") == 1
    assert any(name == "ltx_mock_build_info" for name, _ in before)


def test_requests_without_a_good_key_are_counted_too(mock: MockServer) -> None:
    with mock.client(transport=mock.transport) as client:
        assert client.get(STATUS, headers={"authorization": ""}).status_code == 401
    assert value(scraped(mock), "requests_total", tenant="nobody", key="…", operation="statusTask", status="401") == 1
