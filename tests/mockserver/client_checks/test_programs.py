"""`ltx-mock check-client` with programs that behave badly, and what it tells of them, in every form."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

import pytest

from ltx_mock import MockServer
from ltx_mock.cli import main
from ltx_mock.client_checks import programs, time_limits
from ltx_mock.client_checks.cases import select_cases
from ltx_mock.client_checks.programs import KEPT_BYTES, Program, free_port
from ltx_mock.client_checks.runner import JudgedCase, check_cases
from ltx_mock.client_checks.time_limits import Stop, TimeLimits
from ltx_mock.client_checks.timing import Timing
from ltx_mock.client_checks.trial import KEY
from ltx_mock.errors import LtxMockError
from ltx_mock_contracts import RULES
from support.processes import LTX_MOCK, clean_environment, ltx_mock
from support.waiting import SECONDS, until

pytestmark = [pytest.mark.sample(2), pytest.mark.posix]

PYTHON = [sys.executable, "-S", "-c"]
GOOD = [sys.executable, "-S", str(Path(__file__).parents[2] / "mutants" / "clients.py")]
SHORT = 0.1
ASKS = """
import json, os, urllib.request
def ask(path, body=None):
    asked = urllib.request.Request(os.environ["APIXO_BASE_URL"] + "/api/v1" + path, body and json.dumps(body).encode())
    asked.add_header("Authorization", "Bearer " + os.environ["APIXO_API_KEY"])
    asked.add_header("Content-Type", "application/json")
    return json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked))["data"]
body = {"input": {"mode": "text-to-video", "prompt": "the sea", "resolution": "480p", "duration": 5}}
"""
NOTES_PIDS = """
import os, sys
def note(pid):
    with open(os.environ["PIDS"], "a") as file:
        file.write(f"{pid}\\n")
note(os.getpid())
"""


def run(code: str, *, timeout: float = SECONDS, case: str = "success", **env: str) -> JudgedCase:
    """Run a program in one case, in this process."""
    return run_with(TimeLimits.of(Timing(), timeout), code, case=case, **env)


def run_with(limits: TimeLimits, code: str, *, case: str = "success", **env: str) -> JudgedCase:
    program = Program([*PYTHON, code], Timing(), limits=limits, env=env)
    (played,) = check_cases(select_cases((case,)), Timing(), program).cases
    return played


def titles(played: JudgedCase) -> list[tuple[str, str]]:
    deviations = [each for verdict in played.report.verdicts for each in verdict.deviations]
    return [(each.rule, each.title) for each in deviations]


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended; one that nobody has fetched the end of has."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def assert_all_gone(pids: Path, count: int) -> None:
    noted = [int(line) for line in pids.read_text().split()]
    assert len(noted) == count
    until(lambda: all(map(is_gone, noted)))


@pytest.fixture
def pids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which a program notes its process id; its time does not begin before that."""
    pids, wait_for_end = tmp_path / "pids", time_limits.wait_for_end

    def wait_from_then(ended: Callable[[float], bool], mock: MockServer, limits: TimeLimits) -> Stop | None:
        until(lambda: pids.exists() and pids.read_text().endswith("\n"))
        return wait_for_end(ended, mock, limits)

    monkeypatch.setattr(programs, "wait_for_end", wait_from_then)
    return pids


# Programs that do not end well.


def test_one_that_hangs_is_ended_and_said_to_hang(pids: Path) -> None:
    played = run(f"{NOTES_PIDS}\nimport time\ntime.sleep(1000)", timeout=SHORT, PIDS=str(pids))
    assert played.run.client.description == f"was ended after {SHORT:g} s"
    assert titles(played) == [("CLI-1", "the client did not request a video")]
    assert_all_gone(pids, 1)


def test_one_that_ignores_sigterm_is_ended_all_the_same(pids: Path) -> None:
    code = f"import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{NOTES_PIDS}\ntime.sleep(1000)"
    played = run(code, timeout=SHORT, PIDS=str(pids))
    assert not played.run.client.exited
    assert played.run.client.seconds < SHORT + SECONDS
    assert_all_gone(pids, 1)


