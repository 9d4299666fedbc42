"""A search of the journal finds what a look at each entry finds, and lets other requests have their turns."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Router

from ltx_mock.asgi.in_process import call
from ltx_mock.control.journal import LONG
from ltx_mock.control.journal_filter import Filter
from ltx_mock.control.routes import ControlPlane
from ltx_mock.core.journal_entry import Entry, RequestEntry
from ltx_mock.core.settings import Settings
from ltx_mock.server.app import new_engine
from ltx_mock.store.memory import MemoryStore
from ltx_mock.store.tenant import Tenant
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
    found = [entry for packed in wanted.entries_of(tenant) if wanted.matches(entry := packed.unpack())]
    assert found == [entry for entry in tenant.journal if wanted.matches(entry)][::-1]
    assert found or wanted.kind == "exchange"


def test_other_requests_have_their_turn_before_each_long_body_that_is_counted() -> None:
    engine, times = new_engine(Settings()), 30

    async def turns() -> tuple[int, Any]:
        await engine.open()
        tenant = await engine.tenants.of_key("a-key")
        assert tenant is not None
        for number in range(times):
            body = json.dumps({"number": number % 2, "padding": f"{number}".ljust(LONG)}).encode()
            entry = RequestEntry(0, 1, "generateTask", "POST", "/", 200, body, b"{}")
            await engine.store.run(tenant, partial(_record, entry))
        routes = Router(ControlPlane(engine).routes())
        asked = asyncio.ensure_future(call(routes, "POST", "/requests/count", body=b'{"body": {"number": 1}}'))
        counted = await turns_during(asked)
        await engine.close()
        return counted, json.loads(asked.result().body)

    counted, answer = asyncio.run(turns())
    assert answer == {"count": times // 2}
    assert counted >= times
