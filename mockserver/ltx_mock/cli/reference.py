"""`ltx-mock rules | schema | openapi | version`: what the lab knows, for people and programs."""

from __future__ import annotations

import click

import ltx_mock_schemas
from ltx_mock.cli import names
from ltx_mock.cli.output import print_json, print_table
from ltx_mock.cli.remote import JSON
from ltx_mock.core.setting_readers import http_url
from ltx_mock.fields import check_names
from ltx_mock.version import VERSION


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, shell_complete=names.rule_ids)
@JSON
def rules(ids: tuple[str, ...], *, as_json: bool) -> None:
    """Print the rules of the contract: id, source and text.

    ID is a rule, such as GEN-10, or a group of rules, such as GEN. By default all rules are printed.
    """
    from ltx_mock.cli.report import chosen_rules  # noqa: PLC0415 - help does without
    from ltx_mock.cli.tables import Column  # noqa: PLC0415
    from ltx_mock_contracts import RULES  # noqa: PLC0415

    wanted = chosen_rules(ids)
    chosen = [rule for rule in RULES.values() if rule.id in wanted]
    if as_json:
        print_json([{"id": rule.id, "text": rule.text, "sources": list(rule.sources)} for rule in chosen])
        return
    rows = [(rule.id, ", ".join(rule.sources), rule.text) for rule in chosen]
    print_table("Rule", "Source", Column("Text", 40), rows=rows)


@click.command()
@click.argument("name", required=False, shell_complete=names.schemas)
def schema(name: str | None) -> None:
    """Print the JSON Schema NAME, or the names of all schemas."""
    known = ltx_mock_schemas.names()
    if name is None:
        click.echo("\n".join(known))
    else:
        check_names("schema", [name], known)
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
@JSON
def version(*, as_json: bool) -> None:
    """Print the version."""
    if as_json:
        print_json({"name": "ltx-mock", "version": VERSION})
        return
    click.echo(f"ltx-mock {VERSION}")