def test_without_process_groups_the_command_of_the_system_ends_it(
    tmp_path: Path, pids: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taskkill = tmp_path / "taskkill"
    taskkill.write_text('#!/bin/sh\necho "$@" >"$0.given"\nkill -9 "$4"\n')
    taskkill.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delattr(os, "killpg")
    played = run(f"{NOTES_PIDS}\nimport time\ntime.sleep(1000)", timeout=SHORT, PIDS=str(pids))
    assert played.run.client.description == f"was ended after {SHORT:g} s"
    assert (tmp_path / "taskkill.given").read_text() == f"/F /T /PID {pids.read_text()}"
    assert_all_gone(pids, 1)


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("raise SystemExit(3)", "exits with 3"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "is ended by SIGSEGV"),
        pytest.param(
            "import os, signal\nos.kill(os.getpid(), signal.SIGRTMIN + 1)",
            f"is ended by signal {getattr(signal, 'SIGRTMIN', 0) + 1}",
            marks=pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="only Linux has more signals than names"),
        ),
        ("import os\nos.abort()", "is ended by SIGABRT"),
        ("1 / 0", "exits with 1"),
    ],
)
def test_one_that_crashes_is_told_with_how_it_ended(code: str, how: str) -> None:
    played = run(code)
    assert played.run.client.description == how
    assert titles(played) == [("CLI-1", "the client did not request a video")]


def test_one_that_never_asks_is_not_taken_for_a_good_one() -> None:
    played = run("print('done')")
    assert titles(played) == [("CLI-1", "the client did not request a video")]


def test_one_that_asks_somebody_else_did_not_ask() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        elsewhere = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        played = run(f"{ASKS}\nos.environ['APIXO_BASE_URL'] = '{elsewhere}'\nask('/generateTask/x', body)")
    assert titles(played) == [("CLI-1", "the client did not request a video")]
    assert "refused" in played.run.client.output


def test_one_that_floods_the_fake_is_ended_and_found() -> None:
    code = (
        f"{ASKS}\nimport threading\ndef flood():\n    while True:\n        try: ask('/generateTask/ltx-2-19b', body)\n"
    )
    code += "        except OSError: pass  # 429, after the thousandth\n"
    code += "for _ in range(4): threading.Thread(target=flood).start()"
    played = run_with(TimeLimits(requests=200), code)
    assert not played.run.client.exited
    assert ("CLI-10", "it pays more than once: it creates more than one task for one video") in titles(played)


def test_of_megabytes_the_end_is_kept(capfd: pytest.CaptureFixture[str]) -> None:
    # Unless it is told to flush, Python writes the last lines after the message of sys.exit.
    code = "import sys\nfor n in range(200_000): print(n, 'x' * 20)\nsys.stdout.flush()\nsys.exit('the end')"
    played = run(code)
    output = played.run.client.output
    assert played.run.client.description == "exits with 1"
    assert output.startswith("… ")
    assert output.rstrip().endswith("the end")
    assert KEPT_BYTES / 2 < len(output) <= KEPT_BYTES + 100
    assert capfd.readouterr() == ("", "")


def test_output_is_read_to_its_end_though_its_reader_does_not_run_for_long() -> None:
    source, sink = os.pipe()
    runs, joins, main_thread = threading.Event(), list[float](), threading.current_thread()

    class Stream:
        def fileno(self) -> int:
            if threading.current_thread() is not main_thread:
                runs.wait(SECONDS)
            return source

        def close(self) -> None:
            os.close(source)

    output: Any = programs._Output(cast("IO[bytes]", Stream()))
    thread = output._thread

    class Waiting:
        is_alive = staticmethod(thread.is_alive)

        def join(self, seconds: float) -> None:
            joins.append(seconds)
            if len(joins) == 3:
                runs.set()
                thread.join()

    output._thread = Waiting()
    os.write(sink, b"the end")
    os.close(sink)
    assert output.text() == "the end"


def test_a_pipe_that_is_kept_open_and_quiet_is_not_waited_for() -> None:
    source, sink = os.pipe()
    output: Any = programs._Output(os.fdopen(source, "rb", buffering=0))
    thread = output._thread
    os.write(sink, b"some")
    until(lambda: output._pieces == 1)

    class Waiting:
        is_alive = staticmethod(thread.is_alive)

        def join(self, _: float) -> None:
            """Return at once, as if the time had passed."""

    output._thread = Waiting()
    assert output.text() == "some"
    os.close(sink)
    thread.join()


