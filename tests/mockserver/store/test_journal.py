"""A journal has its entries exactly as they were, however they are kept."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock.asgi.turns import Portion
from ltx_mock.core.cause import Cause
from ltx_mock.core.journal_entry import CallbackEntry, ClockEntry, DownloadEntry, Entry, RequestEntry
from ltx_mock.store.journal import LARGE, Journal, Packed
from ltx_mock_contracts.validation.findings import Finding
from support.field_values import ENTRIES


def journal_of(entries: list[Entry]) -> tuple[Journal, list[Entry], list[int]]:
    """Return a journal with entries, these with numbers that leave gaps, and the bytes that each takes."""
    journal = Journal()
    numbered: list[Entry] = [entry._replace(number=3 * place) for place, entry in enumerate(entries, 1)]
    return journal, numbered, [journal.append(entry) for entry in numbered]


def newest_first(
    journal: Journal, *values: str | int, after: int = 0, searched: int = 10**9
) -> Iterator[Packed | None]:
    """Search a journal, with a None for so many bytes that were searched."""
    return journal.newest_first(after, values, Portion(searched))


def unpacked(found: Iterator[Packed | None]) -> list[Entry]:
    return [each.unpack() for each in found if each is not None]


def request(number: int, task_id: str | None) -> RequestEntry:
    return RequestEntry(number, 1, "statusTask", "GET", f"/other?taskId={task_id}", 200, b"", b"{}", task_id=task_id)


CAUSE = Cause("attempt", "attempt 1")
FINDING = Finding(
    rule="GEN-16", severity="advisory", pointer="/a", got="1", allowed="nothing", message="a is no field: it is ignored"
)
UNWALKED: list[Entry] = [
    request(1, "one")._replace(cause=CAUSE, request_headers=((b"a", b"b"),)),
    CallbackEntry(1, 2, 3, "one", "http://127.0.0.1:9", 200, b"{}", "application/json", CAUSE),
    DownloadEntry(1, 2, "GET", "/one", 200, "one", 3, 3),
    ClockEntry(1, 2, 3, CAUSE),
    request(1, "one")._replace(findings=(FINDING, FINDING), cause=CAUSE),
    request(1, "one")._replace(request=b"x" * LARGE, findings=(FINDING,)),
    CallbackEntry(1, 2, 3, "one", "http://127.0.0.1:9", 200, b"x" * LARGE, "application/json", CAUSE),
]


@given(st.lists(ENTRIES, max_size=5))
def test_it_has_all_entries_in_both_orders_and_each_by_its_number(entries: list[Entry]) -> None:
    journal, numbered, _ = journal_of(entries)
    assert (repr([*journal]), len(journal)) == (repr(numbered), len(numbered))
    for after in range(3 * len(numbered) + 2):
        newer = [entry for entry in numbered if entry.number > after]
        assert unpacked(newest_first(journal, after=after)) == newer[::-1]
    assert [journal.entry(number) for number in range(3 * len(numbered) + 2)] == [
        numbered[number // 3 - 1] if number and number % 3 == 0 and number // 3 <= len(numbered) else None
        for number in range(3 * len(numbered) + 2)
    ]
    assert (journal.first, journal.last) == ((3, 3 * len(numbered)) if numbered else (0, 0))


@given(st.lists(ENTRIES, min_size=1, max_size=5), st.data())
def test_entries_leave_it_at_both_ends_with_the_bytes_that_they_took(entries: list[Entry], data: st.DataObject) -> None:
    journal, numbered, sizes = journal_of(entries)
    while numbered:
        if data.draw(st.booleans()):
            assert journal.remove_oldest() == (numbered.pop(0).number, sizes.pop(0))
        else:
            assert journal.take_newest() == (numbered.pop(), sizes.pop())
        assert [*journal] == numbered


@given(st.lists(ENTRIES, max_size=5), st.none() | st.text(st.characters(exclude_categories=()), min_size=1, max_size=3))
def test_it_finds_the_entries_of_a_task(entries: list[Entry], task_id: str | None) -> None:
    journal, numbered, _ = journal_of([*entries, request(0, task_id), request(0, "another")])
    for wanted in {entry.task_id for entry in numbered} - {None}:
        assert [*journal.of_task(str(wanted))] == [entry for entry in numbered if entry.task_id == wanted]


@given(st.lists(ENTRIES, max_size=5), st.integers(0, 20), st.integers(1, 1000), st.integers(0, 20))
def test_a_search_leaves_out_no_entry_with_the_values(
    entries: list[Entry], others: int, searched: int, after: int
) -> None:
    journal, numbered, _ = journal_of([*entries, *[request(0, "another")] * others])
    for entry in numbered:
        values = [each for each in (entry.task_id, entry.status) if each is not None]
        found = unpacked(newest_first(journal, *values, after=after, searched=searched))
        assert [each for each in found if (each.task_id, each.status) == (entry.task_id, entry.status)] == [
            each
            for each in numbered[::-1]
            if each.number > after and (each.task_id, each.status) == (entry.task_id, entry.status)
        ]


def test_a_search_unpacks_no_entry_without_the_value() -> None:
    journal, numbered, _ = journal_of([request(0, "one"), request(0, "two"), request(0, "one")])
    assert [each and each.number for each in newest_first(journal, "two", 200)] == [numbered[1].number]
    assert [*newest_first(journal, "two", 404)] == []


@pytest.mark.parametrize("found", ["one", "two"])
def test_a_search_has_its_steps_however_long_the_entries_are_and_whatever_it_finds(found: str) -> None:
    long: list[Entry] = [request(0, "one")._replace(target="/".ljust(30_000, "x")) for _ in range(20)]
    journal, numbered, _ = journal_of(long + [request(0, "one")] * 100)
    steps = [*newest_first(journal, found, searched=64 * 1024)].count(None)
    assert 20 * 30_000 // (90 * 1024) <= steps <= len(numbered) // 4


def test_the_steps_of_a_search_in_many_journals_count_together() -> None:
    searched, steps = Portion(1000), 0
    for _ in range(100):
        journal, _, sizes = journal_of([request(0, "one")])
        assert sizes[0] < 500
        steps += [*journal.newest_first(0, ["two"], searched)].count(None)
    assert steps >= 5


def test_who_reads_it_has_the_entries_of_that_moment() -> None:
    journal, numbered, _ = journal_of([request(0, "one"), request(0, "two")])
    forwards, backwards, one = iter(journal), newest_first(journal), journal.of_task("one")
    journal.clear()
    journal.append(request(9, "one"))
    assert ([*forwards], unpacked(backwards), [*one]) == (numbered, numbered[::-1], numbered[:1])


@pytest.mark.parametrize("entry", UNWALKED)
def test_the_garbage_collector_has_nothing_to_walk_in_it(entry: Entry) -> None:
    journal = Journal()
    gc.collect()
    before = len(gc.get_objects())
    for number in range(1000):
        journal.append(entry._replace(number=number + 1))
    assert journal.entry(1000) == entry._replace(number=1000)
    assert len(gc.get_objects()) - before < 100


def test_an_entry_that_cannot_be_kept_leaves_nothing_behind() -> None:
    journal, large = Journal(), request(1, "one")._replace(request=b"x" * LARGE)
    with pytest.raises(ValueError, match="unmarshallable"):
        journal.append(large._replace(status=HTTPStatus.OK))
    assert (len(journal), journal.entry(1)) == (0, None)
    journal.append(request(1, "one"))
    assert journal.entry(1) == request(1, "one")


def test_a_large_body_is_not_copied() -> None:
    body = b"x" * LARGE
    entry = request(1, "one")._replace(request=body)
    journal, _, sizes = journal_of([entry, request(0, "two")])
    kept = journal.entry(3)
    assert kept is not None
    assert kept.request is body
    assert sizes[0] - sizes[1] == LARGE
    assert [each.task_id for each in journal.of_task("one")] == ["one"]
