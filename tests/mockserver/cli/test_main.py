"""The command line, word for word, as far as no server has to run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

import ltx_mock_schemas
from ltx_mock.cli import COMMANDS, main
from ltx_mock.cli import cli as command_group
from ltx_mock.core.settings import setting_names
from ltx_mock_contracts import RULES
from support.processes import LTX_MOCK, clean_environment, ltx_mock
from support.waiting import SECONDS

Run = Callable[..., tuple[object, str, str]]

HELP = """\
Usage: ltx-mock [OPTIONS] COMMAND [ARGS]...

  An offline fake of the LTX-2-19b video API, with checks of its contract.

  Start with: ltx-mock serve

Options:
  --version   Print the version.
  -h, --help  Show this message and exit.

Commands:
  callbacks     List the callbacks: delivered, scheduled, failed, withheld.
  check         Check the server at URL against the rules of the contract.
  check-client  Run COMMAND against a fresh fake in each case, and judge it.
  check-trace   Judge a recording by the rules of the contract.
  clock         Show the server's clock, advance it, or change its mode.
  completion    Print the script that completes commands in a shell.
  docs          List the guides, or print the guide NAME in Markdown.
  doctor        Find out why a client does not reach the fake.
  drift         Find what a service does otherwise, from recordings of it.
  examples      List the examples, or write NAME into this folder.
  fuzz          Write cases for tests in any language, as JSON files.
  mcp           Serve coding agents by the Model Context Protocol.
  openapi       Print the OpenAPI 3.1 document.
  proxy         Forward requests to the API at URL, and judge each exchange.
  record        Forward requests to the API at URL, and record each task.
  recordings    List, import and use recordings of the real API.
  requests      List the newest requests, responses and callbacks.
  reset         Delete tasks, journal and scenarios; restart the clock.
  rules         Print the rules of the contract: id, source and text.
  scenarios     List the scenarios; activate scenarios in a running server.
  schema        Print the JSON Schema NAME, or the names of all schemas.
  serve         Run the fake API until Ctrl-C.
  settings      Print the current settings as JSON.
  spend         Show how many credits were spent, and which were wasted.
  tasks         List the tasks, or show the history of a task, or finish it.
  version       Print the version.
