"""A search of the journal finds what a look at each entry finds, and lets other requests have their turns."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.routing import Router

from ltx_mock.asgi.in_process import call
from ltx_mock.asgi.turns import AT_ONCE
from ltx_mock.control.journal_filter import Filter, matching, select
from ltx_mock.control.routes import ControlPlane
from ltx_mock.control.to_json import MAX_PARTS
from ltx_mock.core.journal_entry import Entry, RequestEntry
from ltx_mock.core.settings import Settings
from ltx_mock.server.app import new_engine
from ltx_mock.store.memory import MemoryStore
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.validation.findings import malformed
from support.field_values import ENTRIES
from support.turns import turns_during


async def recorded(entries: list[Entry]) -> Tenant:
    """Return a tenant with these entries."""
    store = MemoryStore(Settings(clock="manual"))
    tenant = await store.tenant("a-key")
    for entry in entries:
        await store.run(tenant, partial(_record, entry))
    return tenant


def _record(entry: Entry, tenant: Tenant) -> None:
    tenant.record(lambda number: entry._replace(number=number))


async def searched(tenant: Tenant, wanted: Filter) -> tuple[list[Entry], list[Entry]]:
    """Return what a list has and what a count counts."""
    listed = await select([tenant], wanted, 10**6)
    counted = [each async for several in matching([tenant], wanted) for each in several]
    return [packed.unpack() for _, packed in listed.entries], counted


@given(st.lists(ENTRIES, min_size=1, max_size=4), st.data())
def test_a_search_finds_what_a_look_at_each_entry_finds(entries: list[Entry], data: st.DataObject) -> None:
    tenant = asyncio.run(recorded(entries * 2))
    one = data.draw(st.sampled_from(entries))
    wanted = Filter(
        kind=data.draw(st.sampled_from(["all", "exchange", one.kind])),
        operation=data.draw(st.sampled_from([None, one.operation])),
        task=data.draw(st.sampled_from([None, one.task_id])),
        status=data.draw(st.sampled_from([None, "none" if one.status is None else str(one.status)])),
        since=data.draw(st.integers(0, len(entries))),
    )
    expected = [entry for entry in tenant.journal if wanted.matches(entry)]
    assert asyncio.run(searched(tenant, wanted)) == (expected, expected[::-1])
    assert expected or wanted.kind == "exchange"


def test_a_list_and_a_count_compare_the_body_too() -> None:
    entries: list[Entry] = [
        RequestEntry(0, 1, "generateTask", "POST", "/", 200, b'{"number": %d}' % (number % 2), b"{}")
        for number in range(5)
    ]
    tenant = asyncio.run(recorded(entries))
    listed, counted = asyncio.run(searched(tenant, Filter.of({"body": {"number": 1}})))
    assert [entry.number for entry in listed] == [2, 4]
    assert counted == listed[::-1]


def counted(entries: list[tuple[str, Entry]], asked: dict[str, Any]) -> tuple[int, Any]:
    """Return how many turns others have during a count, and its answer."""

    async def turns() -> tuple[int, Any]:
        engine = new_engine(Settings())
        await engine.open()
        for key, entry in entries:
            tenant = await engine.tenants.of_key(key)
            assert tenant is not None
            await engine.store.run(tenant, partial(_record, entry))
        routes = Router(ControlPlane(engine).routes())
        answer = asyncio.ensure_future(call(routes, "POST", "/requests/count", body=json.dumps(asked).encode()))
        turns = await turns_during(answer)
        await engine.close()
        return turns, json.loads(answer.result().body)

    return asyncio.run(turns())


def request(body: bytes) -> RequestEntry:
    return RequestEntry(0, 1, "generateTask", "POST", "/", 200, body, b"{}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(0, 1) | st.sampled_from(["", "a", "\\", "\u00e9"]),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.sampled_from("ab"), parts, max_size=2),
    max_leaves=6,
)


@given(JSON, JSON, st.sampled_from(["", " ", "\n"]))
@example({"a": [1]}, {"a": [1.0]}, " ")
def test_the_body_of_a_made_task_is_compared_as_every_body_is(whole: object, part: object, space: str) -> None:
    raw = f"{space}{json.dumps(whole)}{space}".encode()
    wanted = Filter.of({"body": part})
    assert wanted.has_read_body(request(raw)._replace(task_id="task_1")) is wanted.has_body(raw)


@pytest.mark.parametrize(
    "changed",
    [
        {"task_id": None},
        {"operation": "other"},
        {"findings": (malformed("it is broken"),)},
        {"request": b'"%b"' % (b"x" * MAX_PARTS)},
        {"request": b"", "gaps": ("request",)},
        {"request": b"\xff"},
    ],
    ids=["no task", "another operation", "a finding", "a large body", "an unread body", "no UTF-8"],
)
def test_other_bodies_are_not_read_so_quickly(changed: dict[str, Any]) -> None:
    made = request(b'""')._replace(task_id="task_1")
    assert Filter.of({"body": ""}).has_read_body(made) is True
    assert Filter.of({"body": ""}).has_read_body(made._replace(**changed)) is None


@pytest.mark.parametrize("each", [1, 3, 4, 9, 150])
def test_entries_of_many_tenants_come_few_at_a_time(each: int) -> None:
    async def sizes() -> list[int]:
        tenants = [await recorded([]), *[await recorded([request(b"{}")] * each) for _ in range(300)]]
        return [len(several) async for several in matching(tenants, Filter())]

    found = asyncio.run(sizes())
    assert sum(found) == 300 * each
    assert max(found) <= AT_ONCE


def test_a_body_of_very_many_parts_is_compared_as_text_by_every_count() -> None:
    raw = json.dumps({"a": "," * MAX_PARTS}).encode()
    made: Entry = request(raw)._replace(task_id="task_1")
    refused: Entry = request(raw)
    for part, count in (({"a": "," * MAX_PARTS}, 0), (raw.decode(), 2)):
        _, answer = counted([("a-key", made), ("a-key", refused)], {"body": part})
        assert answer == {"count": count}


NONE_MATCH = {"status": "404"}


def test_others_have_turns_while_a_list_finds_nothing_in_long_entries() -> None:
    async def turns() -> int:
        tenant = await recorded([request(b"x" * 5000)] * 300)
        return await turns_during(select([tenant], Filter(status="404"), 10))

    assert asyncio.run(turns()) >= 20


@pytest.mark.parametrize("times", [60, 600])
def test_others_have_more_turns_the_longer_the_different_bodies_are_that_a_count_reads(times: int) -> None:
    """Bodies made of brackets take longest."""
    bodies = [b'{"number": %d, "padding": [%b0]}' % (number, b"[]," * 1300) for number in range(times)]
    entries: list[tuple[str, Entry]] = [("a-key", request(body)) for body in bodies]
    turns, answer = counted(entries, {"body": {"number": 1}})
    assert answer == {"count": 1}
    assert turns >= times // 2


def test_a_count_remembers_few_of_very_many_different_bodies() -> None:
    entries: list[tuple[str, Entry]] = [
        ("a-key", request(b'"%b"' % f"{number}".ljust(7000).encode())) for number in range(1000)
    ]
    most = list[int]()

    def has_body(_: Filter, raw: bytes) -> bool:
        most.append(tracemalloc.get_traced_memory()[0])
        return raw.startswith(b'"')

    tracemalloc.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Filter, "has_body", has_body)
            _, answer = counted(entries, {"body": {}})
    finally:
        tracemalloc.stop()
    assert answer == {"count": 1000}
    assert max(most) - most[0] < 3_000_000


@pytest.mark.parametrize(
    "asked",
    [NONE_MATCH, NONE_MATCH | {"since": 1}, {"operation": "other"}, {"kind": "clock"}],
    ids=["status", "since", "operation", "kind"],
)
def test_others_have_turns_while_entries_of_very_many_keys_are_counted(asked: dict[str, Any]) -> None:
    entries: list[tuple[str, Entry]] = [
        (f"key-{number}", request(b"x" * 5000)) for number in range(3 * AT_ONCE) for _ in range(3)
    ]
    turns, answer = counted(entries, asked)
    assert answer == {"count": 0}
    assert turns >= 12
