"""The stores on which the suite can run: memory, or another for each server that keeps its state in memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ltx_mock.core.settings import Settings
    from ltx_mock.store.backend import Backend
    from ltx_mock.store.interface import Store

VARIABLE = "LTX_TEST_STORE"


def memory() -> Backend:
    """Return a backend in this process."""
    from support.memory_backend import MemoryBackend

    return MemoryBackend()


def sqlite_file() -> Backend:
    """Return a backend over a new file."""
    from ltx_mock.store.sqlite_backend import SqliteBackend

    return SqliteBackend(Path(tempfile.mkdtemp()) / "state.db")


BACKENDS: dict[str, Callable[[], Backend]] = {"backend": memory, "sqlite": sqlite_file}


def store_under_test() -> str:
    """Return what the environment says: the name of a backend, or `memory`."""
    name = os.environ.get(VARIABLE, "memory")
    if name not in {"memory", *BACKENDS}:
        raise ValueError(f"{VARIABLE} must be memory, {' or '.join(BACKENDS)}, not {name}")
    return name


def use_store_under_test() -> None:
    """Make each server of this process that would keep its state in memory keep it there."""
    name = store_under_test()
    if name == "memory":
        return
    from ltx_mock.store.choose import new_store
    from ltx_mock.store.shared import SharedStore

    new_backend = BACKENDS[name]

    def store_of(settings: Settings) -> Store:
        return SharedStore(settings, new_backend()) if settings.store == "memory" else new_store(settings)

    pytest.MonkeyPatch().setattr("ltx_mock.server.app.new_store", store_of)
