"""Shared test setup: Hypothesis profiles and the tools a machine may lack."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

from support.stores import store_under_test, use_store_under_test
from support.tiers import mark_slow

if TYPE_CHECKING:
    import httpx

    from ltx_mock import MockServer
    from ltx_mock.testing.tenant import World

pytest_plugins = ["pytester"]

providers._get_local_constants = Constants
"""Without constants from the loaded modules, which differ between a whole run, a worker and a single test."""

SAME_IN_EVERY_RUN = bool(os.environ.get("CI"))
FULL = settings(deadline=None, derandomize=SAME_IN_EVERY_RUN, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("full", FULL)
settings.register_profile("quick", FULL, max_examples=10)
settings.load_profile("full")

TOOLS = {
    "browser": ("chromium",),
    "ffmpeg": ("ffmpeg", "ffprobe"),
    "curl": ("curl",),
    "node": ("node",),
    "java": ("javac", "java"),
    "go": ("go",),
    "jq": ("jq",),
    "prism": ("prism",),
    "redis": ("redis-server",),
    "nginx": ("nginx",),
    "recipes": ("vitest", "vite"),
    "generators": (
        *("openapi-typescript", "openapi-ts", "tsc", "esbuild", "redocly", "spectral"),
        *("openapi-python-client", "datamodel-codegen", "openapi-generator-cli", "schemathesis"),
    ),
}


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Draw the seed of Hypothesis' examples where none was given, so that it can be printed and given again.

    Shells start what runs in the background with SIGINT ignored, which the programs under test would inherit. xdist
    gives its workers `COLUMNS`, to which tables fit.
    """
    os.environ.pop("COLUMNS", None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not SAME_IN_EVERY_RUN and config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(random.SystemRandom().randrange(2**32))
    use_store_under_test()


def pytest_report_header(config: pytest.Config) -> str:
    """Say how to draw the same examples again."""
    if SAME_IN_EVERY_RUN:
        return "examples: the same in every run, for CI is set"
    return f"examples: --hypothesis-seed={config.option.hypothesis_seed}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests are slow, before `-m` asks."""
    mark_slow(items)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose tool or system is missing; where CI has promised the tools, fail it instead.

    No test depends on the bodies that an earlier one has sent.
    """
    if submissions := sys.modules.get("ltx_mock.engine.submissions"):
        submissions.read_again.cache_clear()
    if store_under_test() != "memory" and (marker := item.get_closest_marker("memory_store")):
        pytest.skip(f"is about the store in memory: {marker.args[0]}")
    if os.name != "posix" and item.get_closest_marker("posix"):
        pytest.skip("needs a POSIX system")
    for tool, programs in TOOLS.items():
        if item.get_closest_marker(tool) is None:
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
