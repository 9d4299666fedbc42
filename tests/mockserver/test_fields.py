"""Readers of given values: each takes what it should, and refuses the rest in one line that helps."""

from __future__ import annotations

import copy
import pickle
import pydoc
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, dataclass, replace
from math import nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock.errors import SettingsError
from ltx_mock.fields import (
    MAX_SHOWN,
    Reader,
    Table,
    check_names,
    choice,
    in_digits,
    number,
    pairs,
    plain,
    read,
    reads,
    several,
    switch,
    table,
    table_of,
    text,
    whole,
)


class Inner(Table):
    """A table in a table."""

    copies: int = reads(whole(1, 9), 1)


@dataclass(frozen=True, kw_only=True)
class Twin:
    """What `Outer` would be without `Table`."""

    fail_code: str
    inner: Inner | None = None
    names: tuple[str, ...] = ()
    made: float = 0


class Longer(Inner):
    """Another table with the same fields."""


class Outer(Table):
    """A table; one of its fields is not read."""

    fail_code: str = reads(text(5))
    inner: Inner | None = reads(table_of(Inner), None)
    names: tuple[str, ...] = reads(several(text()), ())
    made: float = 0


OUTER = st.fixed_dictionaries(
    {"fail_code": st.sampled_from("ab")},
    optional={
        "inner": st.sampled_from([None, Inner(), Inner(copies=2)]),
        "names": st.sampled_from([(), ("sea",)]),
        "made": st.sampled_from([0, 0.0, 1, nan]),
    },
)

READERS: dict[str, Reader[Any]] = {
    "choice": choice("red", "green", 5),
    "text": text(),
    "short text": text(3),
    "any whole": whole(),
    "from": whole(0),
    "between": whole(1, 9),
    "number": number(10, zero=True),
    "positive": number(10, zero=False, unit="seconds"),
    "switch": switch,
    "table": table,
    "digits": in_digits(whole(0)),
    "seconds": in_digits(number(600, zero=True)),
    "several": several(choice("red", "green")),
    "pairs": pairs(choice("a", "b"), in_digits(whole(0))),
}


@pytest.mark.parametrize(
    ("reader", "value", "kept"),
    [
        ("choice", "red", "red"),
        ("choice", 5, 5),
        ("text", "a long text", "a long text"),
        ("any whole", -(10**30), -(10**30)),
        ("between", 9, 9),
        ("number", 10, 10.0),
        ("digits", "007", 7),
        ("digits", 7, 7),
        ("seconds", "0.25", 0.25),
        ("several", "red", ("red",)),
        ("several", ["red", "green"], ("red", "green")),
        ("several", [], ()),
        ("several", {"green"}, ("green",)),
        ("pairs", {"a": 1}, {"a": 1}),
        ("pairs", "a=1", {"a": 1}),
        ("pairs", ["a=1", "b=2"], {"a": 1, "b": 2}),
    ],
)
def test_what_is_allowed_is_read(reader: str, value: object, kept: object) -> None:
    found = READERS[reader]("field", value)
    assert (found, type(found)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("reader", "value", "problem"),
    [
        ("choice", "gren", "must be one of red, green, 5, not 'gren' (did you mean 'green'?)"),
        ("choice", True, "must be one of red, green, 5, not True"),
        ("text", "", "must be a text of at least 1 printable character, not ''"),
        ("text", "a\nb", "must be a text of at least 1 printable character, not 'a\\nb'"),
        ("short text", "long", "must be a text of 1 to 3 printable characters, not 'long'"),
        ("any whole", 1.0, "must be a whole number, not 1.0"),
        ("from", -1, "must be a whole number of at least 0, not -1"),
        ("between", 10, "must be a whole number from 1 to 9, not 10"),
        ("between", True, "must be a whole number from 1 to 9, not True"),
        ("number", float("nan"), "must be a number from 0 to 10, not nan"),
        ("number", 10**400, f"must be a number from 0 to 10, not 1{'0' * (MAX_SHOWN - 2)}…"),
        ("positive", 0, "must be a number of seconds more than 0 and at most 10, not 0"),
        ("switch", 1, "must be true or false, not 1"),
        ("table", [], "must be a table of names and values, not []"),
        ("digits", "٣", "must be a whole number of at least 0, not '٣'"),
        ("digits", "1.5", "must be a whole number of at least 0, not 1.5"),
        ("digits", "-1", "must be a whole number of at least 0, not '-1'"),
        ("seconds", "1e2", "must be a number from 0 to 600, not '1e2'"),
        ("several", [5], "must be one of red, green, not 5"),
        ("several", None, "must be one of red, green, not None"),
        ("pairs", "a", "must be LEFT=RIGHT, not 'a'"),
        ("pairs", 5, "must be LEFT=RIGHT, not 5"),
        ("pairs", "c=1", "must be one of a, b, not 'c'"),
        ("pairs", {"a": -1}, "of a must be a whole number of at least 0, not -1"),
    ],
)
def test_what_is_not_allowed_is_refused_with_what_is(reader: str, value: object, problem: str) -> None:
    with pytest.raises(SettingsError) as refused:
        READERS[reader]("field", value)
    assert str(refused.value) == f"field {problem}"
    assert refused.value.field.startswith("field")


