"""The pause of the garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from ltx_mock.collector import paused_collector


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Switch the collector on again, whatever a test does."""
    yield
    gc.enable()


def test_the_collector_is_off_for_a_while() -> None:
    with paused_collector():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_error_ends_the_pause() -> None:
    with pytest.raises(ZeroDivisionError), paused_collector():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    with paused_collector():
        pass
    assert not gc.isenabled()
