"""Pages of the reference, made from the code: rules, settings, scenarios, commands, control plane, Python."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from importlib import import_module

import click

import ltx_mock
import ltx_mock_contracts
from ltx_mock.cli import COMMANDS, cli
from ltx_mock.control.routes import ControlPlane
from ltx_mock.core.settings import OF_THE_SERVER, Settings
from ltx_mock.scenarios import LIBRARY, as_dict, from_dict
from ltx_mock.server.app import new_engine
from ltx_mock_contracts.rules import GROUPS, RULES

SOURCES = {
    "spec": "the API's document",
    "vendor": "the vendor's other pages",
    "choice": "our choice, where no document says anything",
}
FORMS = """\
Each setting is an option of `ltx-mock serve`, an environment variable, a line in `ltx-mock.toml`, and an argument of
`MockServer`. An option overrides the variable, and the variable overrides the file."""
HAPPENINGS = """\
What can be made to happen by name; [make-it-fail.md](../make-it-fail.md) shows each in a test, and how to write
others."""
ROUTES = """\
All routes; [control-plane.md](../control-plane.md) explains them. `GET /__admin/openapi.json` describes the API
itself."""
WIDTH = 100


def pages() -> dict[str, str]:
    """Return the text of each page by its place in docs/."""
    return {
        "reference/rules.md": rules(),
        "reference/settings.md": settings(),
        "reference/scenarios.md": scenarios(),
        "reference/commands.md": commands(),
        "reference/control-plane.md": control_plane(),
        "reference/python.md": python(),
    }


def rules() -> str:
    """Return the catalogue of rules, by group."""
    parts = ["# Rules", "Each promise of the API under an id that never changes. The sources are:"]
    parts.append("\n".join(f"- *{source}*: {meaning}" for source, meaning in SOURCES.items()))
    for group, title in GROUPS.items():
        rows = [(f"`{rule.id}`", rule.text, ", ".join(rule.sources)) for rule in RULES.values() if rule.group == group]
        parts += [f"## {title}", _table(("rule", "text", "source"), rows)]
    return _page(parts)


def settings() -> str:
    """Return each setting with its four forms."""
    parts = ["# Settings", FORMS]
    for item in fields(Settings):
        option = item.name.replace("_", "-")
        default = getattr(Settings(), item.name)
        shown = "none" if default is None or default in ((), {}) else f"`{default}`"
        if isinstance(default, dict):
            shown = ", ".join(f"`{name}={value}`" for name, value in default.items()) or "none"
        rows = [
            ("option", f"`--{option}`"),
            ("environment", f"`LTX_MOCK_{item.name.upper()}`"),
            ("file", f"`{option}`"),
            ("Python", f"`{item.name}`"),
            ("default", shown),
            ("for", "the whole server" if item.name in OF_THE_SERVER else "each key"),
        ]
        parts += [f"## {option}", str(item.metadata["help"]), _table(("", ""), rows)]
    return _page(parts)


def scenarios() -> str:
    """Return the library of scenarios, each with its fields."""
    rows = []
    for row in LIBRARY:
        given = {name: value for name, value in as_dict(from_dict(dict(row.fields))).items() if value is not None}
        shown = ", ".join(f"`{name}: {value}`" for name, value in given.items())
        rows.append((f"`{row.name}`", row.about, shown))
    return _page(["# Scenarios", HAPPENINGS, _table(("name", "what happens", "fields"), rows)])


def commands() -> str:
    """Return the help of each command."""
    parts = ["# Commands", "What `ltx-mock COMMAND --help` prints."]
    with click.Context(cli, info_name="ltx-mock", max_content_width=WIDTH, terminal_width=WIDTH) as context:
        for name in sorted(COMMANDS):
            command = cli.get_command(context, name)
            if command is not None:
                parts += [f"## {name}", *_help(command, context, name)]
    return _page(parts)


def _help(command: click.Command, parent: click.Context, name: str) -> Iterable[str]:
    with click.Context(
        command, info_name=name, parent=parent, max_content_width=WIDTH, terminal_width=WIDTH
    ) as context:
        yield f"```text\n{command.get_help(context)}\n```"
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                below = command.get_command(context, inner)
                if below is not None:
                    yield f"### {name} {inner}"
                    yield from _help(below, context, inner)


def control_plane() -> str:
    """Return the routes below `/__admin`, with what their handlers say of themselves."""
    rows = [
        (f"`{method} /__admin{path}`", inspect.cleandoc(handler.__doc__ or "").partition("\n")[0])
        for method, path, handler in ControlPlane(new_engine(Settings())).table()
    ]
    rows.append(("`GET /__admin/events`", "Stream the events of the server."))
    return _page(["# Control plane", ROUTES, _table(("route", "what it does"), rows)])


def python() -> str:
    """Return the public names of both packages, which mkdocstrings fills in."""
    parts = ["# Python", "The public names; see [what is stable](../architecture.md#what-is-stable)."]
    for package in (ltx_mock, ltx_mock_contracts):
        parts += [f"## `{package.__name__}`", inspect.cleandoc(package.__doc__ or "")]
        for name in package.__all__:
            value = getattr(package, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                parts.append(f"::: {value.__module__}.{value.__qualname__}")
            else:
                parts.append(f"### {name}\n\n`from {package.__name__} import {name}`")
    return _page(parts)


def plain(text: str) -> str:
    """Return a page with the names that mkdocstrings fills in written out."""
    return re.sub(r"^::: (\S+)\.(\w+)$", _described, text, flags=re.MULTILINE)


def _described(found: re.Match[str]) -> str:
    value = getattr(import_module(found[1]), found[2])
    members = [value] if inspect.isfunction(value) else [value, *filter(inspect.isfunction, vars(value).values())]
    parts = []
    for each in members:
        if each is value or not each.__name__.startswith("_"):
            name = each.__name__ if each is value else f"{value.__name__}.{each.__name__}"
            parts += [f"{'###' if each is value else '####'} {name}", f"```python\n{name}{_signature(each)}\n```"]
            parts.append(inspect.getdoc(each) or "")
    return "\n\n".join(parts)


def _signature(value: Callable[..., object]) -> str:
    try:
        return re.sub(r"ForwardRef\('([^']*)'\)|'([^']*)'(?=[,)=]| =|$)", r"\1\2", str(inspect.signature(value)))
    except (TypeError, ValueError):
        return "(…)"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(parts) + "\n"
