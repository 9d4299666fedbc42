"""Scenarios from files and on the command line: read, or refused with file, line and suggestion."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.errors import SettingsError
from ltx_mock.scenarios import NAMED, from_dict
from ltx_mock.scenarios.files import load_scenarios, read_file
from support.bodies import STATUS
from support.processes import ltx_mock, serving

TOML = """\
# A bad day.
[[scenarios]]
name = "rate-limited"
times = 3

[[scenarios]]
name = "bad evening"
operation = "statusTask"
status = 503
retry_after = 10
delay = {type = "uniform", lower = 100, upper = 800}
"""
JSON = """\
{
  "scenarios": [
    {"name": "rate-limited", "times": 3},
    {"name": "bad evening", "operation": "statusTask", "status": 503, "retryAfter": 10,
     "delay": {"type": "uniform", "lower": 100, "upper": 800}}
  ]
}
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    toml, json_ = (read_file(written(tmp_path, name, text)) for name, text in (("a.toml", TOML), ("a.json", JSON)))
    bare = read_file(written(tmp_path, "b.json", json.dumps(json.loads(JSON)["scenarios"])))
    assert toml == json_ == bare
    assert [scenario.name for scenario in toml] == ["rate-limited", "bad evening"]
    assert toml[0] == from_dict({"name": "rate-limited", "times": 3})


def test_words_are_names_or_files(tmp_path: Path) -> None:
    file = written(tmp_path, "a.toml", TOML)
    assert [each.name for each in load_scenarios(["stuck", str(file)])] == ["stuck", "rate-limited", "bad evening"]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        (
            "a.toml",
            TOML.replace("times = 3", "times = 0"),
            "a.toml, line 4: scenario 1: times must be a whole number from",
        ),
        (
            "a.toml",
            TOML.replace("operation", "opreation"),
            "a.toml, line 8: scenario 2: unknown field 'opreation' (did you mean 'operation'?)",
        ),
        (
            "a.toml",
            TOML.replace("retry_after = 10", "retry_after = -1"),
            "a.toml, line 10: scenario 2: retryAfter must be",
        ),
        ("a.toml", TOML.replace("100", "900"), "a.toml, line 11: scenario 2: delay.lower must not be more than upper"),
        ("a.toml", TOML.replace("status = 503", ""), "a.toml, line 10: scenario 2: retryAfter needs status"),
        (
            "a.toml",
            TOML.replace("rate-limited", "rate-limit"),
            "a.toml, line 3: scenario 1: unknown scenario 'rate-limit' (did you",
        ),
        ("a.toml", "[[scenarios]]\ntimes = 2\n", "a.toml, line 1: scenario 1: give what happens"),
        ("a.toml", "[[scenarios]]\nname = \n", "a.toml, line 2: "),
        ("a.toml", "[[scenario]]\nname = 'stuck'\n", "a.toml: unknown key 'scenario' (did you mean 'scenarios'?)"),
        ("a.toml", "", "a.toml: the scenarios must be a list of tables under scenarios"),
        (
            "a.toml",
            "scenarios = [1]",
            "a.toml: scenario 1: a scenario must be a table of names and values, not 1",
        ),
        ("a.json", JSON.replace("503", "599"), "a.json, line 4: scenario 2: status must be one of 400, "),
        ("a.json", JSON.replace('"times": 3}', '"times": 3'), "a.json, line 4: "),
        ("a.json", "5", "a.json: the scenarios must be a list of tables under scenarios"),
        ("a.json", "[" * 100_000, "a.json: it is nested deeper than 100 levels"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(name: str, text: str, problem: str, tmp_path: Path) -> None:
    path = written(tmp_path, name, text)
    with pytest.raises(SettingsError) as error:
        read_file(path)
    told = str(error.value).replace(f"{tmp_path}/", "")
    assert told.startswith(problem), told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("flak", "no scenario and no file 'flak' (did you mean 'flaky'?); ltx-mock scenarios lists the names"),
        ("nowhere.toml", "cannot read nowhere.toml: No such file or directory"),
        (".", "cannot read .: Is a directory"),
    ],
)
def test_a_word_that_is_neither_name_nor_file(word: str, problem: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_scenarios([word])
    assert str(error.value) == problem


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="it is not UTF-8 text"):
        read_file(tmp_path / "a.toml")


