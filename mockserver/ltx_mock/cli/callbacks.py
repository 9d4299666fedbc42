"""`ltx-mock callbacks`: the callbacks of a running server, and where they may go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ltx_mock.cli import names
from ltx_mock.cli.help import Group
from ltx_mock.cli.output import print_json, print_table, say
from ltx_mock.cli.remote import JSON, escaped, named, on_server, options_belong_behind
from ltx_mock.core.clock import date_and_time

if TYPE_CHECKING:
    from ltx_mock_contracts.control_client import ControlClient

COLOUR_OF_STATE = {"delivered": "green", "failed": "red", "withheld": "yellow"}


@click.group(cls=Group, invoke_without_command=True)
@on_server
@JSON
@click.pass_context
def callbacks(ctx: click.Context, remote: ControlClient, *, as_json: bool) -> None:
    """List the callbacks: delivered, scheduled, failed, withheld.

    The commands redeliver a callback, allow more hosts, or rewrite URLs.
    """
    if ctx.invoked_subcommand is None:
        _list_callbacks(remote, as_json=as_json)
    else:
        options_belong_behind(ctx)


@callbacks.command()
@on_server
@click.argument("callback_id", metavar="ID", shell_complete=names.callback_ids)
@JSON
def redeliver(remote: ControlClient, callback_id: str, *, as_json: bool) -> None:
    """Send the callback ID, or the callback of the task ID, again."""
    delivery = remote.post(f"/callbacks/{escaped(callback_id)}/redeliver")
    if as_json:
        print_json(delivery)
        return
    _print([delivery])


@callbacks.command()
@on_server
@click.argument("host")
@click.option("--remove", is_flag=True, help="No longer send callbacks to HOST.")
@JSON
def allow(remote: ControlClient, host: str, *, remove: bool, as_json: bool) -> None:
    """Send callbacks to HOST too, as with serve --allow-callback-host."""
    told = remote.call("DELETE" if remove else "POST", "/settings", {"allow_callback_host": [host]})
    if as_json:
        print_json(told)
        return
    say(f"callback hosts: {', '.join(['this machine', *told['allow_callback_host']])}", err=True)


@callbacks.command()
@on_server
@click.argument("rewrite", metavar="FROM=TO")
@click.option("--remove", is_flag=True, help="Remove the rewrite of FROM; =TO is not needed.")
@JSON
def rewrite(remote: ControlClient, rewrite: str, *, remove: bool, as_json: bool) -> None:
    """Send callbacks for one URL prefix to another, as with serve --callback-rewrite."""
    rewrite = rewrite.partition("=")[0] if remove else rewrite
    told = remote.call("DELETE" if remove else "POST", "/settings", {"callback_rewrite": [rewrite]})
    if as_json:
        print_json(told)
        return
    for source, target in told["callback_rewrite"].items():
        say(f"{source} goes to {target}", err=True)


def _list_callbacks(remote: ControlClient, *, as_json: bool) -> None:
    listed = remote.get("/callbacks")
    if as_json:
        print_json(listed)
        return
    _print(listed["callbacks"])
    if not listed["callbacks"]:
        say("no callbacks", err=True)


def _print(deliveries: list[dict[str, Any]]) -> None:
    from ltx_mock.cli.tables import Cell, Column, Row  # noqa: PLC0415 - help does without

    rows = []
    for each in deliveries:
        due = f"at {date_and_time(each['due'])}" if each["due"] else ""
        state = Cell(each["state"], COLOUR_OF_STATE.get(each["state"]))
        cells = (each["taskId"], state, str(len(each["attempts"])), due, named(each), each["url"])
        rows.append(Row(cells, [Cell(each["reason"], "yellow")] if each["reason"] else ()))
    columns = ("Task", "State", Column("Attempts", right=True), "Next", "Key", Column("URL", 24))
    print_table(*columns, rows=rows)
