"""Filters of journal entries, and the comparison of a body with a part of one."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Self, get_args

from ltx_mock.asgi.turns import AT_ONCE, Portion, free_in_turns, serve_others
from ltx_mock.control.newest import newest
from ltx_mock.control.to_json import MAX_PARTS, body_value
from ltx_mock.core.journal_entry import Endpoint, Entry, Kind, Operation, idempotency_key_of, trace_id_of
from ltx_mock.fields import Table, choice, fields_of, in_digits, read, reads, refused, text, whole
from ltx_mock.store.journal import SEARCHED_AT_ONCE, Packed
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts import RULES

KINDS: tuple[str, ...] = ("exchange", "all", *get_args(Kind))
OPERATIONS: tuple[str, ...] = get_args(Operation)
ANY = "any"
NONE = "none"

_decoded = json.JSONDecoder().raw_decode
_STATUS = re.compile(r"[1-5](?:\d\d|xx)|none", re.ASCII)

Kept = tuple[Tenant, Packed]


def _status(path: str, value: object) -> str:
    if not _STATUS.fullmatch(str(value)):
        raise refused(path, "one like 404, or 4xx, or none", value)
    return str(value)


def _finding(path: str, value: object) -> str:
    if not isinstance(value, str) or value not in {ANY, *RULES}:
        raise refused(path, "any, or the id of a rule such as GEN-10", value, (ANY, *RULES))
    return value


class Filter(Table):
    """A filter of entries; None matches everything.

    `kind` is one of `KINDS`: an exchange is a request, a callback, or a download to which a scenario happened.
    `status` is one like 404, or `4xx`, or `none` for what got no answer. `finding` is the id of a rule, or `any`.
    `idempotency_key` is the `Idempotency-Key` of a request, `trace` the id of the trace that it belongs to. `since` is
    the number after which entries are meant. `body` is part of the request's body, as `contains` has it; it is compared
    only where `with_body` says so.
    """

    kind: str = reads(choice(*KINDS), "exchange")
    operation: str | None = reads(choice(*OPERATIONS), None)
    task: str | None = reads(text(), None)
    status: str | None = reads(_status, None)
    finding: str | None = reads(_finding, None)
    idempotency_key: str | None = reads(text(), None)
    trace: str | None = reads(text(), None)
    since: int = reads(in_digits(whole(0)), 0)
    body: Any = None
    with_body: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Read a filter from names and values; names other than `FIELDS` and `body` are ignored.

        Raises:
            SettingsError: a value is not allowed; the text says what is.
        """
        found = read(cls, {name: given[name] for name in FIELDS if name in given})
        return replace(found, body=given["body"], with_body=True) if "body" in given else found

    def entries_of(self, tenant: Tenant, searched: Portion) -> Iterator[Packed | None]:
        """Yield the entries of a tenant as `Journal.newest_first` does: all that match, and others."""
        values: list[str | int] = [self.task] if self.task else []
        if self.operation is not None and self.operation in get_args(Endpoint):
            values.append(self.operation)
        if self.status and self.status.isdigit():
            values.append(int(self.status))
        return tenant.journal.newest_first(self.since, values, searched)

    def matches(self, entry: Entry) -> bool:
        """Tell whether an entry matches."""
        return (
            entry.number > self.since
            and self._of_kind(entry)
            and (self.operation is None or self.operation == entry.operation)
            and (self.task is None or self.task == entry.task_id)
            and (self.status is None or self._has_status(entry.status))
            and (self.finding is None or self._has_finding(entry))
            and (self.idempotency_key is None or self.idempotency_key == idempotency_key_of(entry))
            and (self.trace is None or self.trace == trace_id_of(entry))
            and (not self.with_body or self.has_body(entry.request))
        )

    def has_body(self, raw: bytes) -> bool:
        """Tell whether a body has `body` as a part."""
        return contains(body_value(raw), self.body)

    def has_read_body(self, entry: Entry) -> bool | None:
        """Tell the same in some microseconds, of a short body that made a task and has no findings; None of others.

        Whoever made the task has read the body, and found nothing in it that parsers read in different ways.
        """
        raw = entry.request
        if entry.operation != "generateTask" or entry.task_id is None or entry.findings or len(raw) > MAX_PARTS:
            return None
        try:
            return contains(_decoded(raw.decode().lstrip())[0], self.body)
        except (ValueError, RecursionError):  # a proxy has not read it
            return None

    def _of_kind(self, entry: Entry) -> bool:
        if self.kind == "exchange":
            return entry.kind in {"request", "callback"} or (entry.kind == "download" and entry.cause is not None)
        return self.kind in {"all", entry.kind}

    def _has_status(self, status: int | None) -> bool:
        if status is None or self.status == NONE:
            return status is None and self.status == NONE
        return self.status in {str(status), f"{status // 100}xx"}

    def _has_finding(self, entry: Entry) -> bool:
        return any(self.finding in {ANY, finding.rule} for finding in entry.findings)


