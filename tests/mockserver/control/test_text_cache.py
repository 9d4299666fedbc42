"""A cache returns what would be written anew, and stays small."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock.control.text_cache import MAX_SIZE, MAX_TEXTS, TextCache
from ltx_mock.control.to_json import entry_text, shown_body
from ltx_mock.core.cause import Cause
from ltx_mock.core.journal_entry import CallbackEntry, Entry, RequestEntry
from ltx_mock.core.settings import Settings
from ltx_mock.store.memory import MemoryStore
from ltx_mock.store.tenant import Tenant
from support.memory import little_is_kept

REQUEST = RequestEntry(1, 2, "other", "GET", "/", 404, b"", b"{}")
CALLBACK = CallbackEntry(1, 2, 3, "one", "/", 200, b"{}", "", Cause("attempt", "attempt 1"))


class Writer:
    """Writes texts, and notes which."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, text: str) -> str:
        self.written.append(text)
        return text


@given(st.lists(st.sampled_from(["a", "b", "c", "x" * (MAX_SIZE + 1)])))
def test_a_text_is_written_once_unless_it_is_long(texts: list[str]) -> None:
    cache, writer = TextCache(), Writer()
    assert [cache.get(text, partial(writer.write, text)) for text in texts] == texts
    long = [text for text in texts if len(text) > 1]
    assert sorted(writer.written) == sorted([*{*texts} - {*long}, *long])


def test_of_many_texts_the_first_are_written_again() -> None:
    cache, writer = TextCache(), Writer()
    texts = [f"{number}" for number in range(2 * MAX_TEXTS)]
    for _ in range(2):
        for text in texts:
            cache.get(text, partial(writer.write, text))
    assert writer.written == texts * 2


def test_what_is_made_of_lists_is_written_each_time() -> None:
    cache, writer = TextCache(), Writer()
    assert [cache.get(("a", ["b"]), partial(writer.write, "text")) for _ in range(3)] == ["text"] * 3
    assert len(writer.written) == 3


def header(name: bytes, value: str) -> tuple[tuple[bytes, bytes], ...]:
    return ((name, value.encode()),)


def new_tenant() -> Tenant:
    async def of_a_key() -> Tenant:
        return await MemoryStore(Settings(clock="manual")).tenant("a-key")

    return asyncio.run(of_a_key())


@pytest.mark.parametrize(
    "entry",
    [
        lambda value: REQUEST._replace(method=value),
        lambda value: REQUEST._replace(cause=Cause("asset", value)),
        lambda value: REQUEST._replace(request_headers=header(b"authorization", value)),
        lambda value: REQUEST._replace(request_headers=header(b"x", value)),
        lambda value: REQUEST._replace(response_headers=header(b"x", value)),
        lambda value: REQUEST._replace(request=value.encode()),
        lambda value: REQUEST._replace(response=value.encode()),
        lambda value: CALLBACK._replace(content_type=value),
        lambda value: CALLBACK._replace(cause=Cause("attempt", value)),
    ],
    ids=["method", "cause", "secret", "header", "answer's header", "body", "answer", "type", "reason"],
)
def test_of_very_many_entries_little_is_kept_whatever_is_long_in_them(entry: Callable[[str], Entry]) -> None:
    tenant = new_tenant()
    with little_is_kept():
        for number in range(MAX_TEXTS - 1):
            for name in ("", "http://h/?token="):  # a text without the secret is short
                assert entry_text(tenant, entry(f"{name}{number:08}".ljust(50_000, "x")))


def test_little_is_kept_of_bodies_that_are_short_and_large_when_they_are_read() -> None:
    tenant = new_tenant()
    with little_is_kept():
        for number in range(130):
            shown_body(tenant, b'{"n":%d,"a":[%b0]}' % (number, b"[]," * 1300))
