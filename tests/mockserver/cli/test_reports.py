"""What the checking commands print of a report, where it is about a live server and its checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from ltx_mock.cli.outputs import Outputs
from ltx_mock.cli.report import chosen_rules, report_files, show, tell
from ltx_mock.errors import LtxMockError
from ltx_mock_contracts import RULES, Report, Verdict
from support.reports import deviation, report

LIVE = report(
    deviation(checks=("test_a", "test_b"), request={"prompt": "x" * 999}, exchanges=(4,)),
    target="http://localhost:8219/api/v1",
    seed=7,
    tasks_made=1,
    tasks_allowed=40,
    reproduce="ltx-mock check http://localhost:8219/api/v1 --seed 7",
).only(["GEN-10"])


def test_a_live_report_names_server_seed_and_spending_first_and_how_to_do_it_again_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(LIVE)
    out, err = capsys.readouterr()
    assert out.splitlines()[:3] == [
        "server http://localhost:8219/api/v1, seed 7, made 1 task of at most 40",
        "",
        "Rule    Verdict  Seen",
    ]
    assert out.endswith("\n\nagain: ltx-mock check http://localhost:8219/api/v1 --seed 7\n")
    assert err == "\n0 kept, 1 broken, 0 observed, 0 not checked; 7 exchanges\n"


def test_a_deviation_names_the_first_check_that_saw_it_and_shows_a_long_request_in_part(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(LIVE)
    out = capsys.readouterr().out
    assert "\n  check     test_a\n" in out
    assert f'\n  request   {{"prompt":"{"x" * 389}… (1012 characters)\n' in out


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"tasks_made": 2}, "made 2 tasks"),
        ({"target": "h\x1b[2J", "tasks_made": 0, "tasks_allowed": 0}, "server h�[2J, made 0 tasks of at most 0"),
        ({"seed": 0}, "seed 0"),
    ],
)  # fmt: skip
def test_the_first_line_says_what_is_known(
    told: dict[str, object], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show(report(**told))
    assert capsys.readouterr().out.startswith(f"{line}\n\nRule")


def test_a_reason_stands_once_below_the_table_with_all_rules_that_it_holds_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    why = {"CB-1": "the server cannot be called", "CB-3": "the server cannot be called", "LIM-1": "it takes\x1b long"}
    verdicts = (*(Verdict(rule=rule, outcome="not checked", why=why[rule]) for rule in why), *LIVE.verdicts)
    show(Report(verdicts=verdicts))
    table, reasons, *_ = capsys.readouterr().out.split("\n\n")
    assert [line.split()[0] for line in table.splitlines()] == ["Rule", "CB-1", "CB-3", "LIM-1", "GEN-10"]
    assert reasons.splitlines() == [
        "CB-1, CB-3 not checked: the server cannot be",
        "  called",
        "LIM-1 not checked: it takes� long",
    ]


def test_rules_are_chosen_by_id_or_group_in_any_case_and_none_means_all() -> None:
    assert chosen_rules([]) == set(RULES)
    assert chosen_rules(["cb", "ENV-1"], ["CB-2"]) == {"CB-1", "CB-3", "CB-4", "ENV-1"}
    with pytest.raises(LtxMockError, match=r"no rule 'GEN-99'"):
        chosen_rules(["GEN-99"])


def test_both_files_are_written_and_the_text_is_printed_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    json_, sarif_ = tmp_path / "report.json", tmp_path / "report.sarif"
    tell(LIVE, Outputs((("json", str(json_)), ("sarif", str(sarif_)))))
    assert capsys.readouterr().out.startswith("server ")
    assert '"tasksAllowed": 40' in json_.read_text(encoding="utf-8")
    assert '"version": "2.1.0"' in sarif_.read_text(encoding="utf-8")


def test_where_a_file_cannot_be_written_one_line_says_which(tmp_path: Path) -> None:
    with pytest.raises(LtxMockError, match=rf"^cannot write {tmp_path}: Is a directory$"):
        report_files(Report(verdicts=()), Outputs((("json", str(tmp_path)),)))
