"""The pytest plugin: fixtures, the marker `ltx`, options, and a section in the report of a failed test.

Only the standard library and pytest are imported here. What is heavy is imported when a fixture is used.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Unpack

import pytest

if TYPE_CHECKING:
    from ltx_mock.testing.mock_server import MockServer
    from ltx_mock.testing.options import MakeServer, OpenTenant, ServerSettings, TenantSettings
    from ltx_mock.testing.receiver import CallbackReceiver
    from ltx_mock.testing.remote_server import RemoteServer
    from ltx_mock.testing.tenant import ClockHandle, World

MARKER = "ltx(scenario, credits, rate_limit, clock, seed, strict, ...): settings of the tenant of `ltx_mock`"
CURRENT = pytest.StashKey[pytest.Item]()
"""The test that runs."""
FIXTURES = frozenset({"ltx_mock", "ltx_tenant", "make_ltx_server"})
"""Those that give a test a world."""

pytest_plugins = ["ltx_mock_contracts.conformance.plugin"]
"""It has the options, which the checks of a server use too."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", MARKER)


def pytest_report_header(config: pytest.Config) -> str:
    """Tell the seed, and the server if it is another."""
    where = f", server {config.option.ltx_base_url}" if config.option.ltx_base_url else ""
    return f"ltx-mock: --ltx-seed={config.option.ltx_seed}{where}"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a marker with an unknown name, whether or not the test has a world; note the test that has one."""
    item.config.stash[CURRENT] = item
    worlds = FIXTURES.intersection(getattr(item, "fixturenames", ()))
    if worlds or item.get_closest_marker("ltx") is not None:
        from ltx_mock.testing.pytest_worlds import marked, note_name  # noqa: PLC0415

        marked(item)
        note_name(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what happened in a test's worlds to its report."""
    report = yield
    if call.when != "teardown" and FIXTURES.intersection(getattr(item, "fixturenames", ())):
        from ltx_mock.testing.pytest_worlds import sections  # noqa: PLC0415

        report.sections += sections(item, failed=report.failed)
    return report


@pytest.fixture(scope="session")
def ltx_listen_address() -> tuple[str, int]:
    """Host and port on which the servers of this process listen; 0 takes a free port. Override it to change that."""
    return "127.0.0.1", 0


@pytest.fixture(scope="session")
def ltx_server(pytestconfig: pytest.Config, ltx_listen_address: tuple[str, int]) -> Iterator[MockServer | RemoteServer]:
    """The server of this process, with a clock that stands; with `--ltx-base-url` the server there."""
    url = pytestconfig.option.ltx_base_url
    if url:
        from ltx_mock.testing.remote_server import RemoteServer  # noqa: PLC0415

        yield RemoteServer(url)
        return
    from ltx_mock.testing.mock_server import MockServer  # noqa: PLC0415

    host, port = ltx_listen_address
    with MockServer(host=host, port=port, clock="manual", seed=pytestconfig.option.ltx_seed) as server:
        yield server


@pytest.fixture
def ltx_mock(request: pytest.FixtureRequest, ltx_server: MockServer | RemoteServer) -> Iterator[World]:
    """A fresh world of the test's own: its API key, tasks, credits, limits, journal, and a clock that stands.

    `@pytest.mark.ltx(…)` gives it settings. At the end of the test what went wrong in the fake itself is told, and in
    strict mode every advisory.
    """
    from ltx_mock.testing.pytest_worlds import use  # noqa: PLC0415

    yield from use(request.node, ltx_server)


@pytest.fixture(scope="session")
def ltx_tenant(request: pytest.FixtureRequest, ltx_server: MockServer | RemoteServer) -> OpenTenant:
    """A function that opens a world for a part of a test, such as an example of `@given`, or for a wider fixture.

    Use what it returns as a context manager. The world begins as that of `ltx_mock`, the same each time, with the
    settings of the marker and then those that are given.
    """

    def open_(**settings: Unpack[TenantSettings]) -> AbstractContextManager[World]:
        from ltx_mock.testing.pytest_worlds import opened  # noqa: PLC0415

        return opened(request.config.stash[CURRENT], ltx_server, settings)

    return open_


@pytest.fixture
def ltx_clock(ltx_mock: World) -> ClockHandle:
    """The clock of `ltx_mock`."""
    return ltx_mock.clock


@pytest.fixture
def ltx_callbacks(pytestconfig: pytest.Config) -> Iterator[CallbackReceiver]:
    """A callback receiver on loopback; give its `url` as `callback_url`."""
    from ltx_mock.testing.pytest_worlds import skip_unless_near  # noqa: PLC0415
    from ltx_mock.testing.receiver import CallbackReceiver  # noqa: PLC0415

    skip_unless_near(pytestconfig.option.ltx_base_url)
    with CallbackReceiver() as receiver:
        yield receiver


@pytest.fixture
def make_ltx_server(request: pytest.FixtureRequest, ltx_listen_address: tuple[str, int]) -> Iterator[MakeServer]:
    """A function that starts a server in this process with the given settings; all stop at the end of the test."""
    from ltx_mock.testing.pytest_worlds import stop, watch  # noqa: PLC0415

    servers: list[MockServer] = []

    def make(**settings: Unpack[ServerSettings]) -> MockServer:
        from ltx_mock.testing.mock_server import MockServer  # noqa: PLC0415

        host, seed = ltx_listen_address[0], request.config.option.ltx_seed
        servers.append(MockServer(**{"host": host, "seed": seed, **settings}))
        watch(request.node, servers[-1])
        return servers[-1]

    yield make
    stop(servers)
