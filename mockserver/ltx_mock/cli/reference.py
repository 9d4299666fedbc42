"""`ltx-mock rules | schema | openapi | version`: what the lab knows, for people and programs."""

from __future__ import annotations

import click

import ltx_mock_schemas
from ltx_mock.cli.output import print_json, table
from ltx_mock.core.setting_readers import http_url
from ltx_mock.fields import check_names
from ltx_mock.version import VERSION


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def rules(*, as_json: bool) -> None:
    """Print every rule of the contract: id, text and source."""
    from ltx_mock_contracts import RULES  # noqa: PLC0415 - only this command needs them

    if as_json:
        listed = [{"id": rule.id, "text": rule.text, "sources": list(rule.sources)} for rule in RULES.values()]
        print_json(listed)
        return
    rows = [(rule.id, rule.text, ", ".join(rule.sources)) for rule in RULES.values()]
    click.echo(table("Rule", "Text", "Source", rows=rows), nl=False)


@click.command()
@click.argument("name", required=False)
def schema(name: str | None) -> None:
    """Print the JSON Schema NAME, or the names of all schemas."""
    names = ltx_mock_schemas.names()
    if name is None:
        click.echo("\n".join(names))
    else:
        check_names("schema", [name], names)
        print_json(ltx_mock_schemas.schema(name))


@click.command()
@click.option(
    "--server",
    metavar="URL",
    default=ltx_mock_schemas.DEFAULT_SERVER,
    help="The address of the fake, the first server in the document.",
)
def openapi(*, server: str) -> None:
    """Print the OpenAPI 3.1 document."""
    print_json(ltx_mock_schemas.openapi(http_url("server", server)))


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"ltx-mock {VERSION}")
