"""Progress is shown on a terminal, on stderr, and nowhere else."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tqdm import tqdm

from ltx_mock import MockServer
from ltx_mock.cli.check import Lines
from ltx_mock.cli.progress import progress
from ltx_mock_contracts import check_trace, read_trace
from ltx_mock_contracts.conformance.harness.checks import Check, Plan
from ltx_mock_contracts.fuzzing import corpus
from support.bodies import submit
from support.processes import LTX_MOCK, ltx_mock
from support.terminals import CONTROL, Terminal, on_terminal
from support.waiting import SECONDS

pytestmark = [pytest.mark.posix, pytest.mark.sample(2)]


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A recording of a few exchanges, written by the command itself."""
    path = tmp_path / "journal.ndjson"
    with MockServer(clock="manual") as mock, mock.client() as client:
        submit(client)
        code, shown = on_terminal("requests", "--output", str(path), "--url", mock.url)
    assert (code, "exporting the journal" in shown) == (0, True)
    return path


def test_what_takes_long_says_what_it_does_on_a_terminal(exported: Path, tmp_path: Path) -> None:
    code, shown = on_terminal("check-trace", str(exported))
    assert code == 0
    assert "reading " in shown
    assert "judging exchanges" in shown
    code, shown = on_terminal("fuzz", "--kind", "malformed", "--count", "20", "--output", str(tmp_path / "corpus"))
    assert code == 0
    assert "drawing cases" in shown
    assert "20/20" in shown
    assert "writing cases" in shown


def test_a_check_and_a_client_have_a_bar_with_their_lines_above() -> None:
    with MockServer(clock="manual") as mock:
        given = ("--trust-control-plane", "--rule", "ENV-5", "--api-key", mock.api_key)
        code, shown = on_terminal("check", mock.url, *given)
    assert code == 0
    assert "ltx-mock: " in shown
    assert "checking" in shown
    code, shown = on_terminal("check-client", "--case", "success", "--", sys.executable, "-c", "", columns=120)
    assert code == 1
    assert "ltx-mock: 1/1 success: the client exits with 0\n" in CONTROL.sub("", shown)
    assert "running the client" in shown


def test_nothing_of_it_is_in_a_pipe_in_json_or_in_a_file(exported: Path, tmp_path: Path) -> None:
    code, out, err = ltx_mock("check-trace", str(exported), "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["format"] == 1
    stdout = tmp_path / "out.json"
    piped = ["sh", "-c", '"$@" > "$0"', str(stdout), *LTX_MOCK, "check-trace", str(exported), "--json"]
    shown = Terminal(piped, 80, {})
    try:
        assert shown.end() == 0
    finally:
        shown.close()
    assert stdout.read_text() == out
    assert "judging exchanges" in shown.output, "stderr is the terminal"


def test_what_somebody_has_set_for_other_programs_changes_nothing(exported: Path) -> None:
    command = ("check-trace", str(exported))
    code, shown = on_terminal(*command, TQDM_DISABLE="1", TQDM_ASCII="0", TQDM_MININTERVAL="abc", TQDM_POSITION="3")
    assert (code, "judging exchanges" in shown, "\n\n" in shown.partition("Rule")[0]) == (0, True, False)


def test_a_terminal_that_says_no_size_gets_one_too(exported: Path) -> None:
    code, shown = on_terminal("check-trace", str(exported), columns=0)
    assert (code, "judging exchanges" in shown) == (0, True)


class Screen(io.StringIO):
    """A terminal that keeps what is written; one text is interrupted by Ctrl-C."""

    interrupted = "\0"

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.interrupted in text:
            raise KeyboardInterrupt
        return super().write(text)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Screen]:
    """Return a function that makes a screen stderr; between the phases of a test pytest sets stderr again."""
    monkeypatch.delenv("CI", raising=False)

    def show() -> Screen:
        screen = Screen()
        monkeypatch.setattr(sys, "stderr", screen)
        return screen

    return show


def test_ctrl_c_while_the_bar_is_written_keeps_no_other_thread_waiting(screen: Callable[[], Screen]) -> None:
    screen().interrupted = "first"
    with progress("checking", total=2) as bar:
        with pytest.raises(KeyboardInterrupt):
            bar.doing("first")
        other = threading.Thread(target=bar.doing, args=["second"], daemon=True)
        other.start()
        other.join(SECONDS)
        assert not other.is_alive()


def test_the_last_check_that_is_done_is_counted_when_it_is_named(screen: Callable[[], Screen]) -> None:
    shown = screen()
    with progress("checking", total=1) as bar:
        lines = Lines(1, bar)
        lines.planned(Plan(running=[Check("a", (), print), Check("b", (), print)]))
        lines.done("a")
    drawn = [frame.split() for frame in shown.getvalue().split("\r")]
    assert [frame[-2] for frame in drawn if frame[:1] == ["a"]] == ["1/2"]


def test_a_bar_starts_no_process(screen: Callable[[], Screen]) -> None:
    """The lock of tqdm is one for several processes, which starts one where Python does not fork."""
    screen()
    with progress("checking", total=1):
        assert isinstance(tqdm.get_lock(), type(threading.RLock()))  # type: ignore[no-untyped-call]


def test_a_ci_with_a_terminal_gets_none(exported: Path) -> None:
    assert "judging" not in on_terminal("check-trace", str(exported), CI="true")[1]


def test_the_work_tells_how_much_is_done(exported: Path) -> None:
    told: list[tuple[int, int]] = []
    corpus("valid", version="1", count=25, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (25, 25)
    assert told == sorted(told)
    told.clear()
    trace = read_trace(exported)
    check_trace(trace, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(trace), len(trace))
    assert told == sorted(told)
