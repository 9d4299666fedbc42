"""Where a command writes its results: `--json` prints JSON, `--output FILE` writes the form that the ending names."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import click

from ltx_mock.cli.files import see_that_they_can_be_written, write
from ltx_mock.errors import LtxMockError
from ltx_mock.fields import listed

__all__ = ["FORMER_REPORTS", "STDOUT", "STEP_SUMMARY", "FormerJson", "Outputs", "output_options"]

STDOUT = "-"
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable that has the file for summaries of GitHub Actions."""
ENDINGS = {"json": ".json", "junit": ".xml", "sarif": ".sarif", "ndjson": ".ndjson", "har": ".har"}
FORMER_REPORTS = {"--json-file": "json", "--junitxml": "junit", "--sarif": "sarif", "--trace": "ndjson"}
"""Former options for a file of one form, which work for one release; see `FormerJson` for the first."""
_FORMER_FILE = re.compile(r"-|/dev/.*|[^-].*\.json")
"""What may follow `--json` in its former form: another word is the server to check, or the client."""


class Outputs(NamedTuple):
    """The wanted forms with their files; the file `-` is the standard output."""

    wanted: tuple[tuple[str, str], ...] = ()

    @property
    def on_stdout(self) -> bool:
        """Whether the standard output is taken, so that nothing else may be printed there."""
        return any(file == STDOUT for _, file in self.wanted)

    def has(self, form: str) -> bool:
        """Tell whether a form is wanted."""
        return any(each == form for each, _ in self.wanted)

    def check(self, *, github: bool = False) -> None:
        """Check before a long run that all can be written after it.

        Args:
            github: Whether a summary for GitHub Actions is written too.

        Raises:
            LtxMockError: One of them cannot.
        """
        summary = os.environ.get(STEP_SUMMARY) if github else None
        see_that_they_can_be_written(*(file for _, file in self.wanted), summary or None)

    def write(self, texts: Mapping[str, Callable[[], str]]) -> None:
        """Write each wanted form that is among the texts; one that cannot be written does not prevent the others.

        Raises:
            LtxMockError: One of them cannot be written.
        """
        problems = []
        for form, file in self.wanted:
            if form in texts:
                try:
                    write(file, texts[form]())
                except LtxMockError as problem:
                    problems.append(problem)
        if problems:
            raise problems[0]


def output_options(
    forms: Mapping[str, str], former: Mapping[str, str] | None = None, json_help: str = "Print JSON."
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add `--json` and `--output` to a command, which gets `outputs`.

    Args:
        forms: What each form is, for the help.
        former: Hidden options that take a file, and their forms.
        json_help: The help of `--json`.
    """
    about = ", ".join(f"{ENDINGS[form]} {text}" for form, text in forms.items())

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def wrapped(*args: Any, as_json: bool, output: tuple[str, ...], **rest: Any) -> None:
            wanted = [("json", STDOUT)] if as_json else []
            wanted += [(_form(file, forms), file) for file in output]
            wanted += [(form, file) for name, form in (former or {}).items() for file in rest.pop(_name(name))]
            if sum(file == STDOUT for _, file in wanted) > 1:
                raise LtxMockError("only one report can go to standard output; give the others a file with --output")
            command(*args, outputs=Outputs(tuple(wanted)), **rest)

        for name in former or {}:
            click.option(name, _name(name), multiple=True, hidden=True)(wrapped)
        told = f"Write a report to this file (may be repeated); its ending says which: {about}."
        click.option("--output", multiple=True, type=click.Path(), metavar="FILE", help=told)(wrapped)
        click.option("--json", "as_json", is_flag=True, help=json_help)(wrapped)
        return wrapped

    return decorate


class FormerJson(click.Command):
    """A command whose `--json` formerly took a file, as in `--json report.json`; that works for one release."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Turn the former form into a hidden option."""
        end = args.index("--") if "--" in args else len(args)
        own = args[:end]
        for at, (each, following) in enumerate(pairwise([*own, ""])):
            if each.startswith("--json=") or (each == "--json" and _FORMER_FILE.fullmatch(following)):
                own[at] = each.replace("--json", "--json-file", 1)
        return super().parse_args(ctx, [*own, *args[end:]])


def _form(file: str, forms: Mapping[str, str]) -> str:
    for form in forms:
        if Path(file).name.lower().endswith(ENDINGS[form]):
            return form
    endings = listed(ENDINGS[form] for form in forms)
    raise LtxMockError(f"the file of --output must end in one of {endings}, not {file!r}")


def _name(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")
