"""Where settings come from: flag before environment before file; a name that is unknown is an error that helps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer, SettingsError
from ltx_mock.cli.config_file import read_config
from ltx_mock.cli.serve import serve
from ltx_mock.core.settings import Settings
from support.processes import ltx_mock, serving

pytestmark = pytest.mark.sample(4)

KNOWN = ["port", "api_key", "price", "callback_rewrite", "strict"]


def told_by(folder: Path, *flags: str, **environment: str) -> dict[str, Any]:
    """Start a server in a folder and return the settings that it is running with."""
    with serving(*flags, cwd=folder, env=environment) as served:
        settings: dict[str, Any] = httpx.get(f"{served.url}/__admin/settings", trust_env=False, verify=False).json()
        served.end()
    return settings


def write(folder: Path, text: str, name: str = "ltx-mock.toml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_flag_beats_the_environment_which_beats_the_file(tmp_path: Path) -> None:
    write(tmp_path, 'seed = 1\ncredits = 1\nmax-concurrent = 1\nclock = "manual"\n')
    told = told_by(tmp_path, "--seed", "3", LTX_MOCK_SEED="2", LTX_MOCK_CREDITS="2")
    assert (told["seed"], told["credits"], told["max_concurrent"], told["clock"]) == (3, 2, 1, "manual")


@pytest.mark.parametrize("former", ["flag", "variable", "file"])
def test_the_former_name_of_a_setting_works_and_is_not_listed(tmp_path: Path, former: str) -> None:
    write(tmp_path, "callback-patience = 2" if former == "file" else "")
    flags = ["--callback-patience", "2"] if former == "flag" else []
    environment = {"LTX_MOCK_CALLBACK_PATIENCE": "2"} if former == "variable" else {}
    assert told_by(tmp_path, *flags, **environment)["callback_timeout"] == 2.0
    assert "patience" not in ltx_mock("serve", "--help")[1]


def test_a_setting_under_both_names_is_refused() -> None:
    with pytest.raises(SettingsError, match="callback_patience is the former name of callback_timeout: give only"):
        Settings.from_mapping({"callback_patience": 1, "callback_timeout": 2})
    assert Settings(callback_timeout=1).replace(callback_patience=2).callback_timeout == 2


def test_every_kind_of_setting_can_stand_in_a_file(tmp_path: Path) -> None:
    write(
        tmp_path,
        """
        api-key = "just-one-key"
        allow_callback_host = ["a.com", "b.com"]
        rate-limit = "5/second"
        strict = true
        callback-timeout = 2
        json = true
        [price]
        480p = 7
        [callback-rewrite]
        "https://a.com" = "http://localhost:3000"
        """,
    )
    told = told_by(tmp_path)
    assert told["api_key"] == ["…-key"]
    assert told["allow_callback_host"] == ["a.com", "b.com"]
    assert (told["rate_limit"], told["strict"], told["callback_timeout"]) == ("5/second", True, 2.0)
    assert told["price"] == {"480p": 7, "720p": 2, "1080p": 4}
    assert told["callback_rewrite"] == {"https://a.com": "http://localhost:3000"}


def test_what_is_repeated_on_the_command_line_is_separated_by_spaces_in_the_environment(tmp_path: Path) -> None:
    told = told_by(
        tmp_path,
        LTX_MOCK_API_KEY="first-key second-key",
        LTX_MOCK_PRICE="480p=9 720p=8",
        LTX_MOCK_STRICT="1",
    )
    assert told["api_key"] == ["…-key", "…-key"]
    assert told["price"] == {"480p": 9, "720p": 8, "1080p": 4}
    assert told["strict"] is True


def test_each_option_has_the_variable_and_the_key_of_its_own_name() -> None:
    assert serve.context_settings == {"auto_envvar_prefix": "LTX_MOCK"}
    for option in serve.params:
        assert f"--{str(option.name).replace('_', '-')}" in option.opts


def test_what_serve_alone_has_can_stand_in_the_environment(tmp_path: Path) -> None:
    with serving(cwd=tmp_path, env={"LTX_MOCK_JSON": "true", "LTX_MOCK_READY_FILE": "ready"}) as served:
        assert json.loads((tmp_path / "ready").read_text())["url"] == served.url
        httpx.get(f"{served.url}/nothing", trust_env=False, verify=False)
        assert json.loads(served.line())["target"] == "/nothing"
        served.end()


def test_only_recordings_need_recordings_wherever_it_is_set(tmp_path: Path) -> None:
    told = "ltx-mock: recordings_only needs recordings, the folder to replay\n"
    assert ltx_mock("serve", "--port", "0", cwd=tmp_path, env={"LTX_MOCK_RECORDINGS_ONLY": "1"}) == (2, "", told)
    write(tmp_path, "recordings-only = true\n")
    assert ltx_mock("serve", "--port", "0", cwd=tmp_path) == (2, "", told)
    with pytest.raises(SettingsError, match=r"^recordings_only needs recordings"):
        MockServer(recordings_only=True)
    assert Settings(recordings=tmp_path, recordings_only=True).recordings_only


def test_an_option_that_waits_for_another_may_stand_in_the_environment(tmp_path: Path) -> None:
    told = told_by(tmp_path, LTX_MOCK_MATCH_IGNORE="input.seed", LTX_MOCK_MAX_TASKS="3")
    assert told["match_ignore"] == ["input.seed"]


def test_json_lines_can_be_asked_for_in_a_file(tmp_path: Path) -> None:
    with serving(cwd=write(tmp_path, "json = true\n")) as served:
        httpx.get(f"{served.url}/nothing", trust_env=False, verify=False)
        assert json.loads(served.line())["target"] == "/nothing"
        served.end()


def test_a_flag_takes_back_what_a_file_has_set(tmp_path: Path) -> None:
    assert told_by(write(tmp_path, "strict = true\n"), "--no-strict")["strict"] is False


def test_pyproject_is_read_where_there_is_no_file_of_our_own(tmp_path: Path) -> None:
    write(tmp_path, '[project]\nname = "x"\n[tool.ltx-mock]\nport = 1\n', "pyproject.toml")
    assert read_config(tmp_path, KNOWN) == {"port": 1}
    write(tmp_path, "port = 2\n")
    assert read_config(tmp_path, KNOWN) == {"port": 2}


@pytest.mark.parametrize("text", ["", "[project]\n", "[tool]\n", "[tool.other]\nx = 1\n", "tool = 5\n"])
def test_a_pyproject_without_our_table_is_none_of_our_business(tmp_path: Path, text: str) -> None:
    assert read_config(write(tmp_path, text, "pyproject.toml"), KNOWN) == {}


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("ltx-mock.toml", "prot = 1\n", "unknown key 'prot' in ltx-mock.toml (did you mean 'port'?)"),
        ("ltx-mock.toml", "API-KEY = 1\n", "unknown key 'API-KEY' in ltx-mock.toml"),
        ("ltx-mock.toml", "callback-rewrit = 1\n", "unknown key 'callback-rewrit' in ltx-mock.toml"),
        (
            "pyproject.toml",
            "[tool.ltx-mock]\nprot = 1\n",
            "unknown key 'prot' in [tool.ltx-mock] in pyproject.toml (did you mean 'port'?)",
        ),
        ("pyproject.toml", "[tool]\nltx-mock = 5\n", "[tool.ltx-mock] in pyproject.toml must be a table of names"),
        ("ltx-mock.toml", "port = \n", "cannot read ltx-mock.toml: Invalid value (at line 1, column 8)"),
    ],
)
def test_a_file_that_cannot_be_meant_is_an_error_that_names_it(tmp_path: Path, name: str, text: str, told: str) -> None:
    with pytest.raises(SettingsError) as problem:
        read_config(write(tmp_path, text, name), KNOWN)
    assert str(problem.value).startswith(told)


def test_a_file_that_is_no_text_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "ltx-mock.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"cannot read ltx-mock\.toml"):
        read_config(tmp_path, KNOWN)


def test_serve_tells_of_a_bad_file_in_one_line(tmp_path: Path) -> None:
    write(tmp_path, "prot = 1\n")
    code, out, err = ltx_mock("serve", cwd=tmp_path)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(
        "ltx-mock: unknown key 'prot' in ltx-mock.toml (did you mean 'port'?); known are host, port, "
    )


@pytest.mark.parametrize(
    ("text", "option"), [("quiet = 3", "quiet"), ("strict = 0.5", "strict"), ("credits = true", "credits")]
)
def test_a_value_of_the_wrong_kind_in_a_file_is_one_line(tmp_path: Path, text: str, option: str) -> None:
    code, out, err = ltx_mock("serve", "--port", "0", cwd=write(tmp_path, text))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"ltx-mock: {option} in the config file must be ")


def test_a_bad_file_does_not_keep_help_from_being_read(tmp_path: Path) -> None:
    code, out, _ = ltx_mock("serve", "--help", cwd=write(tmp_path, "prot = 1\n"))
    assert code == 0
    assert out.startswith("Usage: ltx-mock serve")


def test_a_variable_that_is_misspelt_is_pointed_out(tmp_path: Path) -> None:
    with serving(cwd=tmp_path, env={"LTX_MOCK_SPED": "60", "LTX_MOCK_URL": "http://localhost:1"}) as served:
        served.end()
        told = served.stderr()
    assert "ltx-mock: LTX_MOCK_SPED is not a setting (did you mean 'LTX_MOCK_SPEED'?)" in told
    assert "LTX_MOCK_URL is not" not in told


def test_settings_from_code_name_what_is_unknown() -> None:
    with pytest.raises(SettingsError, match=r"unknown setting 'prot' \(did you mean 'port'\?\)"):
        Settings.from_mapping({"prot": 1})


@pytest.mark.parametrize(
    "values",
    [
        {"port": "80"},
        {"port": True},
        {"speed": "60"},
        {"speed": True},
        {"callback_timeout": "1"},
        {"callback_timeout": float("inf")},
        {"api_key": 5},
        {"api_key": [5]},
        {"api_key": "two words"},
        {"api_key": ["good", "日本"]},
        {"api_key": "x" * 513},
        {"rate_limit": 5},
        {"credits": 1.5},
        {"journal_entries": -1},
        {"price": {"480p": True}},
        {"price": {"480p": -1}},
        {"clock": "fast"},
        {"clock": None},
        {"start_time": 5},
        {"host": 5},
        {"seed": "x"},
        {"strict": "yes"},
        {"admin_token": 5},
    ],
)
def test_settings_of_the_wrong_type_are_refused_by_name(values: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as problem:
        Settings.from_mapping(values)
    assert next(iter(values)).split("_")[0] in str(problem.value)


@pytest.mark.parametrize(
    "store",
    ["memory", "sqlite:state.db", "sqlite:/a folder/x@y.db", "redis://h", "redis://h:1/0", "rediss://u:p@[::1]:1/15"],
)
def test_a_store_is_memory_a_file_or_a_redis(store: str) -> None:
    assert Settings(store=store).store == store


@pytest.mark.parametrize(
    "store",
    [
        *(
            "",
            "disk",
            "REDIS",
            "sqlite:",
            "sqlite::memory:",
            "sqlite:a\nb",
            "redis:h",
            "redis://",
            "redis://[h",
            "http://h",
        ),
        *("redis://h/x", "redis://h:0", "redis://h:99999", "redis://h/0?db=1", "redis://h/0#1"),
    ],
)
def test_another_store_is_refused_with_what_is_allowed(store: str) -> None:
    with pytest.raises(SettingsError, match="store must be "):
        Settings(store=store)


@pytest.mark.parametrize(
    "store", ["redis://me:hunter2@h/x", "redis:me:hunter2@h", "redis://:a@hunter2/@h/", "redis://h?password=hunter2"]
)
def test_a_refusal_of_a_store_does_not_show_its_password(store: str) -> None:
    with pytest.raises(
        SettingsError, match="store must be memory, sqlite:PATH, redis://HOST:PORT/N or rediss://"
    ) as told:
        Settings(store=store)
    assert "hunter2" not in str(told.value)


def test_the_password_of_a_store_is_not_shown() -> None:
    assert Settings(store="rediss://me:hunter2@h:1/2").as_dict()["store"] == "rediss://…@h:1/2"
    assert Settings(store="sqlite:a:b@c.db").as_dict()["store"] == "sqlite:a:b@c.db"
