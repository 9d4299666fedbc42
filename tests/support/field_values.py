"""Any values of the classes that a store holds, by the types of their fields."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from ltx_mock.core.cause import Cause
from ltx_mock.core.failures import Failure
from ltx_mock.core.journal_entry import CallbackEntry, ClockEntry, DownloadEntry, Entry, RequestEntry
from ltx_mock.core.records import Attempt
from ltx_mock.core.timeline import Timeline
from ltx_mock_contracts.validation.findings import Finding

TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)
"""Texts with any characters, lone surrogates and NUL too."""


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Return values of the type of a field."""
    if hint is str:
        return TEXTS
    if get_origin(hint) is UnionType:
        return st.one_of(*map(values_of, get_args(hint)))
    if get_origin(hint) is tuple and get_args(hint)[1:] == (...,):
        return st.lists(values_of(get_args(hint)[0]), max_size=3).map(tuple)
    if hint in {Cause, Failure, Timeline, Attempt, Finding}:
        return every(hint)
    return st.none() if hint is NoneType else st.from_type(hint)


def every(cls: type[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return values of a class with any fields, some of them given."""
    hints = {name: hint for name, hint in get_type_hints(cls).items() if get_origin(hint) is not ClassVar}
    return st.builds(cls, **{name: fields.get(name, values_of(hint)) for name, hint in hints.items() if name[0] != "_"})


ENTRIES: st.SearchStrategy[Entry] = st.one_of(*map(every, (RequestEntry, CallbackEntry, DownloadEntry, ClockEntry)))
