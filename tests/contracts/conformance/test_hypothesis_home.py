"""Hypothesis has one home for the process, which checks borrow and give back, side by side too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import configuration

from ltx_mock_contracts.conformance.hypothesis_home import hypothesis_home


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("HYPOTHESIS_STORAGE_DIRECTORY", raising=False)
    before = home()
    configuration.set_hypothesis_home_dir(None)
    yield
    configuration.set_hypothesis_home_dir(before)


def home() -> Path | None:
    found = getattr(configuration, "__hypothesis_home_directory", None)
    return None if found is None else Path(found)


def test_those_who_overlap_share_a_folder_and_the_last_gives_it_back() -> None:
    first, second = ExitStack(), ExitStack()
    first.enter_context(hypothesis_home())
    folder = home()
    assert folder is not None
    second.enter_context(hypothesis_home())
    first.close()
    assert home() == folder
    assert folder.exists()
    second.close()
    assert home() is None
    assert not folder.exists()


def test_a_home_that_was_chosen_before_stays(tmp_path: Path) -> None:
    configuration.set_hypothesis_home_dir(tmp_path)
    with hypothesis_home():
        assert home() == tmp_path
    assert home() == tmp_path


def test_a_home_that_the_environment_chooses_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HYPOTHESIS_STORAGE_DIRECTORY", str(tmp_path))
    with hypothesis_home():
        assert home() is None
