"""The forms of types: a field of a type that has none is found at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock.store.forms import UnreadableRecord, form_of, from_json, to_json


@dataclass(frozen=True, kw_only=True)
class Part:
    name: str
    size: int = 1


class Whole(NamedTuple):
    parts: tuple[Part, ...]
    first: Part | None = None
    words: tuple[str, ...] = ()


class Odd(NamedTuple):
    members: set[str]


@given(st.text(st.characters(exclude_categories=())))
def test_every_text_is_read_back(text: str) -> None:
    assert from_json(to_json(text), "text", str) == text
    assert b"\n" not in to_json(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts),
)


@given(VALUES)
def test_values_are_written_as_the_json_module_writes_them(value: object) -> None:
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert to_json(value) == written.encode("utf-8", "surrogatepass")


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError, match="set is not JSON serializable"):
        to_json({1})


def test_two_surrogates_stay_two() -> None:
    assert from_json(to_json("\ud83d" + "\ude00"), "text", list) == ["\ud83d", "\ude00"]


def test_nested_values_are_lists_of_their_fields() -> None:
    form, whole = form_of(Whole), Whole((Part(name="a"), Part(name="b", size=2)), Part(name="c"), ("x",))
    assert to_json(form.to_json(whole)) == b'[[["a",1],["b",2]],["c",1],["x"]]'
    assert form.from_json([[["a"], ["b", 2]], ["c"], ["x"]]) == whole
    assert form.from_json([[]]) == Whole(())


def test_a_list_with_more_than_the_fields_is_refused() -> None:
    with pytest.raises(UnreadableRecord, match="cannot read a stored part: its form is unknown"):
        from_json(b'["a",1,2]', "part", form_of(Part).from_json)


def test_a_type_without_a_form_is_refused() -> None:
    with pytest.raises(TypeError, match="no form for"):
        form_of(Odd)