def test_output_is_read_to_its_end_however_slowly_it_comes() -> None:
    """Each wait ends with its time limit, when one more piece has come."""
    source, sink = os.pipe()
    output = programs._Output(os.fdopen(source, "rb", buffering=0))
    pieces, thread = [b"one ", b"two ", b"three"], output._thread

    class Waiting:
        is_alive = staticmethod(thread.is_alive)

        def join(self, _: float) -> None:
            if not pieces:
                os.close(sink)
                thread.join()
                return
            came = output._pieces
            os.write(sink, pieces.pop(0))
            until(lambda: output._pieces > came)

    output._thread = Waiting()  # type: ignore[assignment]
    assert output.text() == "one two three"


def test_many_small_pieces_are_kept_as_well_as_a_large_one() -> None:
    played = run("import os\nfor n in range(500): os.write(1, b'%d\\n' % n)\nraise SystemExit(1)")
    assert played.run.client.output.split() == [str(number) for number in range(500)]


def test_one_that_closes_its_output_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, read = tmp_path / "gate", programs._Output._read
    os.mkfifo(gate)

    def read_and_open_the_gate(output: programs._Output) -> None:
        read(output)
        gate.write_bytes(b"")

    monkeypatch.setattr(programs._Output, "_read", read_and_open_the_gate)
    code = "import os\nos.close(1); os.close(2)\nos.open(os.environ['GATE'], os.O_RDONLY)\nos._exit(7)"
    played = run(code, GATE=str(gate))
    assert (played.run.client.description, played.run.client.output) == ("exits with 7", "")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux tells of other processes")
@pytest.mark.parametrize("leaves", ["", "os.setsid()"], ids=["in its group", "in a group of its own"])
def test_children_that_outlive_it_are_ended_too(tmp_path: Path, leaves: str) -> None:
    pids = tmp_path / "pids"
    code = f"""{NOTES_PIDS}
import signal, time
for _ in range(3):
    if os.fork() == 0:
        {leaves or "pass"}
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        note(os.getpid())
        time.sleep(1000)
while open(os.environ["PIDS"]).read().count("\\n") < 4:
    time.sleep(0.01)
print("the parent is done", flush=True)
os._exit(0)
"""
    played = run(code, PIDS=str(pids))
    assert played.run.client.description == "exits with 0"
    assert played.run.client.output == "the parent is done\n"
    assert_all_gone(pids, 4)


@pytest.mark.parametrize("name", ["no-such-program", "not-executable", "no-program"])
def test_what_cannot_be_started_is_told_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "not-executable").write_text("#!/bin/sh\n")
    (tmp_path / "no-program").write_bytes(b"\x00\x01")
    (tmp_path / "no-program").chmod(0o755)
    with pytest.raises(LtxMockError, match=r"cannot run .*: "):
        check_cases(
            select_cases(("success",)),
            Timing(),
            Program([str(tmp_path / name)], Timing(), limits=TimeLimits.of(Timing(), SHORT)),
        )


# What is told, and how.


def test_placeholders_stand_in_arguments_and_in_the_environment() -> None:
    port = free_port()
    shows = "import os, sys\nprint(sys.argv[1:], os.environ['ROOT'], os.environ['APIXO_CALLBACK_URL'])\nsys.exit(1)"
    given = [shows, "{url}|{base_url}", "--to={callback_url}", "{scale}", "{other}"]
    callback = f"http://127.0.0.1:{port}/x"
    program = Program(
        [*PYTHON, *given],
        Timing(20),
        limits=TimeLimits.of(Timing(), SECONDS),
        env={"ROOT": "{url}/"},
        callback=callback,
    )
    (played,) = check_cases(select_cases(("success",)), Timing(20), program).cases
    arguments, _, rest = played.run.client.output.strip().rpartition("] ")
    root = rest.split()[0]
    assert root.startswith("http://127.0.0.1:")
    assert rest.split()[1] == callback
    assert f"{root.rstrip('/')}|{root}api/v1" in arguments
    assert f"'--to={callback}', '20', '{{other}}'" in arguments


