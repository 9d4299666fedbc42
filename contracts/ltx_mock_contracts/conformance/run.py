"""Run the checks from Python: pytest in this process, with nothing of the caller's own settings and plugins."""

from __future__ import annotations

import io
import os
import signal
import threading
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, Protocol

import pytest

from ltx_mock_contracts.conformance.gathering import Gatherer
from ltx_mock_contracts.conformance.plugin import GATHERER, OPTIONS, PACE, PLAN, SEEN
from ltx_mock_contracts.reporting.redaction import text_without_keys
from ltx_mock_contracts.reporting.text import printable
from ltx_mock_contracts.safe_files import write_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from ltx_mock_contracts.conformance.checks import Plan
    from ltx_mock_contracts.conformance.clocks import Pace
    from ltx_mock_contracts.conformance.options import Options
    from ltx_mock_contracts.verdicts import Report

__all__ = ["CannotRun", "Listener", "check_server"]

_SUITE: Final = Path(__file__).parent
_PLUGIN: Final = "ltx_mock_contracts.conformance.plugin"
_ARGUMENTS: Final = (
    *("--config-file", os.devnull, "--rootdir", str(_SUITE), "--import-mode", "importlib"),
    *("-p", "no:cacheprovider", "-p", "no:terminal", "-p", _PLUGIN),
)


class CannotRun(Exception):  # noqa: N818 - it says what is, not what was done wrong
    """The checks cannot be run, or one of them failed in itself; the text says why."""


class Listener(Protocol):
    """Is told how the checks go on."""

    def planned(self, plan: Plan) -> None:
        """Hear what will be done, before anything is."""

    def done(self, check: str) -> None:
        """Hear that a check has ended."""


def check_server(
    options: Options,
    *,
    listener: Listener | None = None,
    junitxml: str | None = None,
    trace: list[str] | None = None,
    pace: Pace | None = None,
) -> Report:
    """Hold a server to the contract.

    Args:
        options: The server, and how far to go.
        listener: Is told of the plan and of each check that has ended.
        junitxml: Where to write a report in JUnit's form.
        trace: Takes what was asked and answered, as lines of NDJSON.
        pace: How real time passes, where the server's cannot be moved.

    Returns:
        A verdict for each rule that is about a server.

    Raises:
        CannotRun: Nobody is there, the key is not accepted, or a check failed in itself.
    """
    gatherer = Gatherer()
    session = _Session(gatherer, options, listener, pace)
    quiet = redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO())
    with TemporaryDirectory(prefix="ltx-mock-") as folder:
        draft = Path(folder) / "junit.xml"
        arguments = [*_ARGUMENTS, *([f"--junitxml={draft}"] if junitxml else []), str(_SUITE)]
        with _nothing_of_the_caller(), session.heeding_interrupts(), quiet[0], quiet[1] as said:
            code = pytest.main(arguments, plugins=[session])
        junit = draft.read_text("utf-8") if draft.exists() else None
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if gatherer.troubles or code not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        raise CannotRun("; ".join(gatherer.troubles) or said.getvalue().strip().removeprefix("ERROR: "))
    if trace is not None:
        trace += [text_without_keys(lines, options.secrets) for lines in gatherer.trace]
    if junitxml is not None and junit is not None:
        lines = text_without_keys(junit, options.secrets).split("\n")
        write_file(junitxml, "\n".join(map(printable, lines)))
    return gatherer.report(options, numbered=trace is not None)


class _Session:
    """The pytest plugin of one run."""

    def __init__(self, gatherer: Gatherer, options: Options, listener: Listener | None, pace: Pace | None) -> None:
        self._gatherer = gatherer
        self._options = options
        self._listener = listener
        self._pace = pace
        self._interrupted = False

    @contextmanager
    def heeding_interrupts(self) -> Iterator[None]:
        """Remember a Ctrl-C: one that comes while Hypothesis collects garbage raises nothing that anybody sees."""
        before = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or not callable(before):
            yield
            return

        def interrupt(number: int, frame: FrameType | None) -> None:
            self._interrupted = True
            before(number, frame)

        signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.register(self._gatherer, GATHERER)
        config.stash[OPTIONS] = self._options
        if self._pace is not None:
            config.stash[PACE] = self._pace

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if self._listener is not None and PLAN in session.config.stash:
            self._listener.planned(session.config.stash[PLAN])

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._listener is not None and hasattr(report, SEEN):
            self._listener.done(report.nodeid.rpartition("::")[2])
        if self._interrupted:
            raise KeyboardInterrupt


@contextmanager
def _nothing_of_the_caller() -> Iterator[None]:
    """Keep settings and plugins of the caller's environment from the suite."""
    own = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTEST_PLUGINS": ""}
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