"""


FULL = Path("/dev/full")
"""A device that is always full."""
SEE_SERVE = "; see ltx-mock serve --help"


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs the command line here, in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ltx_mock.cli.serve.listen", lambda *_: pytest.fail("it would have served"))

    def run(*args: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as left:
            main(list(args))
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return run


def test_help_shows_the_commands(cli: Run) -> None:
    assert cli("--help") == (0, HELP, "")
    assert cli("-h") == (0, HELP, "")


def test_without_a_command_help_is_shown_as_an_error(cli: Run) -> None:
    assert cli() == (2, "", HELP)


def test_every_command_has_help(cli: Run) -> None:
    for name in COMMANDS:
        code, out, err = cli(name, "--help")
        assert (code, err) == (0, "")
        assert out.startswith(f"Usage: ltx-mock {name}")


def test_the_help_of_serve_has_every_setting(cli: Run) -> None:
    _, out, _ = cli("serve", "--help")
    for name in setting_names():
        assert f"--{name.replace('_', '-')}" in out
    assert "`" not in out


def test_the_help_of_serve_has_the_defaults_of_the_command(cli: Run) -> None:
    """A `MockServer` has the seed 0; the command draws one."""
    _, out, _ = cli("serve", "--help")
    shown = {name: re.search(rf"--{name} .*?\[default:\s+(\S+)\]", out, re.DOTALL) for name in ("port", "seed")}
    assert {name: match and match[1] for name, match in shown.items()} == {"port": "8219", "seed": "random"}


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["serv"], "No such command 'serv' (did you mean 'serve'?); see ltx-mock --help"),
        (["frobnicate"], "No such command 'frobnicate'; see ltx-mock --help"),
        (["--speed", "6"], "No such option '--speed'; see ltx-mock --help"),
        (
            ["serve", "--sped", "6"],
            "No such option '--sped'. (Did you mean one of: '--open', '--seed', '--speed'?)" + SEE_SERVE,
        ),
        (["serve", "extra"], "Got unexpected extra argument (extra); see ltx-mock serve --help"),
        (
            ["serve", "--port", "abc"],
            "Invalid value for '--port': 'abc' is not a valid integer; see ltx-mock serve --help",
        ),
        (["serve", "--port", "70000"], "port must be a whole number from 0 to 65535, not 70000"),
        (
            ["serve", "--clock", "fast"],
            "Invalid value for '--clock': 'fast' is not one of 'real', 'scaled', 'manual', 'auto'" + SEE_SERVE,
        ),
        (["serve", "--speed", "0"], "speed must be a number more than 0 and at most 1000000, not 0.0"),
        (["serve", "--speed", "nan"], "speed must be a number more than 0 and at most 1000000, not nan"),
        (
            ["serve", "--callback-timeout", "-1"],
            "callback_timeout must be a number more than 0 and at most 3600, not -1.0",
        ),
        (
            ["serve", "--callback-timeout", "nan"],
            "callback_timeout must be a number more than 0 and at most 3600, not nan",
        ),
        (["serve", "--rate-limit", "5"], "rate_limit must be one like 10000/minute (or /second, /hour), not '5'"),
        (["serve", "--max-concurrent", "-1"], "max_concurrent must be a whole number of at least 0, not -1"),
        (["serve", "--credits", "-1"], "credits must be a whole number of at least 0, not -1"),
        (
            ["serve", "--price", "480=3"],
            "price must be one of 480p, 720p, 1080p, not '480' (did you mean '480p'?)",
        ),
        (["serve", "--price", "480p"], "price must be LEFT=RIGHT, not '480p'"),
        (["serve", "--price", "480p=x"], "price of 480p must be a whole number of at least 0, not 'x'"),
        (["serve", "--admin-token", ""], "admin_token must be a text of at least 1 printable character, not ''"),
        (["serve", "--api-key", ""], "api_key must be 1 to 512 printable ASCII characters without spaces"),
        (["serve", "--public-url", "x"], "public_url must be an absolute http or https URL, not 'x'"),
        (
            ["serve", "--allow-callback-host", "https://x.com/"],
            "allow_callback_host must be a host name without scheme, port and path, not 'https://x.com/'",
        ),
        (
            ["serve", "--callback-rewrite", "a=b"],
            "callback_rewrite must be an absolute http or https URL, not 'a'",
        ),
        (["serve", "--start-time", "soon"], "start_time must be fixed, now or an ISO 8601 time, not 'soon'"),
        (
            ["schema", "generate-reqest"],
            "unknown schema 'generate-reqest' (did you mean 'generate-request'?); known are "
            + ", ".join(ltx_mock_schemas.names()),
        ),
        (["clock", "--json", "advance", "1"], "put --json after advance; see ltx-mock clock --help"),
        (
            ["clock", "advance", "-5"],
            "Invalid value for 'SECONDS': -5.0 is not in the range x>=0; see ltx-mock clock advance --help",
        ),
        (
            ["serve", "--public-url", "http://u:s3cret@h:x"],
            "public_url must be an absolute http or https URL, not 'http://…@h:x'",
        ),
        (
            ["serve", "--workers", "257"],
            f"Invalid value for '--workers': 257 is not in the range 1<=x<=256{SEE_SERVE}",
        ),
        (["clock", "advance"], "Missing argument 'SECONDS'; see ltx-mock clock advance --help"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(cli: Run, args: list[str], line: str) -> None:
    code, out, err = cli(*args)
    assert (code, out) == (2, "")
    assert err == f"ltx-mock: {line}\n"


@pytest.mark.parametrize("args", [["check-trace"], ["drift"], ["serve", "--scenario"], ["tasks", "--url"], []])
def test_no_error_line_commands_a_ci(cli: Run, args: list[str]) -> None:
    code, out, err = cli(*args, "##[error]owned")
    assert (code, out) == (2, "")
    assert "## [error]owned" in err


def options_of(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield each option that takes a number, after the names of its commands."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from options_of(found, *path, name)
    for each in command.params:
        if each.type.name.startswith(("float", "integer")) and isinstance(each, click.Option):
            yield *path, each.opts[0]


@pytest.mark.parametrize("option", list(options_of(command_group)), ids=" ".join)
def test_an_option_for_a_number_takes_nothing_else(cli: Run, option: tuple[str, ...]) -> None:
    for value in ("nan", "-inf", "-1e400", "x"):
        code, out, err = cli(*option, value)
        assert (code, out) == (2, "")
        assert value in err or "-inf" in err
        assert err.count("\n") == 1


def test_the_version_is_told_in_both_ways(cli: Run) -> None:
    code, out, err = cli("version")
    assert (code, err) == (0, "")
    assert out.startswith("ltx-mock ")
    assert cli("--version") == (0, out, "")
    assert f"ltx-mock {json.loads(cli('version', '--json')[1])['version']}\n" == out


def test_rules_are_a_table(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    code, out, err = cli("rules")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["Rule", "Source", "Text"]
    assert [line.split()[0] for line in lines[1:] if line[0] != " "] == list(RULES)
    assert max(map(len, lines)) <= 100
    assert "\x1b" not in out


def test_rules_are_data(cli: Run) -> None:
    _, out, _ = cli("rules", "--json")
    assert [rule["id"] for rule in json.loads(out)] == list(RULES)


def test_one_rule_or_a_group_is_shown_alone(cli: Run) -> None:
    code, out, _ = cli("rules", "gen-10")
    assert (code, [line.split()[0] for line in out.splitlines()]) == (0, ["Rule", "GEN-10"])
    assert [rule["id"] for rule in json.loads(cli("rules", "CB", "GEN-1", "--json")[1])] == [
        *("GEN-1", "CB-1", "CB-2", "CB-3", "CB-4"),
    ]
    assert cli("rules", "GEN-99") == (
        2,
        "",
        "ltx-mock: no rule 'GEN-99' (did you mean 'GEN-9'?); ltx-mock rules lists them\n",
    )


def test_schemas_are_listed_and_printed(cli: Run) -> None:
    assert cli("schema") == (0, "\n".join(ltx_mock_schemas.names()) + "\n", "")
    for name in ltx_mock_schemas.names():
        _, out, _ = cli("schema", name)
        assert json.loads(out) == ltx_mock_schemas.schema(name)


def test_the_openapi_document_is_printed(cli: Run) -> None:
    assert json.loads(cli("openapi")[1]) == ltx_mock_schemas.openapi()
    assert json.loads(cli("openapi", "--server", "http://host:1/")[1])["servers"][0]["url"] == "http://host:1"
    assert cli("openapi", "--server", "host")[0] == 2


def test_it_runs_as_a_module_too() -> None:
    code, out, err = ltx_mock("version")
    assert (code, err) == (0, "")
    assert out.startswith("ltx-mock ")


PRINTING = [["rules"], ["rules", "--json"], ["openapi"], ["schema", "generate-request"], ["--help"], ["--version"]]


@pytest.mark.parametrize("command", PRINTING, ids=" ".join)
def test_a_reader_that_leaves_early_is_no_error(command: list[str]) -> None:
    process = subprocess.Popen(
        [*LTX_MOCK, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment()
    )
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    with process.stderr:
        told = process.stderr.read()
    assert (process.wait(SECONDS), told) == (0, b"")


@pytest.mark.posix
@pytest.mark.skipif(not FULL.exists(), reason="only Linux has it")
@pytest.mark.parametrize("command", PRINTING, ids=" ".join)
def test_output_that_cannot_be_written_is_told_in_one_line(command: list[str]) -> None:
    with FULL.open("wb") as full:
        done = subprocess.run(
            [*LTX_MOCK, *command], stdout=full, stderr=subprocess.PIPE, env=clean_environment(), check=False
        )
        silent = subprocess.run([*LTX_MOCK, *command], stdout=full, stderr=full, env=clean_environment(), check=False)
    assert (done.returncode, done.stderr) == (2, b"ltx-mock: No space left on device\n")
    assert silent.returncode == 2


@pytest.mark.posix
def test_a_folder_that_was_removed_has_no_config_file(tmp_path: Path) -> None:
    code = f"import os; os.rmdir(os.getcwd()); os.execv({LTX_MOCK[0]!r}, {[*LTX_MOCK, 'serve', '--port', '-1']!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=clean_environment(), check=False
    )
    assert (done.returncode, done.stderr) == (2, "ltx-mock: port must be a whole number from 0 to 65535, not -1\n")


def commands_of(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield the names of each command."""
    yield path
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from commands_of(found, *path, name)


@pytest.mark.parametrize("path", list(commands_of(command_group)), ids=" ".join)
def test_help_fits_forty_columns_and_eighty(cli: Run, monkeypatch: pytest.MonkeyPatch, path: tuple[str, ...]) -> None:
    """Only words that are longer are wider."""
    for columns in (40, 80):
        monkeypatch.setenv("COLUMNS", str(columns))
        code, out, _ = cli(*path, "--help")
        assert code == 0
        too_wide = [line for line in out.splitlines() if len(line) > columns and " " in line.strip()]
        assert too_wide == []


def test_options_say_what_they_take(cli: Run) -> None:
    """`TEXT` and `INTEGER RANGE` help nobody."""
    told = {path: cli(*path, "--help")[1] for path in commands_of(command_group)}
    vague = re.compile(r"^ +--?\S+.* (?:TEXT|INTEGER|FLOAT|RANGE)\b", re.MULTILINE)
    assert {path: found for path, out in told.items() if (found := vague.findall(out))} == {}
