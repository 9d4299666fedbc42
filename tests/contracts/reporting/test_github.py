"""Annotations for GitHub Actions: the runner takes each for the command that it is, and nothing else for one."""

from __future__ import annotations

import json
import re
from typing import Any

import click.testing
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ltx_mock.cli.outputs import Outputs
from ltx_mock.cli.report import report_files, show
from ltx_mock_contracts import Report
from ltx_mock_contracts.reporting import escape_workflow_commands, github_annotations, printable
from support.reports import HOSTILE, NASTY, deviation, report, reports

Command = tuple[str, dict[str, str], str]


def commands(output: str) -> list[Command]:
    """Return the commands that GitHub's runner finds in the output of a step: its two forms, as it looks for them."""
    found = (_double_colon(line) or _hashes(line) for line in re.split(r"\r\n|\r|\n", output))
    return [command for command in found if command]


def _double_colon(line: str) -> Command | None:
    line = line.lstrip()
    info, separator, data = line[2:].partition("::")
    if not line.startswith("::") or not separator:
        return None
    name, _, properties = info.partition(" ")
    pairs = (pair.split("=", 1) for pair in properties.strip().split(",") if pair)
    return name, {pair[0]: _decoded(pair[1]) for pair in pairs if len(pair) == 2}, _decoded(data)


def _hashes(line: str) -> Command | None:
    info, bracket, data = line.partition("##[")[2].partition("]")
    return (info.partition(" ")[0], {}, data) if bracket else None


def _decoded(text: str) -> str:
    for code, letter in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, letter)
    return text


def printed(function: Any, one: Report, *, width: int = 80, **options: Any) -> tuple[str, str]:
    @click.command()
    def command() -> None:
        function(one, **options)

    result = click.testing.CliRunner(env={"COLUMNS": str(width), "GITHUB_STEP_SUMMARY": ""}).invoke(
        command, catch_exceptions=False
    )
    return result.stdout, result.stderr


def test_the_runner_of_these_tests_finds_commands_in_both_forms() -> None:
    output = "x\r  ::error title=a%3A%2Cb,x=::c%0Ad\nand ##[add-mask]x\n::no command\n##[neither\n:: error::"
    assert commands(output) == [
        ("error", {"title": "a:,b", "x": ""}, "c\nd"),
        ("add-mask", {}, "x"),
        ("", {}, ""),
    ]


def test_a_broken_rule_is_an_error_and_an_observed_one_a_notice_and_errors_come_first() -> None:
    text = github_annotations(report(deviation("ENV-5"), deviation("TASK-1", title="50%: a,b", curl="curl x")))
    rules = {"TASK-1": "50%25: a,b", "ENV-5": "wrong"}
    heads = ["::error title=TASK-1 broken::", "::notice title=ENV-5 observed::"]
    assert [line[: len(head)] for line, head in zip(text.splitlines(), heads, strict=True)] == heads
    assert [title in line for line, title in zip(text.splitlines(), rules.values(), strict=True)] == [True, True]
    ((_, properties, data), _) = commands(text)
    assert properties == {"title": "TASK-1 broken"}
    assert data.splitlines()[:3] == ["50%: a,b", "expected: this", "actual: that"]
    assert data.splitlines()[-1] == "try: curl x"


def test_a_deviation_that_no_document_speaks_of_is_a_notice_though_another_breaks_the_rule() -> None:
    text = github_annotations(report(deviation(kind="a"), deviation(kind="b", binding=False)))
    assert [name for name, _, _ in commands(text)] == ["error", "notice"]


def test_without_deviations_there_is_nothing_to_say() -> None:
    assert github_annotations(report()) == ""


@given(reports())
def test_whatever_a_server_says_each_deviation_is_one_command_that_tells_it(one: Report) -> None:
    text = github_annotations(one)
    found = [each for verdict in one.verdicts for each in verdict.deviations]
    told = commands(text)
    assert text.count("\n") == len(told) == len(found)
    assert {name for name, _, _ in told} <= {"error", "notice"}
    assert {tuple(properties) for _, properties, _ in told} <= {("title",)}
    assert sorted(data.split("\n")[0] for _, _, data in told) == sorted(
        escape_workflow_commands(printable(each.title)) for each in found
    )
    assert all(letter.isprintable() for _, _, data in told for letter in data.replace("\n", ""))


def test_an_annotation_is_not_long_though_what_came_is() -> None:
    long = "x" * 10**6
    text = github_annotations(report(deviation(title=long, actual=long, expected=long, curl=long, request=long)))
    assert len(text) < 10_000
    assert "try:" not in text, "half a command is of no use"


@given(st.lists(st.sampled_from(NASTY) | st.text(max_size=3), max_size=9).map("".join))
@example("::error::x")
@example("a\r ::error::x")
@example("\n\n\t::error::x")
def test_output_that_is_disarmed_has_no_command_and_differs_only_in_spaces(text: str) -> None:
    safe = escape_workflow_commands(text)
    assert commands(safe) == []
    assert safe.replace(" ", "") == text.replace(" ", "")


@given(reports(), st.integers(40, 90))
def test_what_people_read_has_no_command_however_the_table_is_wrapped(one: Report, width: int) -> None:
    out, err = printed(show, one, width=width)
    assert commands(out + "\n" + err) == []


@pytest.mark.parametrize("width", range(40, 60))
def test_a_title_does_not_become_a_command_where_the_table_wraps_it(width: int) -> None:
    out, _ = printed(show, report(deviation(title="word " * 4 + "::error::x " * 9)), width=width)
    assert commands(out) == []


@given(HOSTILE)
def test_json_on_the_standard_output_has_no_command_and_says_the_same(text: str) -> None:
    one = report(deviation(title=text, actual=text))
    out, _ = printed(report_files, one, outputs=Outputs((("json", "-"),)))
    assert commands(out) == []
    assert json.loads(out) == one.as_dict()
    assert commands(printed(report_files, one, outputs=Outputs((("sarif", "-"),)))[0]) == []
