"""JSON that is nested too deeply is refused, wherever the depth is; JSON that is written commands nobody."""

from __future__ import annotations

import json

import pytest

from ltx_mock_contracts.io.json_text import LEVELS, DeepNestingError, read_json, write_json


@pytest.mark.parametrize("inside", ["", "1", "null", '"x"'])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"x":[', "]}")])
def test_the_deepest_document_is_read_and_one_level_more_is_refused(inside: str, opening: str, closing: str) -> None:
    times = LEVELS // (opening.count("[") + opening.count("{"))
    deepest = opening * times + inside + closing * times
    assert isinstance(read_json(deepest), (dict, list))
    with pytest.raises(DeepNestingError):
        read_json(f"[1, {deepest}]")


@pytest.mark.parametrize("text", ["null", "1", '"x"', "[]", "{}"])
def test_a_scalar_and_an_empty_document_are_read(text: str) -> None:
    assert read_json(text) == json.loads(text)


def test_json_commands_no_ci() -> None:
    """GitHub's runner obeys `##[` anywhere in a line, so also in a line of JSON."""
    text = write_json({"##[error]": ["###[group]", "# [x] ##"]})
    assert "##[" not in text
    assert json.loads(text) == {"##[error]": ["###[group]", "# [x] ##"]}