FIELDS = tuple(fields_of(Filter))
"""The fields for filters, besides `body` and `key`."""


class Selection(NamedTuple):
    """Entries in order, and whether more entries match that are beyond the limit or no longer in the journal."""

    entries: list[Kept]
    truncated: bool


async def select(tenants: Sequence[Tenant], wanted: Filter, limit: int) -> Selection:
    """Return at most `limit` matching entries: the newest; with `since`, the oldest."""
    found, more = await _newest(tenants, wanted, sys.maxsize if wanted.since else limit)
    forgotten = any(tenant.forgotten > wanted.since for tenant in tenants)  # also what was while it was read
    selection = Selection(found[:limit], forgotten or more or len(found) > limit)
    await free_in_turns(found)
    return selection


async def _newest(tenants: Sequence[Tenant], wanted: Filter, limit: int) -> tuple[list[Kept], bool]:
    last = max((tenant.journal.last for tenant in tenants), default=0)
    searched = Portion(SEARCHED_AT_ONCE)

    def items(tenant: Tenant) -> Iterator[Packed | None]:
        """Leave out entries that are written meanwhile: of another tenant they might be missed, and be passed over."""
        return (each for each in wanted.entries_of(tenant, searched) if each is None or each.number <= last)

    def highest(tenant: Tenant) -> int | None:
        return tenant.journal.last if tenant.journal.last > wanted.since else None

    def matches(_: Tenant, each: Packed) -> bool:
        return wanted.matches(each.unpack())

    return await newest(tenants, items, lambda _, each: each.number, highest, limit, matches)


async def matching(tenants: Sequence[Tenant], wanted: Filter) -> AsyncIterator[list[Entry]]:
    """Yield all matching entries, those of each tenant newest first; at most `AT_ONCE` at a time, often none.

    Other requests have their turns after each list.
    """
    found, portion, searched = list[Entry](), Portion(), Portion(SEARCHED_AT_ONCE)
    for tenant in tenants:
        if portion.add():
            yield found
            found = []
            await serve_others()
        if tenant.journal.last <= wanted.since:
            continue
        for packed in wanted.entries_of(tenant, searched):
            if portion.add(AT_ONCE if packed is None else 1):
                yield found
                found = []
                await serve_others()
            if packed is not None and wanted.matches(entry := packed.unpack()):
                found.append(entry)
    yield found


def contains(whole: Any, part: Any) -> bool:
    """Tell whether JSON contains a part: an object all its fields, a list of equal length; other values are equal."""
    if isinstance(part, dict):
        if not isinstance(whole, dict):
            return False
        for name, value in part.items():  # noqa: SIM110 (it takes half the time)
            if name not in whole or not contains(whole[name], value):
                return False
        return True
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(contains, whole, part))
    if isinstance(part, bool) or isinstance(whole, bool):
        return whole is part
    return bool(whole == part)