def test_the_key_is_in_no_report_even_where_the_client_prints_it(tmp_path: Path) -> None:
    code = f"{ASKS}\nimport sys\nprint(os.environ['APIXO_API_KEY'], sys.argv)\n"
    code += "ask('/statusTask/ltx-2-19b?taskId=' + os.environ['APIXO_API_KEY'])"
    files = [tmp_path / name for name in ("report.json", "junit.xml", "step.md")]
    exit_code, out, err = ltx_mock(
        *("check-client", "--case", "success", "--case", "bad-request", "--github"),
        *("--output", str(files[0]), "--junitxml", str(files[1]), "--", *PYTHON, code, "{api_key}"),
        env={"GITHUB_STEP_SUMMARY": str(files[2])},
    )
    assert exit_code == 1, err
    assert "$API_KEY" in out
    assert KEY not in out + err + "".join(file.read_text() for file in files)


def test_a_good_program_passes_with_callbacks_and_a_bad_one_is_named(tmp_path: Path) -> None:
    cases = ("--case", "callback", "--case", "invalid-lora-url", "--case", "extra-fields")
    good = ltx_mock("check-client", *cases, "--callback", "--", *GOOD)
    bad = ltx_mock(
        *("check-client", *cases, "--callback", f"http://127.0.0.1:{free_port()}/cb", "--timeout", "300"),
        *("--env", "SECRET=hidden", "--env", "ROOT={url}", "--json", "-", "--", *GOOD, "the-failcode-is-lost"),
        cwd=tmp_path,
    )
    assert good[0] == 0, good[1] + good[2]
    assert "CLI-8   kept" in good[1]
    assert bad[0] == 1, bad[2]
    report = json.loads(bad[1])
    assert {each["case"]: each["broken"] for each in report["cases"]} == {
        "invalid-lora-url": ["CLI-5"],
        "extra-fields": [],
        "callback": [],
    }
    assert "something went wrong" in next(each["output"] for each in report["cases"] if each["broken"])


def test_progress_says_which_case_runs_again_and_which_is_only_compared() -> None:
    twice = ("--case", "success", "--case", "extra-fields", "--parallel", "2")
    _, _, again = ltx_mock("check-client", *twice, "--", *GOOD, "unknown-field")
    assert again.splitlines()[0] == f"ltx-mock: 2 cases, {Timing()}"
    assert "ltx-mock: 3/3 extra-fields, again, alone: the client exits with 0" in again.splitlines()
    _, _, compared = ltx_mock("check-client", "--case", "rate-limited", "--", *GOOD, "gives-up-at-429")
    assert compared.splitlines()[:3] == [
        f"ltx-mock: 1 case, {Timing()}",
        "ltx-mock: 1/1 rate-limited: the client exits with 1",
        "ltx-mock: 2/2 success, to compare: the client exits with 0",
    ]


def test_how_to_see_one_case_again_is_told_without_what_may_be_secret() -> None:
    options = ("--timeout", "300", "--env", "TOKEN=hidden", "--env", "ROOT={url}", "--seed", "3", "--callback")
    code, out, err = ltx_mock("check-client", "--case", "success", *options, "--", *GOOD, "unknown-field")
    assert code == 1, err
    again = next(line for line in out.splitlines() if "again:" in line)
    told = "--case success --timeout 300 --seed 3 --env 'TOKEN=…' --env 'ROOT={url}' --callback -- "
    assert told in again
    assert again.endswith("unknown-field")
    assert "hidden" not in out + err


HOSTILE = (
    r"print('::error::mine\n ##[error]mine \x1b[31mred\x1b[0m \x00\x07 ]]> <b> ::warning::')" + "\nraise SystemExit(1)"
)


