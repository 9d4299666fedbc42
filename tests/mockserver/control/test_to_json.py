"""A list has the same JSON as a single item, whatever else was written before."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock.control.text_cache import MAX_SIZE
from ltx_mock.control.to_json import entry_text, entry_view, task_text, task_view
from ltx_mock.core.journal_entry import ClockEntry, Entry, RequestEntry
from ltx_mock.core.records import Task
from ltx_mock.core.settings import Settings
from ltx_mock.store.memory import MemoryStore
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.io.json_text import write_json
from support.field_values import ENTRIES, every

KEY, OTHER = "first-secret-key-1111", "second-secret-key-2222"
BODIES = st.sampled_from(
    [
        b"",
        b"{",
        b'{"prompt": "a \xe5\x9f\x8e city"}',
        b'{"prompt":"%b"}' % KEY.encode(),
        b'{"callback_url":"https://app.example/?token=of-a-user"}',
        b'{"prompt":"%b"}' % (b"x" * MAX_SIZE),
    ]
)


def tenants(**settings: Any) -> list[Tenant]:
    """Return the tenants of two keys."""

    async def made() -> list[Tenant]:
        store = MemoryStore(Settings.from_mapping({"clock": "manual"} | settings))
        return [await store.tenant(KEY), await store.tenant(OTHER)]

    return asyncio.run(made())


TENANTS = tenants() + tenants(port=8000)


def as_read(value: object) -> Any:
    """Return a value as it is after it was written and read, with its names in order."""
    return json.loads(write_json(value), object_pairs_hook=list)


@given(st.sampled_from(TENANTS), ENTRIES, BODIES, st.data())
def test_an_entry_in_a_list_is_as_it_is_alone(tenant: Tenant, entry: Entry, body: bytes, data: st.DataObject) -> None:
    """Also after entries that differ in one value, and for another key."""
    if not isinstance(entry, ClockEntry):
        entry = entry._replace(target=f"/{body.decode()}", request_headers=((b"host", b"127.0.0.1:80"), (b"x", body)))
    if isinstance(entry, RequestEntry):
        entry = entry._replace(request=body, response=data.draw(BODIES))
    name = data.draw(st.sampled_from(entry._fields))
    similar = data.draw(every(type(entry)))
    for each in (entry, entry._replace(**{name: getattr(similar, name)}), entry._replace(number=9), entry):
        for key in (tenant, *TENANTS):
            text = entry_text(key, each)
            assert json.loads(text, object_pairs_hook=list) == as_read(entry_view(key, each))
            assert key.key not in text


@given(st.sampled_from(TENANTS), every(Task, body=BODIES, scenarios=st.just(())), st.integers(0, 9))
def test_a_task_in_a_list_is_as_it_is_alone(tenant: Tenant, task: Task, now: int) -> None:
    for each in (task, task._replace(number=9)):
        for key in (tenant, *TENANTS):
            assert json.loads(task_text(key, each, now), object_pairs_hook=list) == as_read(task_view(key, each, now))


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_headers_may_be_lists_as_some_servers_have_them(body: bytes) -> None:
    pair: Any = [b"user-agent", b"an app"]
    entry = RequestEntry(1, 2, "generateTask", "POST", "/", 200, body, b"{}", request_headers=(pair,))
    assert json.loads(entry_text(TENANTS[0], entry))["requestHeaders"] == {"user-agent": "an app"}


def test_an_answer_in_one_line_is_quoted_as_it_came() -> None:
    answer = b'{"costTime": 1.50, "message": "\xe5\x9f\x8e"}'
    entry = RequestEntry(1, 2, "statusTask", "GET", "/", 200, b"", answer)
    assert answer.decode() in entry_text(TENANTS[0], entry)


@pytest.mark.parametrize("number", ["1２", "1.２", "-1٣"])
def test_a_body_with_digits_of_another_script_leaves_the_list_json(number: str) -> None:
    body = f'{{"n":{number},"pad":[{"[]," * 70}0]}}'
    entry = RequestEntry(1, 2, "generateTask", "POST", "/", 400, body.encode(), b"{}")
    assert json.loads(entry_text(TENANTS[0], entry))["request"] == body
