"""`ltx-mock check-trace`, by all that it prints, and its guide."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

import ltx_mock_schemas
from contracts.trace.test_mutants import AGAIN, DONE, GOOD, LOCAL, data, refuses
from ltx_mock.cli import files, main
from ltx_mock_contracts import RULES
from support.bodies import TEXT, request_body
from support.traces import changed, generate, lines, poll

Run = Callable[..., tuple[object, str, str]]

GUIDE = (Path(__file__).parents[3] / "docs" / "check-a-recording.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs the command in an empty folder with a recording: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(recording: str, *args: str) -> tuple[object, str, str]:
        (tmp_path / "recording.ndjson").write_text(recording, encoding="utf-8")
        with pytest.raises(SystemExit) as left:
            main(["check-trace", "recording.ndjson", *args])
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return run


def test_the_example_of_the_guide_prints_what_the_guide_shows(cli: Run) -> None:
    (command,) = re.findall(r"^ltx-mock check-trace recording.ndjson (.*)$", block("sh"), re.MULTILINE)
    code, out, err = cli(block("ndjson"), *command.split())
    assert out == block("text")
    assert code == 1
    assert err == "\n3 kept, 2 broken, 0 observed, 3 not checked; 3 exchanges\n"
    exec(compile(block("python"), "check-a-recording.md", "exec"), {})


def test_a_clean_recording_exits_0(cli: Run) -> None:
    code, out, err = cli(lines(GOOD), "--rule", "TASK-1", "--rule", "task-2")
    assert (code, out) == (0, "Rule    Verdict  Seen\nTASK-1  kept       11\nTASK-2  kept        4\n")
    assert err == "\n2 kept, 0 broken, 0 observed, 0 not checked; 21 exchanges\n"


def test_what_the_recording_lacks_stands_after_the_table(
    cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    made = generate(0, "t")
    del made["request"]
    code, out, err = cli(lines([made]) + "!\n[]\n", "--rule", "GEN-1", "--rule", "GEN-17", "--github")
    said = [
        "skipped line 2: it is not JSON: Expecting value at column 1",
        "skipped line 3: an exchange is an object, not an empty array",
        "not recorded: the body of the request in line 1",
    ]
    assert code == 0
    assert out.split("\n\n")[-1].splitlines() == said
    assert err == "\n1 kept, 0 broken, 0 observed, 1 not checked; 1 exchange, 2 skipped\n"
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "<br>\n".join(f"<code>{line}</code>" for line in said) in summary


def test_every_rule_about_a_server_has_a_row(cli: Run) -> None:
    _, out, _ = cli(lines(GOOD))
    rows = [line.split()[0] for line in out.partition("\n\n")[0].splitlines()[1:] if line[0] != " "]
    assert rows == [rule.id for rule in RULES.values() if rule.group != "CLI"]


def test_rules_are_chosen_by_id_or_group_and_left_out(cli: Run) -> None:
    _, out, _ = cli(lines(GOOD), "--rule", "CB", "--rule", "ENV-1", "--exclude-rule", "CB-2")
    assert re.findall(r"^\w+-\d", out.partition("\n\n")[0], re.MULTILINE) == ["ENV-1", "CB-1", "CB-3", "CB-4"]


def test_other_choices_are_explained_and_exit_0(cli: Run) -> None:
    code, out, _ = cli(lines(changed(GOOD, refuses(request_body(TEXT) | LOCAL))), "--rule", "GEN-4")
    body = json.dumps(request_body(TEXT) | LOCAL)
    assert code == 0
    assert (
        out
        == f"""\
Rule   Verdict   Seen
GEN-4  observed     1  a callback_url that is not public or not https is refused

GEN-4 observed: a callback_url that is not public or not https is refused
  expected  200 and a taskId
  actual    400, "No"
  request   {json.dumps(request_body(TEXT) | LOCAL, separators=(",", ":"))}
  where     line 22
  rule      {RULES["GEN-4"].text}
  try       curl -X POST "$BASE_URL"/api/v1/generateTask/ltx-2-19b -H "Authorization: Bearer $API_KEY" -H 'Content-Type: application/json' -d '{body}'
