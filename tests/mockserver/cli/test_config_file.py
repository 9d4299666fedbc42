"""A value of a wrong type is one line with the field and what it must be: in the file, the environment and keywords."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click
import pytest

from ltx_mock.cli import main
from ltx_mock.cli.proxy import proxy
from ltx_mock.cli.record import record
from ltx_mock.cli.serve import serve
from ltx_mock.core.settings import Settings, setting_names
from ltx_mock.errors import SettingsError

WRONG = ("[[1]]", "[{a = 1}]", "{a = {b = 1}}", "2026-01-01", "[true]")
"""Values that no option has, as TOML."""
OPTIONS = [str(each.name).replace("_", "-") for each in serve.params if isinstance(each, click.Option)]


@pytest.fixture(autouse=True)
def nothing_serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ltx_mock.cli.serve.listen", lambda *_: pytest.fail("it would have served"))


def refusal(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    with pytest.raises(SystemExit) as left:
        main(["serve", *args])
    out, err = capsys.readouterr()
    assert (left.value.code, out, err.count("\n")) == (2, "", 1), err
    return err.removeprefix("ltx-mock: ").rstrip()


@pytest.mark.parametrize("name", OPTIONS)
def test_a_wrong_type_in_the_file_is_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for value in WRONG:
        Path("ltx-mock.toml").write_text(f"{name} = {value}\n")
        assert refusal(capsys).startswith(f"{name} in the config file")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("api_key = 3", "api-key in the config file must be a text or a list of texts (KEY), not 3"),
        ("host = 3", "host in the config file must be a text (HOST), not 3"),
        ("port = true", "port in the config file must be a whole number, not True"),
        ("port = 2.5", "port in the config file must be a whole number, not 2.5"),
        ("speed = [1]", "speed in the config file must be a number, not [1]"),
        ("strict = 1", "strict in the config file must be true or false, not 1"),
        ("clock = 1", "clock in the config file must be one of real, scaled, manual, auto, not 1"),
        ("rate-limit = 5", "rate-limit in the config file must be a text (N/UNIT), not 5"),
        ("price = 5", "price in the config file must be a text or a list of texts (RESOLUTION=N), not 5"),
        ("price = {480p = [1]}", "price in the config file: 480p must be a text or a number, not [1]"),
    ],
)
def test_what_is_wanted_is_said(line: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("ltx-mock.toml").write_text(line)
    assert refusal(capsys) == told


def test_numbers_may_be_texts_and_one_text_may_be_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    Path("ltx-mock.toml").write_text('port = "70000"\napi-key = "a"\nprice = {480p = 2}\nstrict = "yes"\n')
    assert refusal(capsys) == "port must be a whole number from 0 to 65535, not 70000"


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("PORT", "Invalid value for '--port': 'x y' is not a valid integer"),
        ("STRICT", "Invalid value for '--strict': 'x y' is not a valid boolean"),
        ("CLOCK", "Invalid value for '--clock': 'x y' is not one of 'real', 'scaled', 'manual', 'auto'"),
        ("PRICE", "price must be LEFT=RIGHT, not 'x'"),
        ("STORE", "store must be memory, sqlite:PATH"),
    ],
)
def test_a_wrong_variable_is_one_line(
    variable: str, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"LTX_MOCK_{variable}", "x y")
    assert refusal(capsys).startswith(told)


@pytest.mark.parametrize("name", setting_names())
def test_a_keyword_of_a_wrong_type_is_an_error_of_the_setting(name: str) -> None:
    for value in ([[1]], [{"a": 1}], {"a": {"b": 1}}, dt.date(2026, 1, 1), b"x"):
        with pytest.raises(SettingsError) as error:
            Settings.from_mapping({name: value})
        assert "\n" not in str(error.value)
        assert name in str(error.value) or "unknown field 'a'" in str(error.value)


def test_a_key_that_is_no_text_is_shown_and_a_text_is_not() -> None:
    with pytest.raises(SettingsError, match=r"^api_key must be 1 to 512 .* without spaces, not 3$"):
        Settings(api_key=3)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"without spaces$"):
        Settings(api_key=("my secret",))


@pytest.mark.parametrize("command", [serve, proxy, record], ids=lambda command: command.name)
def test_the_variable_of_an_option_is_called_as_the_option_is(command: click.Command) -> None:
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert {f"--{str(each.name).replace('_', '-')}" for each in options} == {each.opts[0] for each in options}
