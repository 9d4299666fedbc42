"""Shared test setup: Hypothesis profiles and the tools a machine may lack."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import httpx

    from ltx_mock import MockServer
    from ltx_mock.world import World

pytest_plugins = ["pytester"]

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci" if os.environ.get("CI") else "dev")

TOOLS = {
    "browser": ("chromium",),
    "ffmpeg": ("ffmpeg", "ffprobe"),
    "curl": ("curl",),
    "node": ("node",),
    "java": ("javac", "java"),
    "jq": ("jq",),
    "prism": ("prism",),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose tool is missing; where CI has promised the tools, fail it instead."""
    for marker, programs in TOOLS.items():
        if item.get_closest_marker(marker) is None:
            continue
        missing = [program for program in programs if shutil.which(program) is None]
        if missing and os.environ.get("REQUIRE_TOOLS"):
            pytest.fail(f"CI must install {', '.join(missing)}")
        if missing:
            pytest.skip(f"needs {', '.join(missing)}")


@pytest.fixture(scope="session")
def server() -> Iterator[MockServer]:
    """One server for all tests that can live with its settings; its clock stands."""
    from ltx_mock import MockServer  # tests of schemas and rules do without

    with MockServer(clock="manual") as running:
        yield running


@pytest.fixture
def world(server: MockServer) -> World:
    """A fresh world on that server: a key of its own, and all that hangs on it."""
    return server.tenant()


@pytest.fixture
def client(world: World) -> Iterator[httpx.Client]:
    """An HTTP client of that world. It loads no certificates, which would take longer than most tests."""
    with world.client(verify=False) as client:
        yield client
