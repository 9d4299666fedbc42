"""What Hypothesis draws in this suite depends on the seed alone, not on the tests that ran before."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def drawn() -> list[tuple[str, int]]:
    examples: list[tuple[str, int]] = []

    @settings(max_examples=50, database=None, derandomize=True)
    @given(st.text(), st.integers())
    def draw(text: str, number: int) -> None:
        examples.append((text, number))

    draw()
    return examples


def test_examples_do_not_depend_on_the_modules_that_are_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = drawn()
    path = tmp_path / "another.py"
    path.write_text("TEXT, NUMBER = 'a text of its own', 1234567\n")
    spec = spec_from_file_location("another", path)
    assert spec is not None
    monkeypatch.setitem(sys.modules, "another", module_from_spec(spec))
    assert drawn() == before