"""  # noqa: E501
    )


@pytest.mark.parametrize("flag", ["--documented-only", "--seed-only"])
def test_documented_only_observes_what_others_say(cli: Run, flag: str) -> None:
    wrong = lines([poll(0, "t") | {"status": 201}])
    assert cli(wrong, "--rule", "ENV-4")[0] == 1
    code, out, _ = cli(wrong, "--rule", "ENV-4", flag)
    assert code == 0
    assert "ENV-4 observed: " in out


def test_json_fits_its_schema(cli: Run) -> None:
    schema = ltx_mock_schemas.schema("check-report")
    for entries in ([], GOOD, changed(GOOD, data(AGAIN, costTime=1, resultJson="")), [generate(0, "t", [])]):
        code, out, err = cli(lines(entries), "--json")
        report = json.loads(out)
        jsonschema.validate(report, schema, jsonschema.Draft202012Validator)
        assert err == ""
        assert code == (0 if report["ok"] else 1)
        assert report["exchanges"] == len(entries)
        assert sum(report["counts"].values()) == len(report["rules"])
        assert all(set(item) == set(schema["$defs"]["verdict"]["properties"]) for item in report["rules"])


def test_nothing_in_a_recording_moves_the_cursor(cli: Run) -> None:
    evil = "\x1b[2J\r\n\u202e\x9b\ud800"
    wrong = changed(GOOD, data(DONE, **{evil: evil, "state": evil, "taskId": evil}))
    wrong.append(poll(200, evil, "success"))
    wrong.append(generate(200, evil, {evil: evil}))
    wrong.append(generate(201, evil, evil))
    text = "".join(json.dumps(entry) + "\n" for entry in wrong)
    for args in ([], ["--json"]):
        code, out, err = cli(text, *args)
        assert code == 1
        assert all(letter.isprintable() or letter == "\n" for letter in out + err)


def test_github_gets_annotations_after_the_table_and_a_summary_of_the_step(
    cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    (tmp_path / "summary.md").write_text("before\n", encoding="utf-8")
    recording = lines([poll(0, "t") | {"status": 201}])
    code, plain, _ = cli(recording, "--rule", "ENV-4")
    _, out, err = cli(recording, "--rule", "ENV-4", "--github")
    assert code == 1
    assert out.startswith(plain)
    assert out.removeprefix(plain).startswith("::error title=ENV-4 broken::")
    assert err == "\n0 kept, 1 broken, 0 observed, 0 not checked; 1 exchange\n"
    assert (tmp_path / "summary.md").read_text(encoding="utf-8").startswith("before\n## ltx-mock: 1 broken\n")


def test_github_gets_no_summary_where_there_is_none_to_add_to(
    cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    cli("", "--github")
    assert [path.name for path in tmp_path.iterdir()] == ["recording.ndjson"]


def test_sarif_goes_to_a_file_beside_the_table_or_to_the_standard_output_in_its_place(cli: Run, tmp_path: Path) -> None:
    recording = lines([poll(0, "t") | {"status": 201}])
    code, out, _ = cli(recording, "--rule", "ENV-4", "--sarif", "found.sarif")
    assert (code, out) == cli(recording, "--rule", "ENV-4")[:2]
    written = (tmp_path / "found.sarif").read_text(encoding="utf-8")
    assert cli(recording, "--rule", "ENV-4", "--sarif", "-") == (1, written, "")
    assert [result["ruleId"] for result in json.loads(written)["runs"][0]["results"]] == ["ENV-4"]


def test_annotations_leave_a_standard_output_alone_that_has_json(cli: Run) -> None:
    code, out, err = cli(lines([poll(0, "t") | {"status": 201}]), "--rule", "ENV-4", "--json", "--github")
    assert (code, json.loads(out)["ok"]) == (1, False)
    assert err.startswith("::error title=ENV-4 broken::")


def test_what_was_found_is_shown_though_the_disk_is_full_by_then(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_file(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "write_file", write_file)
    code, out, err = cli(lines(GOOD), "--rule", "TASK-1", "--sarif", "found.sarif")
    assert (code, out) == (2, "Rule    Verdict  Seen\nTASK-1  kept       11\n")
    assert err.endswith("\nltx-mock: cannot write found.sarif: No space left on device\n")


@pytest.mark.parametrize(
    ("text", "args", "said"),
    [
        ("\n!", [], "recording.ndjson: line 2: it is not JSON: Expecting value at column 1"),
        ('{"at": "\x1b"}', [], "recording.ndjson: line 1: it is not JSON: Invalid control character at column 9"),
        ("", ["--rule", "TASK-99"], "no rule 'TASK-99' (did you mean 'TASK-9'?); ltx-mock rules lists them"),
        ("", ["--exclude-rule", "x"], "no rule 'x'; ltx-mock rules lists them"),
        (
            "",
            ["--json", "--sarif", "-"],
            "only one report can go to standard output; give the others a file with --output",
        ),
        ("", ["more"], "Got unexpected extra argument (more); see ltx-mock check-trace --help"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_line(cli: Run, text: str, args: list[str], said: str) -> None:
    assert cli(text, *args) == (2, "", f"ltx-mock: {said}\n")


@pytest.mark.parametrize("option", ["--output", "--github"])
def test_what_cannot_be_written_is_told_before_anything_is_judged(
    cli: Run, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = "no/report.json"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", there)
    args = [option] if option == "--github" else [option, there]
    assert cli("!", *args) == (2, "", f"ltx-mock: cannot write {there}: No such file or directory\n")


def test_a_file_that_is_not_there_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["check-trace", "/nowhere\x1b"])
    assert left.value.code == 2
    assert capsys.readouterr() == ("", "ltx-mock: /nowhere�: it cannot be read: No such file or directory\n")
