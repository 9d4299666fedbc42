"""Fields are named as people name them."""

from __future__ import annotations

from typing import Any

import pytest

from ltx_mock_contracts.recordings.fields import REMOVED, change_field, parse_field, values_of

BODY: dict[str, Any] = {"a": {"b/c": 1, "d": [{"e": 2}, {"e": 3}, 4]}, "f.g": 5}


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("/a/b~1c", [1]),
        ("a.d[0].e", [2]),
        ("a.d.1.e", [3]),
        ("a.d.e", [2, 3]),
        ("/a/d/2", [4]),
        ("/f.g", [5]),
        ("f.g", []),
        ("a.d[7]", []),
        ("a.d[2].e", []),
        ("a", [BODY["a"]]),
    ],
)
def test_a_field_is_a_pointer_or_a_dotted_name(field: str, values: list[Any]) -> None:
    assert list(values_of(BODY, parse_field(field))) == values


@pytest.mark.parametrize("field", ["", "/", "a..b", ".a", "/a//b"])
def test_what_names_no_field_is_an_error(field: str) -> None:
    with pytest.raises(ValueError, match="must be the name of a field"):
        parse_field(field)


def test_a_field_is_changed_or_removed_in_a_copy() -> None:
    before = str(BODY)
    assert change_field(BODY, ("f.g",), lambda each: each + 1) == BODY | {"f.g": 6}
    assert change_field(BODY, ("a",), lambda _: REMOVED) == {"f.g": 5}
    assert change_field(BODY, ("a", "d", "0"), lambda _: REMOVED)["a"]["d"] == [{"e": 3}, 4]
    assert str(BODY) == before
