"""Reading the journal: which entries are meant, and how a body is compared with part of one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple, Self, get_args

from ltx_mock.control.to_json import body_value
from ltx_mock.core.journal_entry import Entry, Kind, Operation
from ltx_mock.errors import SettingsError, suggestion
from ltx_mock.store.interface import Tenant
from ltx_mock_contracts import RULES

KINDS: tuple[str, ...] = ("exchange", "all", *get_args(Kind))
OPERATIONS: tuple[str, ...] = get_args(Operation)
FIELDS = ("kind", "operation", "task", "status", "finding", "since")
"""What entries may be filtered by, beside `key`."""
ANY = "any"
NONE = "none"

_NUMBER = re.compile(r"\d{1,15}", re.ASCII)
_STATUS = re.compile(r"[1-5](?:\d\d|xx)|none", re.ASCII)

Kept = tuple[Tenant, Entry]


class Filter(NamedTuple):
    """Which entries are meant; None says nothing.

    `kind` is one of `KINDS`: an exchange is a request, a callback, or a
    download to which a scenario happened. `status` is one like 404, or `4xx`, or `none` for
    what got no answer. `finding` is the id of a rule, or `any`. `since` is the number after which entries are meant.
    `body` is part of the request's body, as `contains` has it; it is compared only where `with_body` says so.
    """

    kind: str = "exchange"
    operation: str | None = None
    task: str | None = None
    status: str | None = None
    finding: str | None = None
    since: int = 0
    body: Any = None
    with_body: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Read a filter from names and values; names that are none of `FIELDS` and not `body` are left alone.

        Raises:
            SettingsError: a value is not allowed; the text says what is.
        """
        read = {name: str(given[name]) for name in FIELDS if given.get(name) is not None}
        _one_of("kind", read.get("kind"), KINDS)
        _one_of("operation", read.get("operation"), OPERATIONS)
        _one_of("finding", finding := read.get("finding"), (ANY, *RULES))
        status, since = read.get("status"), read.get("since", "0")
        if status is not None and not _STATUS.fullmatch(status):
            raise SettingsError(f"status must be one like 404, or 4xx, or none, not {status[:40]!r}")
        if not _NUMBER.fullmatch(since):
            raise SettingsError(f"since must be the number of an entry, not {since[:40]!r}")
        return cls(
            kind=read.get("kind", "exchange"),
            operation=read.get("operation"),
            task=read.get("task"),
            status=status,
            finding=finding,
            since=int(since),
            body=given.get("body"),
            with_body="body" in given,
        )

    def matches(self, entry: Entry) -> bool:
        """Tell whether an entry is meant."""
        return (
            entry.number > self.since
            and self._of_kind(entry)
            and self.operation in {None, entry.operation}
            and self.task in {None, entry.task_id}
            and self._has_status(entry.status)
            and self._has_finding(entry)
            and (not self.with_body or contains(body_value(entry.request), self.body))
        )

    def _of_kind(self, entry: Entry) -> bool:
        if self.kind == "exchange":
            return entry.kind in {"request", "callback"} or (entry.kind == "download" and entry.cause is not None)
        return self.kind in {"all", entry.kind}

    def _has_status(self, status: int | None) -> bool:
        if self.status is None:
            return True
        if status is None or self.status == NONE:
            return status is None and self.status == NONE
        return self.status in {str(status), f"{status // 100}xx"}

    def _has_finding(self, entry: Entry) -> bool:
        if self.finding is None:
            return True
        return any(self.finding in {ANY, finding.rule} for finding in entry.findings)


class Selection(NamedTuple):
    """Entries in their order, and whether there are or were more that match: left out by the limit, or forgotten."""

    entries: list[Kept]
    truncated: bool


def select(tenants: Sequence[Tenant], wanted: Filter, limit: int) -> Selection:
    """Return the entries that are meant, at most `limit`: the newest; of those since a number, the oldest."""
    forgotten = any(tenant.forgotten > wanted.since for tenant in tenants)
    if wanted.since:
        found = list(matching(tenants, wanted))
        found.reverse()
        return Selection(found[:limit], forgotten or len(found) > limit)
    found = list(islice(matching(tenants, wanted), limit + 1))
    chosen = found[:limit]
    chosen.reverse()
    return Selection(chosen, forgotten or len(found) > limit)


def matching(tenants: Sequence[Tenant], wanted: Filter) -> Iterator[Kept]:
    """Give the entries that are meant, the newest first."""
    for tenant, entry in merge(*map(_newest_first, tenants), key=_falling):
        if entry.number <= wanted.since:
            return
        if wanted.matches(entry):
            yield tenant, entry


def contains(whole: Any, part: Any) -> bool:
    """Tell whether JSON has this part: an object has its fields, a list has as many items, all else is the same."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(name in whole and contains(whole[name], part[name]) for name in part)
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(contains, whole, part))
    if isinstance(part, bool) or isinstance(whole, bool):
        return whole is part
    return bool(whole == part)


def _newest_first(tenant: Tenant) -> Iterator[Kept]:
    return ((tenant, entry) for entry in reversed(tenant.entries()))


def _falling(kept: Kept) -> int:
    return -kept[1].number


def _one_of(name: str, value: str | None, known: Sequence[str]) -> None:
    if value is not None and value not in known:
        shown = ", ".join(known) if len(known) < 10 else "any, or the id of a rule such as GEN-10"
        raise SettingsError(f"{name} must be one of {shown}, not {value[:40]!r}{suggestion(value[:40], known)}")
