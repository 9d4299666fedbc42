"""Read options from the current folder: `ltx-mock.toml`, or `[tool.ltx-mock]` in `pyproject.toml`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Never

import click

from ltx_mock.cli.output import note
from ltx_mock.errors import SettingsError
from ltx_mock.fields import Reader, any_number, listed, refused, suggestion, switch, table, unknown, whole
from ltx_mock_contracts.io.json_text import read_toml
from ltx_mock_contracts.io.safe_files import read_file

PREFIX = "LTX_MOCK"
"""The prefix of environment variables."""
OTHER_VARIABLES = ("URL",)
"""Variables of the commands for a running server."""
OWN_FILE = "ltx-mock.toml"
LARGEST = 4 * 1024 * 1024  # bytes
PROJECT_FILE = "pyproject.toml"


class ConfigurableCommand(click.Command):
    """A command with options from the config file. A flag overrides the environment, which overrides the file."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the file, and warn about variables without an option, unless only help is requested.

        Raises:
            SettingsError: the file is not TOML, or has an unknown key.
        """
        if not ctx.resilient_parsing and not set(args).intersection(ctx.help_option_names):
            options = {str(each.name): each for each in self.params}
            values = read_config(Path(), options)
            ctx.default_map = {name: _as_given(options[name], value) for name, value in values.items()}
            for variable, hint in unknown_variables(os.environ, options):
                note(f"{variable} is not a setting{hint}")
        return super().parse_args(ctx, args)


def _as_given(option: click.Parameter, value: object) -> str | list[str]:
    """Return a value of the file as click gets it from a flag or a variable, which it validates in the same way.

    Raises:
        SettingsError: the value has another type than the option.
    """
    name = f"{str(option.name).replace('_', '-')} in the config file"
    if option.multiple:
        return _several(name, option, value)
    if isinstance(value, str):
        return value
    return str(_reader(option)(name, value))


def _several(name: str, option: click.Parameter, value: object) -> list[str]:
    allowed = f"a text or a list of texts{_form(option)}"
    if isinstance(value, Mapping) and "=" in str(option.metavar):
        return [f"{left}={_text_or_number(f'{name}: {left}', right)}" for left, right in value.items()]
    items = value if isinstance(value, list) else [value]
    texts = [each for each in items if isinstance(each, str)]
    if len(texts) < len(items):
        raise refused(name, allowed, value)
    return texts


def _reader(option: click.Parameter) -> Reader[Any]:
    """Return the reader of a value that is no text."""
    if isinstance(option, click.Option) and option.is_flag:
        return switch
    if isinstance(option.type, click.types.IntParamType):
        return whole()
    if isinstance(option.type, click.types.FloatParamType):
        return any_number
    allowed = f"one of {listed(option.type.choices)}" if isinstance(option.type, click.Choice) else "a text"

    def refuse(path: str, value: object) -> Never:
        raise refused(path, allowed + _form(option), value)

    return refuse


def _text_or_number(path: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise refused(path, "a text or a number", value)
    return str(value)


def _form(option: click.Parameter) -> str:
    return f" ({option.metavar})" if option.metavar else ""


def unknown_variables(variables: Iterable[str], options: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each variable with our prefix that no option has, and a suggestion."""
    known = {f"{PREFIX}_{name}".upper() for name in (*options, *OTHER_VARIABLES)}
    for variable in sorted(variables):
        if variable.startswith(f"{PREFIX}_") and variable not in known:
            yield variable, suggestion(variable, sorted(known))


def config_path(folder: Path) -> Path | None:
    """Return the config file of a folder, if it has one."""
    return next((path for path in (folder / OWN_FILE, folder / PROJECT_FILE) if path.is_file()), None)


def read_config(folder: Path, known: Iterable[str]) -> dict[str, Any]:
    """Return the settings of the folder's config file, named with underscores; `ltx-mock.toml` takes precedence.

    Raises:
        SettingsError: the file is not TOML, or has an unknown key; the text names file and key.
    """
    path = config_path(folder)
    if path is None:
        return {}
    if path.name == PROJECT_FILE:
        tool = _load(path).get("tool", {})
        given = tool.get("ltx-mock", {}) if isinstance(tool, dict) else {}
        return _checked(given, f"[tool.ltx-mock] in {PROJECT_FILE}", known)
    return _checked(_load(path), OWN_FILE, known)


def _load(path: Path) -> dict[str, Any]:
    try:
        return read_toml(read_file(path, most=LARGEST).decode())
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read {path.name}: {error}") from error


def _checked(given: object, where: str, known: Iterable[str]) -> dict[str, Any]:
    names = {each.replace("_", "-"): each for each in known}
    values = {}
    for key, value in table(where, given).items():
        name = key.replace("_", "-")
        if name not in names:
            raise unknown("key", key, names, where)
        values[names[name]] = value
    return values