@given(st.sampled_from([*READERS.values()]), st.recursive(st.none() | st.text() | st.floats(), st.lists, max_leaves=3))
def test_whatever_is_given_is_read_or_refused_in_one_short_line(reader: Reader[Any], value: object) -> None:
    problem = ""
    try:
        reader("field", value)
    except SettingsError as refused:
        problem = str(refused)
    assert problem.isprintable()
    assert len(problem) < 200


@given(OUTER, OUTER)
def test_a_table_is_equal_hashed_and_shown_as_a_dataclass(one: dict[str, Any], other: dict[str, Any]) -> None:
    table, twin = Outer(**one), Twin(**one)
    assert asdict(table) == asdict(twin)
    assert repr(table) == repr(twin).replace("Twin", "Outer", 1)
    assert (table == Outer(**other)) is (twin == Twin(**other))
    assert len({table, Outer(**other)}) == len({twin, Twin(**other)})
    assert replace(table, **other) == Outer(**(one | other))
    assert table != twin


def test_tables_of_two_classes_differ() -> None:
    assert Inner(copies=2) == Inner(copies=2)
    assert Inner(copies=2) != Longer(copies=2)


@pytest.mark.parametrize(
    ("given_", "problem"),
    [
        ({}, "Outer needs fail_code"),
        ({"fail_cod": "a", "x": 2}, "Outer has no fail_cod, x"),
        ({"fail_code": "a", "x": 2}, "Outer has no x"),
    ],
)
def test_a_table_made_without_a_value_or_with_an_unknown_one_names_it(given_: dict[str, Any], problem: str) -> None:
    with pytest.raises(TypeError, match=f"^{problem}$"):
        Outer(**given_)


def test_a_table_does_not_change() -> None:
    table = Inner(copies=2)
    with pytest.raises(FrozenInstanceError, match="'copies'"):
        table.copies = 3  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="'size'"):
        table.size = 1  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError, match="'copies'"):
        del table.copies
    assert table == Inner(copies=2)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda table: pickle.loads(pickle.dumps(table))])
def test_a_copy_of_a_table_is_equal(again: Callable[[Outer], Outer]) -> None:
    table = Outer(fail_code="a", inner=Inner(copies=2))
    assert again(table) == table


def test_python_describes_a_table() -> None:
    assert "A table in a table." in pydoc.render_doc(Inner)
    assert "Base of what is read" in pydoc.render_doc(Table)


def test_a_table_is_read_by_names_in_either_case_and_given_back() -> None:
    found = read(Outer, {"fail_code": "X", "inner": {"copies": 3}, "names": "a"})
    assert found == Outer(fail_code="X", inner=Inner(copies=3), names=("a",))
    assert plain(found) == {"failCode": "X", "inner": {"copies": 3}, "names": ["a"]}
    assert read(Outer, plain(found)) == found
    assert read(Outer, {"failCode": "X", "inner": None}) == Outer(fail_code="X")


@pytest.mark.parametrize(
    ("given_", "problem", "field"),
    [
        (5, "this must be a table of names and values, not 5", "this"),
        ({5: 1}, "a name in this must be a text, not 5", "a name in this"),
        ({}, "failCode is missing", "failCode"),
        ({"failCode": None}, "failCode is missing", "failCode"),
        ({"failCode": "X", "fail_code": "Y"}, "failCode is given twice", "failCode"),
        (
            {"failcode": "X"},
            "unknown field 'failcode' (did you mean 'failCode'?); known are failCode, inner, names",
            "failcode",
        ),
        ({"failCode": "X", "made": 1}, "unknown field 'made'; known are failCode, inner, names", "made"),
        (
            {"failCode": "X", "inner": {"copy": 1}},
            "unknown field 'copy' in inner (did you mean 'copies'?); known are copies",
            "inner.copy",
        ),
        (
            {"failCode": "X", "inner": {"copies": 0}},
            "inner.copies must be a whole number from 1 to 9, not 0",
            "inner.copies",
        ),
    ],
)
def test_a_table_that_is_not_as_it_should_be_is_refused_with_the_path(given_: Any, problem: str, field: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(Outer, given_)
    assert (str(refused.value), refused.value.field) == (problem, field)


def test_a_name_that_nobody_knows_is_refused_with_the_nearest() -> None:
    check_names("rule", ["GEN-1"], ["GEN-1", "GEN-2"])
    with pytest.raises(SettingsError, match=r"^unknown rule 'GEN1' \(did you mean 'GEN-1'\?\); known are GEN-1, CB-1$"):
        check_names("rule", ["CB-1", "GEN1"], ["GEN-1", "CB-1"])


def test_a_refusal_keeps_its_field_where_it_is_pickled() -> None:
    again = pickle.loads(pickle.dumps(SettingsError("why", "field")))
    assert (str(again), again.field) == ("why", "field")
