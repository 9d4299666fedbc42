"""`--json` and `--output` mean the same in every command, and the former options still work."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ltx_mock.cli.outputs import FORMER_REPORTS, FormerJson, Outputs, output_options
from ltx_mock.errors import LtxMockError

FORMS = {"json": "JSON", "junit": "JUnit XML", "ndjson": "exchanges"}


@click.command(cls=FormerJson)
@click.argument("words", nargs=-1)
@output_options(FORMS, FORMER_REPORTS)
def command(words: tuple[str, ...], outputs: Outputs) -> None:
    """Print what it got."""
    click.echo(json.dumps([words, outputs.wanted]))


def got(*args: str) -> tuple[list[str], list[list[str]]]:
    result = CliRunner().invoke(command, args)
    assert result.exit_code == 0, result.output
    words, wanted = json.loads(result.output)
    return words, wanted


def test_the_ending_of_a_file_says_its_form() -> None:
    assert got("--output", "a.json", "--output", "dir/B.XML", "x") == (
        ["x"],
        [["json", "a.json"], ["junit", "dir/B.XML"]],
    )
    assert got("x", "--json") == (["x"], [["json", "-"]])
    result = CliRunner().invoke(command, ["--output", "a.txt"])
    assert isinstance(result.exception, LtxMockError)
    assert str(result.exception) == "the file of --output must end in one of .json, .xml, .ndjson, not 'a.txt'"


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        (["--json", "a.json", "x"], [["json", "a.json"]]),
        (["--json=anything", "x"], [["json", "anything"]]),
        (["--json", "-", "x"], [["json", "-"]]),
        (["--json", "/dev/fd/3", "x"], [["json", "/dev/fd/3"]]),
        (["--junitxml", "a", "--trace=b", "--sarif", "c", "x"], [["junit", "a"], ["sarif", "c"], ["ndjson", "b"]]),
    ],
)
def test_the_former_options_take_a_file(args: list[str], wanted: list[list[str]]) -> None:
    assert got(*args) == (["x"], wanted)


@pytest.mark.parametrize("words", [["localhost:8219"], ["fake"], ["node", "client.mjs"], ["./client"]])
def test_what_follows_json_is_no_file_if_it_may_be_a_server_or_a_client(words: list[str]) -> None:
    assert got("--json", *words) == (words, [["json", "-"]])


def test_json_takes_no_file_from_behind_the_options() -> None:
    assert got("--json", "http://127.0.0.1:9", "--", "--json", "a.json") == (
        ["http://127.0.0.1:9", "--json", "a.json"],
        [["json", "-"]],
    )
    assert got("--json", "--", "a.json") == (["a.json"], [["json", "-"]])


def test_one_file_that_cannot_be_written_does_not_prevent_the_others(tmp_path: Path) -> None:
    good = tmp_path / "a.xml"
    outputs = Outputs((("json", str(tmp_path)), ("junit", str(good)), ("ndjson", str(tmp_path / "left.ndjson"))))
    with pytest.raises(LtxMockError, match=rf"^cannot write {tmp_path}: Is a directory$"):
        outputs.write({"json": lambda: "1", "junit": lambda: "2"})
    assert good.read_text() == "2"
    assert [path.name for path in tmp_path.iterdir()] == ["a.xml"]


def test_two_reports_cannot_share_the_standard_output() -> None:
    result = CliRunner().invoke(command, ["--json", "--junitxml", "-"])
    assert str(result.exception) == ("only one report can go to standard output; give the others a file with --output")
