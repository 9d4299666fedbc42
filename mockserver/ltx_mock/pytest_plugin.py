"""The pytest plugin: fixtures, the marker `ltx`, options, and a section in the report of a failed test.

It imports only the standard library and pytest. Other modules are imported when a fixture is used.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Unpack

import pytest

if TYPE_CHECKING:
    from ltx_mock.testing.mock_server import MockServer
    from ltx_mock.testing.options import MakeServer, OpenTenant, ServerSettings, TenantSettings
    from ltx_mock.testing.receiver import CallbackReceiver
    from ltx_mock.testing.remote_server import RemoteServer
    from ltx_mock.testing.tenant import ClockHandle, World

MARKER = "ltx(scenario, credits, rate_limit, clock, seed, strict, ...): settings of the tenant of `ltx_mock`"
CURRENT = pytest.StashKey[pytest.Item]()
"""The current test."""
FIXTURES = frozenset({"ltx_mock", "ltx_tenant", "make_ltx_server"})
"""The fixtures that give a test a tenant."""

pytest_plugins = ["ltx_mock_contracts.conformance.plugin"]
"""The plugin with the options, which the server checks use too."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options for recordings."""
    from ltx_mock.upstream import RECORD_MODES  # noqa: PLC0415 - our other modules are imported late

    group = parser.getgroup("ltx-mock")
    group.addoption(
        "--ltx-record-mode",
        choices=RECORD_MODES,
        default=None,
        help="Of tests with recordings: replay only (none), record the API if there are no recordings (once), record "
        "requests without one (new_episodes), or record everything anew (all). It costs money, in real time.",
    )
    group.addoption(
        "--ltx-upstream",
        metavar="URL",
        default=None,
        help="The API to record, with the key of --ltx-api-key or APIXO_API_KEY; by default LTX_MOCK_UPSTREAM.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, load our modules without rewriting them, and note when the test run began."""
    from ltx_mock.testing.pytest_imports import PlainModules  # noqa: PLC0415

    config.addinivalue_line("markers", MARKER)
    config.add_cleanup(PlainModules().install())
    if not hasattr(config.option, "ltx_started"):  # an xdist worker has the options of the main process
        config.option.ltx_started = time.time_ns()


def pytest_report_header(config: pytest.Config) -> str:
    """Return the seed, and the URL of another server if there is one."""
    head = f"ltx-mock: --ltx-seed={config.option.ltx_seed}"
    if config.option.ltx_record_mode not in {None, "none"}:
        head += f", --ltx-record-mode={config.option.ltx_record_mode}: tests may call the real API, in real time"
    if not config.option.ltx_base_url:
        return head
    from ltx_mock_contracts.reporting.redaction import hide_url_secrets  # noqa: PLC0415 - most sessions have no URL

    return f"{head}, server {hide_url_secrets(config.option.ltx_base_url)}"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a marker with an unknown name, even without a tenant; note a test with a tenant."""
    item.config.stash[CURRENT] = item
    fixtures = FIXTURES.intersection(getattr(item, "fixturenames", ()))
    if fixtures or item.get_closest_marker("ltx") is not None:
        from ltx_mock.collector import paused_collector  # noqa: PLC0415

        with paused_collector():  # which walks all objects of pytest while modules are imported
            from ltx_mock.testing.pytest_worlds import marked, note_name  # noqa: PLC0415

        marked(item)
        note_name(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the history of a test's tenants to its report."""
    report = yield
    is_told = call.when == "call" or (call.when == "setup" and report.failed)
    if is_told and FIXTURES.intersection(getattr(item, "fixturenames", ())):
        from ltx_mock.testing.pytest_worlds import sections  # noqa: PLC0415

        report.sections += sections(item, failed=report.failed)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send what the tests of an xdist worker have spent and recorded to the main process."""
    if "ltx_mock.testing.pytest_spending" in sys.modules and hasattr(session.config, "workeroutput"):
        from ltx_mock.testing.pytest_spending import NOTES, SPENT  # noqa: PLC0415

        stash = session.config.stash
        session.config.workeroutput |= {"ltx_spent": dict(stash.get(SPENT, {})), "ltx_notes": stash.get(NOTES, [])}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add what the tests of an xdist worker have spent and recorded."""
    output = getattr(node, "workeroutput", {})
    if "ltx_spent" in output:
        from ltx_mock.testing.pytest_spending import add_notes, add_spending  # noqa: PLC0415

        add_spending(node.config, output["ltx_spent"])
        add_notes(node.config, output["ltx_notes"])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests have recorded and spent, except with `-q`."""
    if "ltx_mock.testing.pytest_spending" in sys.modules and terminalreporter.verbosity >= 0:
        from ltx_mock.testing.pytest_spending import summary  # noqa: PLC0415

        for line in summary(terminalreporter.config):
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def ltx_listen_address() -> tuple[str, int]:
    """Host and port on which the servers of this process listen; 0 takes a free port. Override it to change that."""
    return "127.0.0.1", 0


@pytest.fixture(scope="session")
def ltx_server(pytestconfig: pytest.Config, ltx_listen_address: tuple[str, int]) -> Iterator[MockServer | RemoteServer]:
    """The server of this process, with a stopped clock; with `--ltx-base-url` the server there."""
    url = pytestconfig.option.ltx_base_url
    if url:
        from ltx_mock.testing.remote_server import RemoteServer  # noqa: PLC0415

        yield RemoteServer(url)
        return
    from ltx_mock.collector import paused_collector  # noqa: PLC0415

    host, port = ltx_listen_address
    with paused_collector():
        from ltx_mock.testing.mock_server import MockServer  # noqa: PLC0415

        server = MockServer(host=host, port=port, clock="manual", seed=pytestconfig.option.ltx_seed)
    with server:
        yield server


@pytest.fixture
def ltx_mock(request: pytest.FixtureRequest, ltx_server: MockServer | RemoteServer) -> Iterator[World]:
    """A new tenant for the test: its API key, tasks, credits, limits, journal, and a stopped clock.

    `@pytest.mark.ltx(…)` gives it settings. Internal errors of the fake fail the test at its end, and so do advisories
    in strict mode.
    """
    from ltx_mock.testing.pytest_worlds import use  # noqa: PLC0415

    yield from use(request.node, ltx_server)


@pytest.fixture(scope="session")
def ltx_tenant(request: pytest.FixtureRequest, ltx_server: MockServer | RemoteServer) -> OpenTenant:
    """A function that opens a tenant for a part of a test, such as an example of `@given`, or for a wider fixture.

    Its result is a context manager. The tenant starts like that of `ltx_mock`, the same each time, with the settings of
    the marker and then the given ones.
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
    stop(request.config, servers)
