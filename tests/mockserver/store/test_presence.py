"""Signs of life: which workers have ended."""

from __future__ import annotations

import pytest

from ltx_mock.store.presence import Presence
from support.memory_backend import MemoryBackend, State


def test_after_a_time_without_signs_workers_may_have_ended_that_nobody_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    """First those that were known get time to give a sign; then also what unknown ones have begun is given back."""
    now = 100.0
    monkeypatch.setattr("ltx_mock.store.presence.system_time.monotonic", lambda: now)
    presence = Presence(MemoryBackend(State()))
    presence._last_sign, presence._alive = now, frozenset({"this", "other"})
    found = []
    for seconds, alive in [(1, {"this", "other"}), (4, {"this"}), (1, {"this", "other"}), (1, {"this"})]:
        now += seconds
        found.append(presence.note(frozenset(alive)))
    assert (found, presence.is_alive("other")) == ([False] * 4, True)
    now += 1
    assert presence.note(frozenset({"this", "other"}))
    now += 1
    assert not presence.note(frozenset({"this", "other"}))
    now += 1
    assert presence.note(frozenset({"this"}))
    assert not presence.is_alive("other")