def test_what_a_client_prints_commands_nobody_and_breaks_no_file(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("report.json", "junit.xml", "step.md")}
    code, out, err = ltx_mock(
        *("check-client", "--case", "success", "--github", "--json", str(files["report.json"])),
        *(
            "--junitxml",
            str(files["junit.xml"]),
            "--",
            *PYTHON,
            HOSTILE,
            "::error::argument\n::error::second ##[error]",
        ),
        env={"GITHUB_STEP_SUMMARY": str(files["step.md"]), "NO_COLOR": "1"},
    )
    assert code == 1, err
    commands = [line for line in (out + err).splitlines() if line.lstrip().startswith("::")]
    assert [line.partition("::")[2].split()[0] for line in commands] == ["error"]
    assert commands[0].startswith("::error title=CLI-1 broken")
    assert not any("##[" in text for text in (out, err, files["report.json"].read_text()))
    assert "\x1b" not in out + err
    suite = ET.parse(files["junit.xml"]).getroot()
    assert suite.find(".//failure") is not None
    assert "mine" in (suite.findtext(".//system-out") or "")
    failure = suite.findtext(".//failure") or ""
    assert "again     ltx-mock check-client --case success " in failure
    assert RULES["CLI-1"].text in failure
    assert "CLI-1" in files["step.md"].read_text()
    assert "mine" in json.loads(files["report.json"].read_text())["cases"][0]["output"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--case", "sucess", "--", "true"), "unknown case 'sucess' (did you mean 'success'?); known are"),
        (("--case", "callback", "--", "true"), "callback cases need --callback"),
        ((), "give the command to run"),
        (("--callback",), "give the command to run"),
        (("--callback", "node", "client.mjs"), "--callback must be an http or https URL, not 'node'"),
        (("--callback", "http://[::1", "--", "true"), "--callback must be an http or https URL"),
        (("--callback", "http://h:99999/", "--", "true"), "--callback must be an http or https URL"),
        (("--env", "NAME", "--", "true"), "--env must look like NAME=VALUE"),
        (("--real", "--scale", "2", "--", "true"), "--real and --scale do not go together"),
        (("--timeout", "0", "--", "true"), "0.0 is not in the range"),
        (("--scale", "nan", "--", "true"), "nan"),
        (("--timeout", "inf", "--", "true"), "inf is not in the range"),
        (("--timeout", "nan", "--", "true"), "'nan' is not a number"),
        (("--scale", "1e9", "--", "true"), "is not in the range"),
        (("--junitxml", "-", "--json", "--", "true"), "only one report can go to standard output"),
        (("--case", "success", "--", "/no/such/program"), "cannot run '/no/such/program': No such file or directory"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_run_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check-client", *arguments])
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, ""), err
    assert said in err.splitlines()[-1]
    assert len([line for line in err.splitlines() if not re.search(r" \d+ cases?, ", line)]) == 1


@pytest.mark.parametrize("option", ["--output", "--junitxml", "--github"])
def test_what_cannot_be_written_is_told_before_anything_runs(tmp_path: Path, option: str) -> None:
    there, ran = str(tmp_path / "no" / "report.xml"), tmp_path / "ran"
    given = (option,) if option == "--github" else (option, there)
    code, out, err = ltx_mock("check-client", *given, "--", "touch", str(ran), env={"GITHUB_STEP_SUMMARY": there})
    assert (code, out, ran.exists()) == (2, "", False)
    assert "cannot write" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_ends_the_checks_ends_the_client_too(tmp_path: Path, number: signal.Signals) -> None:
    pids = tmp_path / "pids"
    code = f"{NOTES_PIDS}\nimport time\ntime.sleep(1000)"
    command = [*LTX_MOCK, "check-client", "--", *PYTHON, code]
    environment = clean_environment(PIDS=str(pids))
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        until(lambda: pids.exists() and pids.read_text())
        process.send_signal(number)
        _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert_all_gone(pids, 1)


def test_ctrl_c_while_it_is_being_started_ends_it_too(pids: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[call-overload]
            until(lambda: pids.exists() and pids.read_text().endswith("\n"))
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("ltx_mock.client_checks.programs.subprocess.Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(f"{NOTES_PIDS}\nimport time\ntime.sleep(1000)", PIDS=str(pids))
    assert_all_gone(pids, 1)


def test_honest_waits_are_judged_by_a_scale() -> None:
    good, bad = (
        ltx_mock("check-client", "--case", "success", "--scale", scale, "--", *GOOD, *bug)
        for scale, *bug in (("200",), ("5", "polls-at-once"))  # a slow machine makes no wait too short
    )
    assert (good[0], "CLI-2   kept" in good[1]) == (0, True), good[1]
    # The vendor's own samples poll at once: that is told as the documents' advice, and breaks nothing.
    assert (bad[0], "CLI-2 observed: the first poll comes sooner than advised" in bad[1]) == (0, True), bad[1]
