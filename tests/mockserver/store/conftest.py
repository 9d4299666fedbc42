"""What tests of stores share: Redis servers, and patience with them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.redis_servers import stop_shared
from support.waiting import SECONDS


@pytest.fixture(scope="session", autouse=True)
def stop_servers() -> Iterator[None]:
    yield
    stop_shared()


@pytest.fixture(autouse=True)
def patience_with_redis(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test depend on how fast Redis is."""
    if request.node.get_closest_marker("redis"):
        for limit in ("CONNECT_SECONDS", "ANSWER_SECONDS"):
            monkeypatch.setattr(f"ltx_mock.store.redis_client.{limit}", SECONDS)