# ---- the command line


@pytest.mark.slow
def test_serve_takes_names_and_files_and_the_commands_arm_and_clear(tmp_path: Path) -> None:
    file = written(tmp_path, "bad.toml", TOML)
    with serving("--scenario", "server-error", "--scenario", str(file)) as served:
        headers = {"authorization": "Bearer some-key"}
        with httpx.Client(base_url=served.url, headers=headers, trust_env=False) as client:
            assert [client.get(STATUS).status_code for _ in range(6)] == [500, 429, 429, 429, 503, 400]
            env = {"LTX_MOCK_URL": served.url}
            code, out, err = ltx_mock("scenarios", "add", "server-error", "unavailable", "--times", "2", env=env)
            assert (code, out) == (0, "")
            assert err == "added server-error, 2 times\nadded unavailable, 2 times\n"
            assert [client.get(STATUS).status_code for _ in range(2)] == [500, 500]
            code, out, err = ltx_mock("scenarios", "list", "--key", "some-key", env=env)
            assert (code, err) == (0, "1 active\n")
            assert out == "Scenario     Times    Key\nunavailable  2 times  …-key (t1)\n"
            code, out, _ = ltx_mock("scenarios", "list", "--json", env=env)
            assert [each["name"] for each in json.loads(out)["scenarios"]] == [
                "server-error",
                "unavailable",
                "unavailable",
            ]
            assert ltx_mock("scenarios", "clear", env=env) == (0, "", "no scenario is active\n")
            assert client.get(STATUS).status_code == 400
            arm = ["scenarios", "add", "stuck", "--key", "some-key", "--times", "forever", "--json"]
            told = json.loads(ltx_mock(*arm, env=env)[1])["scenarios"]
            assert [(each["name"], each["times"]) for each in told] == [("stuck", "forever")]


def test_the_library_is_listed_without_a_server() -> None:
    code, out, err = ltx_mock("scenarios")
    assert (code, err) == (0, "to activate one: ltx-mock scenarios add NAME\n")
    assert [line.split()[0] for line in out.splitlines()] == ["Scenario", *NAMED]
    listed = json.loads(ltx_mock("scenarios", "--json")[1])["scenarios"]
    assert [each["name"] for each in listed] == list(NAMED)


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["scenarios", "add", "flak"], "ltx-mock: no scenario and no file 'flak' (did you mean 'flaky'?)"),
        (["scenarios", "add"], "ltx-mock: Missing argument 'NAME|FILE…'; see ltx-mock scenarios add --help"),
        (["scenarios", "--json", "clear"], "ltx-mock: put --json after clear; see ltx-mock scenarios --help"),
        (["serve", "--scenario", "flak"], "ltx-mock: no scenario and no file 'flak' (did you mean 'flaky'?)"),
    ],
)
def test_wrong_use_is_one_line(args: list[str], problem: str) -> None:
    code, out, err = ltx_mock(*args)
    assert (code, out) == (2, "")
    assert err.startswith(problem)
    assert err.count("\n") == 1


def test_the_config_file_and_the_environment_name_scenarios_too(tmp_path: Path) -> None:
    written(tmp_path, "bad.toml", TOML)
    written(tmp_path, "ltx-mock.toml", 'scenario = ["server-error", "bad.toml"]\n')
    for env, first in (({}, 500), ({"LTX_MOCK_SCENARIO": "unavailable"}, 503)):
        with serving(cwd=tmp_path, env=env) as served:
            answer = httpx.get(served.url + STATUS, headers={"authorization": "Bearer k"}, trust_env=False)
            assert answer.status_code == first


@pytest.mark.parametrize(("former", "name"), [("arm", "add"), ("armed", "list")])
def test_the_former_names_of_commands_still_work_and_are_not_listed(former: str, name: str) -> None:
    with MockServer() as mock:
        args = ("stuck",) if name == "add" else ()
        env = {"LTX_MOCK_URL": mock.url}
        assert ltx_mock("scenarios", former, *args, env=env)[0] == 0
    listed = ltx_mock("scenarios", "--help")[1]
    assert f"\n  {name} " in listed
    assert f"\n  {former} " not in listed
