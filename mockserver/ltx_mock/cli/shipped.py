"""`ltx-mock examples | docs`: the examples and guides that come with the package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import click

from ltx_mock.cli.files import cannot_write
from ltx_mock.cli.names import examples as example_names
from ltx_mock.cli.names import guides as guide_names
from ltx_mock.cli.output import print_table, say
from ltx_mock.core import shipped
from ltx_mock.errors import LtxMockError
from ltx_mock.fields import check_names
from ltx_mock_contracts.io.safe_files import write_file

_ROW = re.compile(r"^\| `([^`]+)` \| (.+) \|$", re.MULTILINE)
"""A row of the table in the README of the examples: the name of a file or folder, and what it is."""


@click.command()
@click.argument("name", required=False, shell_complete=example_names)
@click.option(
    "--output", metavar="PATH", help="Write to this file or folder; - prints a file. [default: the last name]"
)
@click.option("--force", is_flag=True, help="Replace existing files.")
def examples(*, name: str | None, output: str | None, force: bool) -> None:
    """List the examples, or write NAME into this folder.

    NAME is a file, such as node/client.mjs, or a folder, such as node.
    """
    from ltx_mock.cli.tables import Column  # noqa: PLC0415 - help does without

    files = shipped.examples()
    if name is None:
        print_table("Example", Column("About", 40), rows=[(each, about(each)) for each in files])
        return
    name = name.rstrip("/")
    chosen = {each: path for each, path in files.items() if f"{each}/".startswith(f"{name}/")}
    if not chosen:
        check_names("example", [name], files)
    if output == "-":
        click.echo(b"".join(path.read_bytes() for path in chosen.values()), nl=False)
        return
    target = Path(output or name.rpartition("/")[2])
    _write({Path(f"{target}{each.removeprefix(name)}"): path for each, path in chosen.items()}, force=force)


@click.command()
@click.argument("name", required=False, shell_complete=guide_names)
def docs(*, name: str | None) -> None:
    """List the guides, or print the guide NAME in Markdown."""
    pages = shipped.guides()
    if name is None:
        print_table(
            "Guide",
            "Title",
            rows=[(each, shipped.title(path.read_text(encoding="utf-8"))) for each, path in pages.items()],
        )
        return
    check_names("guide", [name.removesuffix(".md")], pages)
    click.echo(pages[name.removesuffix(".md")].read_text(encoding="utf-8"), nl=False)


def about(example: str) -> str:
    """Return what the README of the examples says about a file, or about its folder."""
    readme = (shipped.shipped_folder(shipped.EXAMPLES) / "README.md").read_text(encoding="utf-8")
    rows = dict(_ROW.findall(readme))
    described = [each for each in rows if example == each or (each.endswith("/") and example.startswith(each))]
    return rows[max(described, key=len)] if described else ""


def _write(files: Mapping[Path, Path], *, force: bool) -> None:
    there = [str(target) for target in files if target.exists()]
    if there and not force:
        raise LtxMockError(f"{there[0]} exists already; give --force or another --output")
    for target, source in files.items():
        content = source.read_bytes()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_file(target, content)
        except (OSError, ValueError) as error:
            raise cannot_write(target, error) from error
        if content.startswith(b"#!"):
            target.chmod(0o755)
        say(str(target))
