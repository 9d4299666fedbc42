"""`ltx-mock drift` and `ltx-mock recordings timings`, by what they print."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

import ltx_mock_schemas
from ltx_mock import MockServer
from ltx_mock.cli import main
from mockserver.drift.test_drift import on
from mockserver.drift.test_lives import task
from support.lives import LIFE, answer, state, success
from support.recorded_lives import recorded, text, violating, write

pytestmark = pytest.mark.sample(4)

Run = Callable[..., tuple[object, str, str]]
BODIES = [text(prompt=f"wave {number}") for number in range(3)]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs the command in a folder with recordings: `old`, `same`, `odd` and `wrong`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")
    write(recorded(bodies=BODIES), tmp_path / "old")
    write(recorded(bodies=BODIES[::-1], seed=2, rhythm=3.0), tmp_path / "same")
    odd = on("statusTask", "success", lambda data: data.update(progress=100))
    write(recorded(bodies=BODIES, change=odd), tmp_path / "odd")
    wrong = on("statusTask", "success", lambda data: data.pop("costTime"))
    write(recorded(bodies=BODIES, change=wrong), tmp_path / "wrong")

    def run(*args: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as left:
            main(list(args))
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return run


def test_no_drift_is_one_line(cli: Run) -> None:
    code, out, err = cli("drift", "old", "same")
    assert (code, out) == (0, "no drift\n")
    assert "0 broken, 0 observed" in err


def test_a_difference_is_a_row_with_what_each_side_says_and_who_moved(cli: Run) -> None:
    code, out, _ = cli("drift", "old", "wrong")
    head, row = out.splitlines()
    assert code == 1
    assert head.split() == ["Rule", "Verdict", "Document", "Fake", "Before", "Service", "Moved"]
    assert row.split()[:2] == ["TASK-3", "broken"]
    assert "data.costTime is missing" in row
    assert row.endswith("as documented  as documented  nothing  service")
    code, out, _ = cli("drift", "wrong")
    assert (code, out.splitlines()[1].split()[0]) == (1, "TASK-3")


def test_what_no_document_settles_is_observed_and_fails_only_if_told(cli: Run) -> None:
    code, out, _ = cli("drift", "old", "odd")
    assert code == 0
    (row,) = out.splitlines()[1:]
    assert row.split()[:2] == ["CLI-9", "observed"]
    assert "new field: data.progress of statusTask (success)" in row
    assert cli("drift", "old", "odd", "--fail-on", "observed")[0] == 1
    assert cli("drift", "odd", "old", "--fail-on", "observed")[0] == 1, "it is missing the other way round"
    assert cli("drift", "old", "same", "--fail-on", "observed")[0] == 0


def test_every_form_of_the_report_is_written(cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step.md"))
    files = ("report.json", "report.sarif", "report.xml")
    code, out, _ = cli("drift", "wrong", "--github", *(part for file in files for part in ("--output", file)))
    assert code == 1
    assert "::error title=TASK-3 broken" in out
    report = json.loads((tmp_path / "report.json").read_text())
    jsonschema.validate(report, ltx_mock_schemas.schema("check-report"))
    (found,) = [each for rule in report["rules"] for each in rule["departures"] if each["rule"] == "TASK-3"]
    assert (found["sides"]["moved"], found["sides"]["fake"]) == ("service", "as documented")
    (result,) = [
        each
        for each in json.loads((tmp_path / "report.sarif").read_text())["runs"][0]["results"]
        if each["ruleId"] == "TASK-3"
    ]
    assert "moved: service" in result["message"]["text"]
    failures = [each.get("type") for each in ET.parse(tmp_path / "report.xml").getroot().iter("failure")]
    assert failures == ["TASK-3"]
    assert "TASK-3" in (tmp_path / "step.md").read_text()


def test_json_goes_to_standard_output_alone(cli: Run) -> None:
    code, out, _ = cli("drift", "old", "wrong", "--json")
    assert (code, json.loads(out)["counts"]["broken"]) == (1, 1)


def test_a_report_is_the_baseline_of_the_next(cli: Run) -> None:
    cli("drift", "wrong", "--output", "report.json")
    code, out, _ = cli("drift", "wrong", "--baseline", "report.json")
    assert (code, out.splitlines()[0]) == (0, "no drift")
    code, out, _ = cli("drift", "old", "--baseline", "report.json")
    assert code == 0
    assert "TASK-3 is not seen any more" in out


def test_rules_can_be_chosen(cli: Run) -> None:
    assert cli("drift", "wrong", "--rule", "TASK-8")[0] == 0
    assert cli("drift", "wrong", "--exclude-rule", "TASK")[0] == 0


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("away",), "away cannot be read: No such file or directory"),
        (("empty",), "empty has no recording"),
        (("bad",), "bad has no recording; x.json: "),
        (("old", "same", "odd"), "one or two folders can be compared"),
        (("old", "--output", "report.txt"), "the file of --output must end in one of"),
        ((), "Missing argument"),
    ],
)
def test_what_cannot_run_is_one_line(cli: Run, tmp_path: Path, args: tuple[str, ...], line: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.json").write_text("{}")
    code, out, err = cli("drift", *args)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert line in err


def test_a_broken_recording_is_a_note_and_the_rest_is_compared(cli: Run, tmp_path: Path) -> None:
    (tmp_path / "same" / "x.json").write_text("{")
    code, out, _ = cli("drift", "old", "same")
    assert code == 0
    assert out.splitlines()[1].startswith("same: x.json: ")


def test_learned_timings_are_those_of_the_service_and_serve_draws_them(cli: Run, tmp_path: Path) -> None:
    slow = [*BODIES, *(text("1080p", prompt=f"city {number}") for number in range(3)), violating()]
    write(recorded(bodies=slow, slower=3.0, rhythm=2.0), tmp_path / "slow")
    code, out, err = cli("recordings", "timings", "slow", "--output", "timings.json")
    assert (code, out) == (0, "")
    assert "1080p text-to-video 3 times, 480p text-to-video 3 times, CONTENT_VIOLATION 1 time\n" in err
    learned = json.loads((tmp_path / "timings.json").read_text())
    small = next(each for each in learned["lives"] if each.get("resolution") == "480p")
    assert 120_000 <= small["ends"][0] <= small["ends"][-1] <= 180_000
    assert 2_000 <= small["starts"][0] <= 5_000
    with MockServer(clock="manual", timings=tmp_path / "timings.json") as mock, mock.client() as client:
        for _ in range(5):
            client.post("/generateTask/ltx-2-19b", json=text())
        ends = [task.timeline.cost_time for task in mock.look(lambda tenant: list(tenant.tasks()))]
    assert all(small["ends"][0] <= end <= small["ends"][-1] for end in ends)


def test_timings_are_printed_and_what_teaches_none_is_an_error(cli: Run, tmp_path: Path) -> None:
    code, out, _ = cli("recordings", "timings", "old")
    assert (code, json.loads(out)["format"]) == (0, "ltx-mock-timings")
    write(recorded(bodies=[text(duration=99)]), tmp_path / "refused")
    code, out, err = cli("recordings", "timings", "refused")
    assert (code, out) == (2, "")
    assert err == "ltx-mock: no recording in refused shows when a task ended\n"


def test_it_is_said_which_tasks_teach_no_timings(cli: Run, tmp_path: Path) -> None:
    fast = task(answer(50, state("processing")), answer(300, success(55_000)))
    why = "1 task with a costTime that the polls contradict, as that of a clock that runs faster"
    write([fast], tmp_path / "fast")
    assert cli("recordings", "timings", "fast") == (
        2,
        "",
        f"ltx-mock: no recording in fast shows when a task ended; {why}\n",
    )
    write([fast, LIFE], tmp_path / "both")
    assert cli("recordings", "timings", "both")[2].splitlines()[-1] == f"ltx-mock: left out: {why}"
