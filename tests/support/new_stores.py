"""New, empty stores outside of the process, as settings name them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.redis_servers import redis_server

STORES = ["sqlite", pytest.param("redis", marks=pytest.mark.redis)]


@contextmanager
def store_of(kind: str, folder: Path) -> Iterator[str]:
    """Give the setting of a new, empty store for a while."""
    if kind != "redis":
        yield f"sqlite:{folder / 'state.db'}" if kind == "sqlite" else kind
        return
    with redis_server(folder / "redis") as server:
        yield server.url
