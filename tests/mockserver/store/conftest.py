"""The end of the servers that tests of stores share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.redis_servers import stop_shared


@pytest.fixture(scope="session", autouse=True)
def stop_servers() -> Iterator[None]:
    yield
    stop_shared()
