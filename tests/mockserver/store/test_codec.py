"""What is written is read back exactly, whatever clients sent; what cannot be read is one kind of error."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ltx_mock import MockServer, SettingsError
from ltx_mock.core.clock import MODES, Clock, ClockMode
from ltx_mock.core.journal_entry import DownloadEntry, Entry, RequestEntry
from ltx_mock.core.records import Delivery, Task
from ltx_mock.core.settings import Settings
from ltx_mock.core.timeline import Timeline
from ltx_mock.core.timings import LONGEST, Life, Timings
from ltx_mock.engine.submissions import Submission
from ltx_mock.scenarios import NAMED, from_dict
from ltx_mock.scenarios.library import LIBRARY
from ltx_mock.scenarios.matching import ActiveScenario, activate
from ltx_mock.store import codec
from ltx_mock.store.codec import UnreadableRecord
from ltx_mock.store.tenant import Tenant
from ltx_mock.testing.tenant import World
from ltx_mock_contracts import strategies
from support.bodies import STATUS, post, request_body
from support.field_values import ENTRIES, TEXTS, every
from support.receivers import Receiver
from support.scenario_data import SCENARIOS
from support.scenario_runs import live
from support.waiting import GIVES_UP, SECONDS

ACTIVE = st.lists(
    st.builds(ActiveScenario, SCENARIOS.map(from_dict), TEXTS, st.integers(0) | st.just("forever"), st.integers(0)),
    max_size=3,
).map(tuple)
OFFSETS = st.integers(-(2**63), 2**63)


def submission_of(body: dict[str, Any], number: float, indent: int | None, *, ascii_only: bool) -> Submission:
    """Return a request written in one of many ways, with a field that nobody knows."""
    return Submission.of(json.dumps(body | {"x": number}, ensure_ascii=ascii_only, indent=indent).encode())


def task_of(task: Task, submitted: Submission) -> Task:
    """Return a task with another request."""
    return task._replace(body=submitted.raw, findings=submitted.findings)


SUBMISSIONS = st.builds(
    submission_of,
    strategies.valid_requests() | strategies.advisory_requests().map(lambda advised: advised.body),
    st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([None, 2]),
    ascii_only=st.booleans(),
)
TASKS = st.builds(task_of, every(Task, scenarios=ACTIVE, body=st.none(), findings=st.none()), SUBMISSIONS)
DELIVERIES = every(Delivery)
CLOCKS = st.builds(Clock, st.sampled_from(MODES), st.floats(1e-9, 1e6), st.integers(0), st.integers(0))
TIMES = st.lists(st.integers(0, LONGEST), min_size=1, max_size=3).map(sorted).map(tuple)
LIVES = st.builds(Life, resolution=st.just("480p"), mode=st.just("text-to-video"), ends=TIMES) | st.builds(
    Life, fail_code=st.just("CONTENT_VIOLATION"), ends=TIMES, starts=TIMES
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "clock": st.sampled_from(MODES),
        "speed": st.floats(1e-9, 1e6),
        "api_key": st.lists(st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True), max_size=2),
        "rate_limit": st.sampled_from(["1/second", "10000/hour"]),
        "credits": st.none() | st.integers(0),
        "price": st.dictionaries(st.sampled_from(["480p", "1080p"]), st.integers(0)),
        "seed": st.integers(),
        "strict": st.booleans(),
        "callback_rewrite": st.just({"https://app.example.com/a": "http://127.0.0.1:9/b"}),
        "allow_callback_host": st.lists(st.sampled_from(["app.example.com", "::1"])),
        "allow_origin": st.lists(st.sampled_from(["https://app.example.com", "null"])),
        "ca_file": st.none() | st.just("/tmp/ca.pem"),
        "admin_token": st.none() | st.text(min_size=1).filter(str.isprintable),
        "scenario": st.lists(SCENARIOS | st.sampled_from(sorted(NAMED)), max_size=3),
        "timings": st.none() | st.lists(LIVES, max_size=2).map(lambda lives: Timings.of(tuple(lives))),
    },
).map(Settings.from_mapping)


def check(value: Any, write: Callable[[Any], bytes], read: Callable[[bytes], Any]) -> None:
    """Check that a value is read back, with the same types: 1 is no 1.0, and a tuple no list."""
    found = read(write(value))
    assert found == value
    assert repr(found) == repr(value)


def check_task(task: Task) -> None:
    check(task, codec.task_to_bytes, codec.task_from_bytes)


def check_delivery(delivery: Delivery) -> None:
    check(delivery, codec.delivery_to_bytes, codec.delivery_from_bytes)


def check_entry(entry: Entry) -> None:
    check(entry, codec.entry_to_bytes, lambda record: codec.entry_from_bytes(record, entry.number))


def check_scenarios(active: tuple[ActiveScenario, ...]) -> None:
    check(active, codec.scenarios_to_bytes, codec.scenarios_from_bytes)


def check_settings(value: Settings) -> None:
    check(value, codec.settings_to_bytes, codec.settings_from_bytes)


def check_clock(clock: Clock, offset_ns: int) -> None:
    check(
        clock, partial(codec.clock_to_bytes, offset_ns=offset_ns), partial(codec.clock_from_bytes, offset_ns=offset_ns)
    )


# ---- what may be


@given(TASKS)
@settings(max_examples=40)
def test_every_task_is_read_back(task: Task) -> None:
    check_task(task)


@given(DELIVERIES)
def test_every_delivery_is_read_back(delivery: Delivery) -> None:
    check_delivery(delivery)


@given(ENTRIES)
def test_every_journal_entry_is_read_back(entry: Entry) -> None:
    check_entry(entry)


@given(ENTRIES, st.integers(1))
def test_a_journal_entry_gets_the_number_that_its_reader_gives(entry: Entry, number: int) -> None:
    assert codec.entry_from_bytes(codec.entry_to_bytes(entry), number) == entry._replace(number=number)


@given(ACTIVE)
def test_every_scenario_is_read_back(active: tuple[ActiveScenario, ...]) -> None:
    check_scenarios(active)


def test_a_scenario_is_read_by_what_it_did_then_whatever_its_name_means_now() -> None:
    slow = NAMED["slow"]
    before = replace(slow, outcome=replace(slow.outcome, generation=None, stuck=True))
    with pytest.raises(SettingsError):
        from_dict({"name": "slow", "stuck": True})
    check_scenarios((activate(before), activate(from_dict({"failCode": "x" * 100}))))


@given(SETTINGS)
def test_all_settings_are_read_back_with_their_secrets(value: Settings) -> None:
    check_settings(value)


@given(CLOCKS, OFFSETS)
def test_every_clock_is_read_back(clock: Clock, offset_ns: int) -> None:
    check_clock(clock, offset_ns)


def test_a_clock_goes_on_in_a_process_with_another_monotonic_time() -> None:
    written = codec.clock_to_bytes(Clock("real", 1.0, 5, 1_000), offset_ns=300)
    assert codec.clock_from_bytes(written, offset_ns=500) == Clock("real", 1.0, 5, 800)


@pytest.mark.parametrize("body", [b"\0" * 1000, b"\xff" * 1000, b'"' * 1000, b"\n" * 1000])
def test_a_body_takes_as_many_bytes_as_it_has(body: bytes) -> None:
    entry = RequestEntry(1, 2, "other", "POST", "/", 400, body, b"")
    assert len(codec.entry_to_bytes(entry)) < len(body) + 100


# ---- what is


def holdings(mock: MockServer, key: str) -> Tenant:
    """Check everything that a store holds of a key, and return the tenant."""

    async def look() -> tuple[Tenant, list[Task], list[Delivery], list[Entry]]:
        tenant = await mock._server_thread.engine.store.tenant(key)
        return tenant, [*tenant.tasks()], [*tenant.deliveries()], [*tenant.journal]

    tenant, tasks_, deliveries, entries = mock._server_thread.wait_for(look())
    for task in tasks_:
        check_task(task)
    for delivery in deliveries:
        check_delivery(delivery)
    for entry in entries:
        check_entry(entry)
    check_settings(tenant.settings)
    check_scenarios(tuple(tenant.scenarios))
    check_clock(tenant.clock, 12_345)
    assert entries
    return tenant


@pytest.mark.parametrize("name", [row.name for row in LIBRARY])
@pytest.mark.sample(6)
def test_what_a_scenario_leaves_behind_is_read_back(name: str, server: MockServer, world: World) -> None:
    world.scenario(name, times=2)
    with Receiver(500, 200, "close", 200) as receiver:
        live(world, receiver, GIVES_UP if NAMED[name].outcome.fault == "NO_ANSWER" else SECONDS)
    assert holdings(server, world.api_key).journal


@pytest.mark.parametrize("mode", MODES)
def test_what_a_server_holds_in_each_clock_mode_is_read_back(mode: ClockMode) -> None:
    with MockServer(clock=mode, scenario=["extra-fields"], credits=10**20, fetch_assets=True) as mock:
        with mock.client() as client:
            for prompt in ("\N{GRINNING FACE} \0", "nsfw"):
                post(client, json.dumps(request_body(prompt=prompt, x=10**200, seed=7.0)).encode())
            for body in (b'{"input":"\xff\0"}', rb'{"\ud800":1}', b""):
                post(client, body)
            client.get(STATUS + "?taskId=%ff", headers=[(b"x-odd", b"\xff\xfe")])
            client.get("/nothing")
        mock.clock.set("manual")
        assert len([*holdings(mock, mock.api_key).tasks()]) == 2


# ---- what is older, or damaged


@pytest.mark.parametrize(
    ("value", "write", "read", "added"),
    [
        (Delivery("cb_1", "k", "task_1", "u", None, "withheld"), codec.delivery_to_bytes, codec.delivery_from_bytes, 8),
        (RequestEntry(7, 1, "other", "GET", "/", 404, b"a", b"b"), codec.entry_to_bytes, None, 9),
        (DownloadEntry(7, 1, "GET", "/", 200, "task_1", 1, 2), codec.entry_to_bytes, None, 3),
    ],
)
def test_a_record_from_before_a_field_was_added_has_its_default(value: Any, write: Any, read: Any, added: int) -> None:
    line, _, rest = write(value).partition(b"\n")
    row = json.loads(line)
    read = read or partial(codec.entry_from_bytes, number=7)
    for length in range(len(row) - added, len(row) + 1):
        assert read(json.dumps(row[:length]).encode() + b"\n" + rest) == value
    for other in (row[: len(row) - added - 1], [*row, 1]):
        with pytest.raises(UnreadableRecord):
            read(json.dumps(other).encode() + b"\n" + rest)


def test_settings_from_before_one_was_added_have_its_default() -> None:
    assert codec.settings_from_bytes(b'{"seed":3}') == Settings(seed=3)
    with pytest.raises(UnreadableRecord):
        codec.settings_from_bytes(b'{"seed":3,"gravity":9.81}')


READERS: list[Callable[[bytes], Any]] = [
    codec.task_from_bytes,
    codec.delivery_from_bytes,
    partial(codec.entry_from_bytes, number=1),
    codec.scenarios_from_bytes,
    codec.settings_from_bytes,
    partial(codec.clock_from_bytes, offset_ns=0),
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["request", "clock", "mode"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "seed", "mode"]), inner),
    max_leaves=5,
)
GARBAGE = st.one_of(
    st.binary(),
    JSON.map(json.dumps).map(str.encode),
    st.lists(SCALARS | st.just([]), min_size=4, max_size=16).map(lambda row: json.dumps(row).encode() + b"\n{}"),
    st.sampled_from([b"[" * 100_000, b"9" * 5000, b'{"mode":"real","speed":1,"anchor":1e999,"anchor_ns":"x"}']),
)


@pytest.mark.parametrize("read", READERS)
@example(garbage=b"null")
@given(garbage=GARBAGE)
def test_garbage_is_one_kind_of_error(read: Callable[[bytes], Any], garbage: bytes) -> None:
    with suppress(UnreadableRecord):
        assert read(garbage) is not None


TASK = Task("task_1", "k", 1, b"", 7, Timeline(1, 2, 3), 5, "http://127.0.0.1")
RECORDS: list[tuple[bytes, Callable[[bytes], Any]]] = [
    (codec.task_to_bytes(task_of(TASK, Submission.of(json.dumps(request_body()).encode()))), codec.task_from_bytes),
    (
        codec.entry_to_bytes(RequestEntry(7, 1, "other", "GET", "/", 404, b"\xff", b"{}", ((b"a", b"b"),))),
        partial(codec.entry_from_bytes, number=1),
    ),
]


@pytest.mark.parametrize(("record", "read"), RECORDS, ids=["task", "entry"])
@given(st.data())
def test_a_damaged_record_is_one_kind_of_error(
    record: bytes, read: Callable[[bytes], Any], data: st.DataObject
) -> None:
    with pytest.raises(UnreadableRecord):
        read(record[: data.draw(st.integers(0, len(record) - 1))])
    place = data.draw(st.integers(0, len(record) - 1))
    with suppress(UnreadableRecord):
        read(record[:place] + data.draw(st.binary(min_size=1, max_size=2)) + record[place + 1 :])


def test_an_error_tells_no_secrets() -> None:
    for written in (
        b'{"admin_token":"sesame\\n"}',
        b'{"api_key":["sesame sesame"]}',
        b'{"callback_rewrite":{"http://sesame":1}}',
        b"sesame",
    ):
        with pytest.raises(UnreadableRecord) as caught:
            codec.settings_from_bytes(written)
        assert "sesame" not in str(caught.value)
