"""`GET /__admin/events`: what happens is told in its order to all who listen, and nobody is waited for."""

from __future__ import annotations

import gc
import signal
import socket
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.control import event_feed as feed
from ltx_mock.control.events import Events
from support.bodies import STATUS, TEXT, post, request_body, submit
from support.processes import serving
from support.receivers import Receiver
from support.sse import Told, events_in, events_so_far, listening
from support.waiting import SECONDS, until

START = 1_767_965_610_929
KEY = "the-first-secret-key-1111"
OTHER = "another-secret-key-2222"
ALL = {"tenant": None, "key": None}
MINE = {"tenant": "t1", "key": "…1111"}


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual", api_key=[KEY, OTHER]) as running:
        yield running


@pytest.fixture
def inside(mock: MockServer) -> Iterator[httpx.Client]:
    """A client of the control plane without a socket."""
    with httpx.Client(base_url=f"{mock.url}/__admin", transport=mock.transport) as client:
        yield client


@pytest.fixture
def admin(mock: MockServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{mock.url}/__admin", trust_env=False, verify=False) as client:
        yield client


def make(mock: MockServer, key: str = KEY, **changes: Any) -> str:
    with mock.tenant(key).client(transport=mock.transport) as client:
        return submit(client, TEXT, **changes)


def call_back(mock: MockServer, url: str) -> str:
    with mock.client(transport=mock.transport) as client:
        body = request_body(TEXT) | {"request_type": "callback", "callback_url": url}
        return str(post(client, body).json()["data"]["taskId"])


@pytest.fixture
def no_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish no counters during the test, however long a store takes."""
    monkeypatch.setattr("ltx_mock.control.events.COUNT_SECONDS", SECONDS)


def timeline_of(told: Told) -> list[tuple[str, int]]:
    return [(each["state"], each["at"]) for each in told.data["timeline"]]


@pytest.mark.usefixtures("no_counts")
def test_a_task_is_published_with_its_timeline_and_its_states_are_not_announced(mock: MockServer) -> None:
    with listening(mock.url) as events:
        task_id = make(mock)
        first = events.take(3)
        assert [each.kind for each in first] == ["tenant", "task", "request"]
        assert (first[1].data["change"], first[1].data["state"]) == ("made", "pending")
        assert (first[2].data["operation"], first[2].data["taskId"]) == ("generateTask", task_id)
        fired = mock.clock.advance(100)
        make(mock)
        assert [each.kind for each in events.take(2, "task", "clock")] == ["clock", "task"]
    assert timeline_of(first[1]) == [(each["state"], each["at"]) for each in fired]
    assert first[1].data["nextTransition"] == fired[0]["at"]


def test_the_numbers_of_events_grow(mock: MockServer) -> None:
    with listening(mock.url) as events:
        make(mock)
        mock.clock.advance(100)
        numbers = [each.number for each in events.take(4)]
    assert numbers == list(range(numbers[0], numbers[0] + 4))


def test_a_clock_that_jumps_is_published_with_the_times_of_the_timeline() -> None:
    with MockServer(clock="auto") as mock, listening(mock.url) as events, mock.client() as client:
        task_id = submit(client)
        for _, at in timeline_of(events.next("task")):
            client.get(STATUS, params={"taskId": task_id})
            assert events.next("clock").data["now"] == at


def test_the_list_has_the_timelines_of_tasks_that_were_there_before(mock: MockServer, admin: httpx.Client) -> None:
    with listening(mock.url) as events:
        make(mock)
        made = events.next("task").data
    (listed,) = admin.get("/tasks").json()["tasks"]
    assert {"change": "made", "at": START} | listed == made


def test_a_task_that_is_finished_by_hand_is_told_once(mock: MockServer, admin: httpx.Client) -> None:
    task_id = make(mock)
    with listening(mock.url) as events:
        admin.post(f"/tasks/{task_id}/finish", json={"state": "failed"})
        mock.clock.advance(1000)
        make(mock)
        told = events.take(2, "task")
    assert (told[0].data["id"], told[0].data["change"], timeline_of(told[0])) == (
        task_id,
        "changed",
        [("failed", START)],
    )
    assert (told[0].data["failCode"], told[0].data["cause"]) == ("CONTENT_VIOLATION", "finished by hand")
    assert told[1].data["change"] == "made"


@pytest.mark.parametrize(("image", "end"), [("images/reference.png", "success"), ("images/not-an-image.jpg", "failed")])
def test_a_timeline_has_no_end_until_the_image_is_known(mock: MockServer, image: str, end: str) -> None:
    with listening(mock.url) as events:
        make(mock, mode="image-to-video", image_urls=[f"{mock.url}/files/{image}"])
        made, final = events.take(2, "task")
        fired = mock.clock.advance(100)
    assert [each.data["change"] for each in (made, final)] == ["made", "changed"]
    assert [state for state, _ in timeline_of(made)] == ["processing"]
    assert timeline_of(final) == [(each["state"], each["at"]) for each in fired]
    assert final.data["endState"] == fired[-1]["state"] == end


def test_a_delivery_is_told_with_each_of_its_attempts(mock: MockServer) -> None:
    with Receiver(500, 200) as receiver, listening(mock.url) as events:
        call_back(mock, receiver.url)
        fired = mock.clock.run_until_idle()
        told = [events.next("delivery").data for _ in range(5)]
    assert [each["state"] for each in told] == ["scheduled", "sending", "scheduled", "sending", "delivered"]
    assert [len(each["attempts"]) for each in told] == [0, 0, 1, 1, 2]
    calls = [each["at"] for each in fired if each["event"] == "callback"]
    assert [told[1]["at"], told[3]["at"]] == calls


def test_a_task_and_the_end_of_its_clock_are_told_before_its_callback(mock: MockServer) -> None:
    with Receiver(200) as receiver, listening(mock.url) as events:
        call_back(mock, receiver.url)
        mock.clock.advance(100)
        told = events.take(6, "task", "delivery", "request", "clock")
    shown = [(each.kind, each.data.get("state"), each.data.get("operation")) for each in told]
    assert shown == [
        ("task", "pending", None),
        ("delivery", "scheduled", None),
        ("request", "pending", "generateTask"),
        ("clock", None, None),
        ("delivery", "sending", None),
        ("delivery", "delivered", None),
    ]
    assert told[3].data["now"] == timeline_of(told[0])[-1][1]
    assert told[0].data["key"] == told[1].data["key"] == "…1111"


def test_the_clock_is_told_when_it_is_moved_or_changed(mock: MockServer, admin: httpx.Client) -> None:
    make(mock)
    with listening(mock.url) as events:
        admin.post("/clock/advance", json={"seconds": 5})
        assert events.next("clock").data == {**ALL, "now": START + 5000, "mode": "manual", "speed": 1.0}
        admin.post("/clock", params={"key": KEY}, json={"mode": "auto"})
        told = events.next("clock").data
        while told["mode"] == "manual":
            told = events.next("clock").data
        assert (told["key"], told["mode"]) == ("…1111", "auto")


def test_scenarios_are_told_when_armed_used_up_and_disarmed(mock: MockServer, admin: httpx.Client) -> None:
    make(mock)
    with listening(mock.url) as events:
        admin.post("/scenarios", json={"name": "rate-limited"})
        ahead, mine = events.take(2, "scenario")
        assert (ahead.data["key"], mine.data["key"]) == (None, "…1111")
        assert [each["name"] for each in ahead.data["scenarios"] + mine.data["scenarios"]] == ["rate-limited"] * 2
        with mock.client() as client:
            assert post(client, request_body(TEXT)).status_code == 429
        assert events.next("scenario").data == {**MINE, "scenarios": []}
        admin.delete("/scenarios")
        assert events.next("scenario").data == {**ALL, "scenarios": []}


def test_worlds_come_and_go_and_begin_anew(mock: MockServer, admin: httpx.Client) -> None:
    with listening(mock.url) as events:
        admin.post("/tenants", json={"key": "fresh-key-5555", "settings": {"credits": 7}})
        told = events.next("tenant").data
        assert (told["change"], told["key"], told["credits"]["left"]) == ("made", "…5555", 7)
        fresh = told["tenant"]
        admin.post("/reset", params={"key": "fresh-key-5555"})
        assert events.next("reset").data == {"tenant": fresh, "key": "…5555", "what": "world"}
        admin.delete("/tenants", params={"key": "fresh-key-5555"})
        while (told := events.next("tenant").data)["change"] != "closed":
            pass
        assert told == {"change": "closed", "tenant": fresh, "key": "…5555"}
        admin.post("/reset")
        assert events.next("reset").data == {**ALL, "what": "world"}
        task_id = make(mock)
        assert events.next("task").data["id"] == task_id


def test_counters_are_told_a_little_later(mock: MockServer) -> None:
    with listening(mock.url) as events:
        make(mock), make(mock)
        events.next("tenant")
        told = events.next("tenant").data
    assert (told["change"], told["tasks"]["made"], told["requests"]["inWindow"]) == ("counted", 2, 2)


def test_a_key_hears_of_itself_only(mock: MockServer, admin: httpx.Client) -> None:
    with listening(mock.url, key=KEY) as mine, listening(mock.url) as all_:
        make(mock, OTHER), make(mock, KEY)
        assert [each.data["key"] for each in mine.take(2)] == ["…1111"] * 2
        assert [each.data["key"] for each in all_.take(4, "task", "request")] == ["…2222"] * 2 + ["…1111"] * 2
        admin.delete("/requests", params={"key": KEY})
        assert mine.next("reset").data == {**MINE, "what": "journal"}
        admin.post("/reset")
        assert mine.next("reset").data == {**ALL, "what": "world"}


def test_no_key_is_told(mock: MockServer) -> None:
    with listening(mock.url, wait="0.3") as events:
        with mock.client(transport=mock.transport) as client:
            submit(client, prompt=f"my key is {KEY}")
            client.get(f"{STATUS}?taskId={KEY}")
        mock.scenario("rate-limited")
        mock.clock.advance(60)
        text = str(events.rest())
    assert "…1111" in text
    assert KEY not in text


@pytest.mark.usefixtures("no_counts")
def test_who_comes_back_is_told_what_happened_meanwhile(mock: MockServer) -> None:
    with listening(mock.url) as events:
        make(mock)
        events.take(2)
        seen = events.last
    mock.clock.advance(100)
    with listening(mock.url, last=seen) as events:
        told = events.take(2)
    assert [each.kind for each in told] == ["request", "clock"]
    assert [each.number for each in told] == [seen + 1, seen + 2]


@pytest.mark.parametrize("last", ["0", "7", "999999999999999999", "x", "-1", "²", "9" * 400])
def test_who_comes_back_too_late_or_from_elsewhere_is_told_to_load_anew(inside: httpx.Client, last: str) -> None:
    answer = inside.get("/events", params={"wait": 0}, headers={b"last-event-id": last.encode()})
    assert "event: missed\n" in answer.text
    assert "event: hello\n" not in answer.text


def _events(mock: MockServer) -> Events:
    return Events.of(mock._server_thread.engine)


def test_what_is_kept_is_bounded_and_a_slow_reader_is_told_that_it_missed_something(mock: MockServer) -> None:
    address = httpx.URL(mock.url)
    with socket.create_connection((address.host, address.port or 0), timeout=SECONDS) as slow:
        slow.sendall(b"GET /__admin/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"hello" in slow.recv(4096)
        large = b'"' + b"x" * (1024 * 1024 - 2) + b'"'
        with mock.client(transport=mock.transport) as client:
            for _ in range(32):
                assert post(client, large).status_code == 400
        kept = _events(mock).feed._bytes
        assert 0 < kept <= feed.KEPT_BYTES
        said = b""
        while b"event: missed" not in said:
            piece = slow.recv(1 << 20)
            assert piece, "it hung up"
            said = said[-100:] + piece


def test_what_is_kept_is_bounded_though_an_event_is_larger_in_words_than_it_was_taken_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed, "KEPT_BYTES", 10_000)
    kept = feed.Feed(0, lambda: None, lambda: None)
    with kept.reader(None, None) as reader, kept.reader(None, None) as late:
        for _ in range(5):
            kept.publish("request", lambda: {"text": "\x01" * 500})  # six characters each in JSON
        assert [event.number for event in events_in(reader.read().decode().split("\n"))] == [1, 2, 3, 4, 5]
        assert 6_000 < kept._bytes == sum(event.size for event in kept._events) <= 10_000
        assert [event.kind for event in events_in(late.read().decode().split("\n"))] == ["missed"]
        kept.close()


def test_the_garbage_collector_never_has_very_many_events_to_walk_at_once() -> None:
    kept = feed.Feed(0, lambda: None, lambda: None)
    with kept.reader(None, None):
        for number in range(3 * feed.KEPT_EVENTS):
            kept.publish("request", partial(dict, number=number))
        assert feed.KEPT_EVENTS * 0.9 <= len(kept._events) <= feed.KEPT_EVENTS
        assert len(gc.get_objects(generation=0)) < feed.KEPT_EVENTS / 2
        kept.close()


def test_the_stream_has_the_right_headers_and_no_body_for_head(admin: httpx.Client) -> None:
    answer = admin.head("/events")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert admin.post("/events").status_code == 405


@pytest.mark.parametrize("wait", ["x", "-1", "1e3", "nan", "", "601", "9" * 40])
def test_a_wait_that_is_no_time_is_refused(inside: httpx.Client, wait: str) -> None:
    answer = inside.get("/events", params={"wait": wait})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("wait must be a number of seconds from 0 to 600")


def test_a_key_that_is_not_accepted_has_no_events(inside: httpx.Client) -> None:
    assert inside.get("/events", params={"key": "nobody", "wait": 0}).status_code == 404


def test_pages_of_other_sites_hear_nothing(admin: httpx.Client) -> None:
    assert admin.get("/events", headers={"origin": "https://evil.example"}).status_code == 403


def test_a_stream_that_waits_for_long_says_that_it_is_still_there(
    mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ltx_mock.control.event_stream.HEARTBEAT_SECONDS", 0.005)
    with listening(mock.url) as events:
        assert ": still here" in events.lines


def test_while_nobody_listens_nothing_is_kept(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    events = _events(mock)
    make(mock)
    assert (events.active, events.feed._bytes, events._published) == (False, 0, {})
    monkeypatch.setattr(feed, "LINGER_SECONDS", 0.005)
    with listening(mock.url) as listener:
        make(mock)
        listener.take(3)
        assert mock.look(lambda _: events.active)
    until(lambda: not mock.look(lambda _: events.active))
    assert (events.feed._bytes, events._published) == (0, {})
    with listening(mock.url, last=listener.last) as again:
        assert again.next().kind == "missed"


def test_stopping_does_not_wait_for_listeners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ltx_mock.server.http.STOP_SECONDS", 600)  # who waited at all would wait for so long
    monkeypatch.setattr("ltx_mock.server.thread.STOP_SECONDS", 600)
    with MockServer(clock="manual") as mock, listening(mock.url) as one, listening(mock.url) as other:
        begin = time.monotonic()
        mock.stop()
        assert time.monotonic() - begin < SECONDS
        assert one.at_end()
        assert other.at_end()


def test_a_served_fake_stops_on_ctrl_c_while_somebody_listens() -> None:
    with serving("--quiet", "--clock", "manual") as served, listening(served.url) as events:
        assert served.end(signal.SIGINT) == 0
        assert events.at_end()
        assert "Traceback" not in served.stderr()


@pytest.mark.usefixtures("no_counts")
def test_a_test_reads_events_without_a_socket(mock: MockServer, inside: httpx.Client) -> None:
    (hello,) = events_so_far(inside)
    assert hello.kind == "hello"
    make(mock)
    mock.clock.advance(100)
    told = events_so_far(inside, hello.number)
    assert [each.kind for each in told] == ["tenant", "task", "request", "clock"]
    assert events_so_far(inside, told[-1].number) == []
