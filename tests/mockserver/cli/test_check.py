"""`ltx-mock check`, as people and CI run it, and the suite run by pytest itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from ltx_mock import MockServer
from ltx_mock.cli.check import Lines
from ltx_mock.cli.progress import Bar
from ltx_mock_contracts import check_trace, read_trace
from ltx_mock_contracts.conformance import Check, Plan
from mutants.servers import MUTANTS, BrokenServer, counting
from support.processes import LTX_MOCK, clean_environment, ltx_mock

pytestmark = pytest.mark.sample(3)

FEW = ("--max-examples", "1")
OURS = (*FEW, "--trust-control-plane")
SUITE = ("--pyargs", "ltx_mock_contracts.conformance", "-q", "-p", "no:cacheprovider", "--ltx-max-examples", "1")


def test_the_fake_is_checked_in_one_command() -> None:
    with MockServer(clock="manual") as mock:
        code, out, err = ltx_mock("check", mock.url, *OURS)
    assert code == 0, err
    assert f"server {mock.url}, seed 0" in out
    assert out.count(" kept ") >= 50
    assert "50 kept, 0 broken, 0 observed, 0 not checked" in err
    assert "free checks" in err.splitlines()[0], "the plan comes first"


def test_a_broken_server_is_told_of_with_a_line_that_shows_it() -> None:
    with BrokenServer() as server, server.broken_by(MUTANTS["a-duration-may-be-21"]) as url:
        code, out, err = ltx_mock("check", url, "--rule", "GEN-10", "--api-key", server.key, *OURS)
    assert (code, "1 broken" in err) == (1, True)
    assert "GEN-10 broken: a request is accepted though" in out
    assert '"duration": 21' in out
    assert f"curl -X POST {url}/api/v1/generateTask/ltx-2-19b" in out
    assert server.key not in out + err
    assert f'again: ltx-mock check {url} --rule GEN-10 --api-key "$API_KEY" --trust-control-plane --seed 0' in out


def test_a_choice_is_observed_and_breaks_nothing() -> None:
    with BrokenServer() as server, server.broken_by(MUTANTS["open-to-all"]) as url:
        code, out, _ = ltx_mock("check", url, "--rule", "AUTH-4", "--api-key", server.key, *OURS)
    assert (code, "AUTH-4 observed" in out) == (0, True)


@pytest.mark.slow
def test_rules_of_the_vendor_can_be_set_aside() -> None:
    with BrokenServer() as server, server.broken_by(MUTANTS["a-prompt-may-be-empty"]) as url:
        broken = ltx_mock("check", url, "--rule", "GEN-8", "--api-key", server.key, *OURS)
        aside = ltx_mock("check", url, "--rule", "GEN-8", "--api-key", server.key, "--documented-only", *OURS)
    assert (broken[0], aside[0]) == (1, 0)
    assert "GEN-8 observed" in aside[1]


def test_only_what_changed_since_a_baseline_is_told_and_the_json_is_the_next_baseline(tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    about = ("--rule", "TASK-5", "--rule", "GEN-10", *OURS)
    with BrokenServer() as server:
        with server.broken_by(MUTANTS["costs-one-more"]) as url:
            args = ("check", url, "--api-key", server.key, *about)
            found = ltx_mock(*args, "--json", str(first))
            same = ltx_mock(*args, "--baseline", str(first), "--json", str(second))
        with server.broken_by(MUTANTS["a-duration-may-be-21"]) as url:
            other = ltx_mock(
                *("check", url, "--api-key", server.key, *about, "--baseline", str(second)),
                *("--junitxml", str(tmp_path / "junit.xml")),
            )
    assert (found[0], same[0], other[0]) == (1, 0, 1)
    assert "no change" in same[1]
    assert "2 rules as in the baseline" in same[1]
    told = json.loads(second.read_text())
    assert (told["changed"], told["counts"]["broken"]) == ([], 1)
    assert [line.split()[:2] for line in other[1].splitlines() if line.startswith(("TASK", "GEN"))][:2] == [
        ["GEN-10", "broken"],
        ["TASK-5", "kept"],
    ]
    cases = [each.get("name") for each in ET.parse(tmp_path / "junit.xml").getroot().iter("testcase")]
    assert cases == ["GEN-10", "TASK-5"]


def test_a_baseline_that_cannot_be_used_ends_the_command_before_it_checks(tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("{}")
    for file, why in (("away.json", "No such file"), ("no.json", "format must be")):
        code, out, err = ltx_mock("check", "http://127.0.0.1:9", "--baseline", file, cwd=tmp_path)
        assert (code, out) == (2, "")
        assert f"ltx-mock: cannot use {file} as a baseline: {why}" in err


def test_every_form_of_the_report_is_written_in_one_run(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("report.json", "report.sarif", "junit.xml", "trace.ndjson", "step.md")}
    with BrokenServer() as server, server.broken_by(MUTANTS["costs-one-more"]) as url:
        code, out, err = ltx_mock(
            *("check", url, "--api-key", server.key, "--rule", "TASK", *OURS, "--github"),
            *(f"--output={files[name]}" for name in ("report.json", "report.sarif", "junit.xml", "trace.ndjson")),
            env={"GITHUB_STEP_SUMMARY": str(files["step.md"]), "CI": "true"},
        )
        recorded = read_trace(files["trace.ndjson"])
    assert code == 1, err
    assert "::error title=TASK-5" in out
    assert "TASK-5" in files["step.md"].read_text()
    report = json.loads(files["report.json"].read_text())
    assert [rule["rule"] for rule in report["rules"] if rule["outcome"] == "broken"] == ["TASK-5"]
    assert json.loads(files["report.sarif"].read_text())["runs"][0]["results"][0]["ruleId"] == "TASK-5"
    suite = ET.parse(files["junit.xml"]).getroot()
    assert suite.find(".//failure") is not None
    assert check_trace(recorded).broken == ("TASK-5",)
    line = next(each for each in report["rules"] if each["rule"] == "TASK-5")["departures"][0]["exchanges"][-1]
    assert recorded[line - 1].number == line, "a number in the report is a line of the trace"
    assert not any(server.key in path.read_text() for path in files.values())


def test_an_ltx_mock_is_trusted_only_if_the_user_says_so_and_a_line_tells_how() -> None:
    with MockServer(clock="manual") as mock:
        code, out, err = ltx_mock("check", mock.url, *FEW)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert "if it is yours, add --trust-control-plane" in err
        code, _, err = ltx_mock("check", mock.url, "--api-key", "any", "--rule", "TASK-8", "--rule", "AUTH-1", *FEW)
        assert (code, mock.tasks) == (0, []), err
    assert "where 0 are allowed" in err


def test_the_plan_of_a_stranger_says_what_is_free_and_what_is_paid() -> None:
    with MockServer(clock="manual", api_key="the-only-key") as mock, counting(mock.url) as server:
        given = ("--api-key", "the-only-key", "--rule", "AUTH", "--rule", "TASK-8")
        code, _, err = ltx_mock("check", server.url, *given, *FEW)
    assert code == 0, err
    assert "0 that create tasks, 0 of them at most, where 0 are allowed" in err
    assert server.made == 0


def test_the_key_may_stand_in_the_environment() -> None:
    with counting() as server:
        code, _, err = ltx_mock("check", server.url, "--rule", "AUTH-1", *FEW, env={"APIXO_API_KEY": server.key})
    assert code == 0, err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("http://127.0.0.1:9",), "no server responds at http://127.0.0.1:9"),
        (("127.0.0.1:9",), "no server responds at http://127.0.0.1:9"),
        (
            ("ftp://127.0.0.1:9",),
            "it must be the http or https URL of a server, such as",
        ),
        (("http://127.0.0.1:9", "--rule", "GEN-99"), "no rule 'GEN-99'"),
        (("http://127.0.0.1:9", "--max-examples", "-1"), "-1 is not in the range x>=0"),
        (("http://127.0.0.1:9", "--max-tasks", "-1"), "-1 is not in the range x>=0"),
        (("http://127.0.0.1:9", "--timeout", "1e300"), "1e+300 is not in the range 0.1<=x<=86400.0"),
        (("http://127.0.0.1:9", "--callback-port", "65536"), "65536 is not in the range 0<=x<=65535"),
        (("http://127.0.0.1:9", "--rule", "CLI"), "no rule is left to check"),
        (("http://127.0.0.1:9", "--rule", "ENV", "--exclude-rule", "ENV"), "no rule is left to check"),
        (("http://[::1",), "must be the http or https URL of a server"),
        (("http://127.0.0.1:9", "--api-key", "kéy"), "it must be ASCII without spaces"),
        (("http://127.0.0.1:9", "--trace", "-", "--json"), "only one report can go to standard output"),
        ((), "Missing argument 'URL'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_run_is_told_in_one_line(arguments: tuple[str, ...], told: str) -> None:
    code, out, err = ltx_mock("check", *arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("option", ["--output", "--sarif", "--junitxml", "--trace"])
def test_what_cannot_be_written_is_told_before_anything_is_asked(tmp_path: Path, option: str) -> None:
    code, out, err = ltx_mock("check", "http://127.0.0.1:9", option, str(tmp_path / "no" / "file.xml"))
    assert (code, out) == (2, "")
    assert "cannot write" in err
    assert len(err.splitlines()) == 1


def test_nothing_checked_is_no_success() -> None:
    with counting() as server:
        code, _, err = ltx_mock("check", server.url, "--api-key", server.key, "--rule", "LIM", *FEW)
    assert code == 2
    assert "nothing could be checked" in err


def test_ctrl_c_ends_it_without_a_traceback() -> None:
    command = [*LTX_MOCK, "check", "--trust-control-plane", "--max-examples", "100"]
    with (
        MockServer(clock="manual") as mock,
        subprocess.Popen([*command, mock.url], stderr=subprocess.PIPE, text=True, env=clean_environment()) as process,
    ):
        assert process.stderr is not None
        assert "free checks" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Traceback" not in said


def run_pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", *SUITE, *arguments],
        cwd="/",
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.slow
def test_pytest_runs_the_suite_in_several_processes(tmp_path: Path) -> None:
    with BrokenServer() as server, server.broken_by(MUTANTS["unknown-is-400"]) as url:
        run = run_pytest(
            *("--ltx-base-url", url, "--ltx-api-key", server.key, "--ltx-rule", "TASK-11", "--ltx-rule", "AUTH"),
            *("--ltx-trust-control-plane", "-n", "2", f"--junitxml={tmp_path / 'junit.xml'}"),
        )
    assert run.returncode == 1, run.stdout + run.stderr
    assert "TASK-11  broken" in run.stdout
    assert "AUTH-1   kept" in run.stdout
    assert (tmp_path / "junit.xml").exists()


@pytest.mark.slow
def test_the_bound_holds_over_several_processes() -> None:
    with counting(accepts_everything=True) as server:
        run = run_pytest(
            *("--ltx-base-url", server.url, "--ltx-api-key", server.key, "--ltx-max-tasks", "3"),
            *("--ltx-rule", "GEN-10", "-n", "3"),
        )
    assert run.returncode == 1, run.stdout + run.stderr
    assert 0 < server.made <= 3


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "the checks need a server: --ltx-base-url URL"),
        (["--ltx-base-url=http://127.0.0.1:9", "--ltx-timeout=nan"], "--ltx-timeout must be 0.1 to 86400, not nan"),
        (["--ltx-base-url=http://u:s3cret@127.0.0.1:9"], "no server responds at http://…@127.0.0.1:9"),
    ],
)
def test_pytest_says_what_it_needs(options: list[str], told: str) -> None:
    run = run_pytest(*options)
    assert run.returncode == 4
    assert told in run.stderr


def test_it_says_what_it_waits_for_and_for_how_long(capsys: pytest.CaptureFixture[str]) -> None:
    lines, nothing = Lines(1, Bar()), Check("a", (), print, seconds=100)
    lines.planned(Plan(running=[nothing, Check("b", (), print, seconds=80)], tasks=2, bound=2, missing_tasks=3))
    lines.waiting(60, "task task_1")
    lines.waiting(5, "task task_1")
    lines.done("a")
    lines.waiting(60, "task task_2")
    said = capsys.readouterr().err.splitlines()
    assert said[1:] == [
        "ltx-mock: with --max-tasks 5 all checks that need tasks would run",
        "ltx-mock: waiting 60 s for task task_1, about 3 min to go",
        "ltx-mock: waiting 60 s for task task_2, about 80 s to go",
    ]


def test_the_plan_names_the_checks_that_do_not_run_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    left_out = {"a": "it needs a second key (--other-key)", "b": "it needs 1 task", "c": "it needs 1 task"}
    plan = Plan(running=[Check("d", (), print), Check("e", (), print, tasks=1)], left_out=left_out)
    Lines(1, Bar()).planned(plan)
    assert capsys.readouterr().err.splitlines() == [
        "ltx-mock: 1 free check and 1 that creates tasks, on their own tenants; 3 cannot be run",
        "ltx-mock: not run: a: it needs a second key (--other-key)",
        "ltx-mock: not run: b, c: it needs 1 task",
    ]


@pytest.mark.parametrize("url", ["127.0.0.1:9", "http://localhost:9/api/v1"])
def test_nobody_on_this_machine_brings_the_command_that_starts_a_server(url: str) -> None:
    code, _, err = ltx_mock("check", url)
    assert (code, err.endswith("; start it with: ltx-mock serve\n")) == (2, True), err


def test_nobody_at_the_url_is_one_line_with_several_processes_too() -> None:
    run = run_pytest("--ltx-base-url", "http://127.0.0.1:9", "-n", "2")
    assert run.returncode == 4
    assert "ERROR: no server responds at http://127.0.0.1:9" in run.stderr
    assert "INTERNALERROR" not in run.stdout + run.stderr
