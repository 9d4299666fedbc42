"""`ltx-mock scenarios`: what can be made to happen, and in a running server which are active."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ltx_mock.cli import names
from ltx_mock.cli.help import Group
from ltx_mock.cli.output import print_json, print_table, say
from ltx_mock.cli.remote import JSON, named, on_server
from ltx_mock.scenarios import LIBRARY, NAMED, as_dict, from_dict
from ltx_mock.scenarios.files import load_scenarios

if TYPE_CHECKING:
    from ltx_mock_contracts.control_client import ControlClient


@click.group(cls=Group, invoke_without_command=True)
@JSON
@click.pass_context
def scenarios(ctx: click.Context, *, as_json: bool) -> None:
    """List the scenarios; activate scenarios in a running server.

    You can also put a name into the header X-Mock-Scenario, or into a prompt: [[content-violation]].
    """
    if ctx.invoked_subcommand is not None:
        if as_json:
            ctx.fail(f"put --json after {ctx.invoked_subcommand}")
        return
    if as_json:
        print_json({"scenarios": [{**as_dict(NAMED[row.name]), "about": row.about} for row in LIBRARY]})
        return
    from ltx_mock.cli.tables import Column  # noqa: PLC0415 - help does without

    print_table("Scenario", Column("What happens", 24), rows=[(row.name, row.about) for row in LIBRARY])
    say("to activate one: ltx-mock scenarios add NAME", err=True)


@scenarios.command()
@on_server
@click.argument("words", metavar="NAME|FILE…", nargs=-1, required=True, shell_complete=names.scenarios)
@click.option(
    "--times", metavar="N|forever", help="How many times it applies. [default: as the scenario says, usually once]"
)
@click.option("--operation", type=click.Choice(["generateTask", "statusTask"]), help="Only for these requests.")
@JSON
def add(
    remote: ControlClient, words: tuple[str, ...], times: str | None, operation: str | None, *, as_json: bool
) -> None:
    """Activate scenarios, by name or from a file (TOML or JSON), for the next matching requests of each key."""
    changes = {
        "times": int(times) if times and times.isdecimal() and len(times) < 10 else times,
        "operation": operation,
    }
    given = {name: value for name, value in changes.items() if value is not None}
    wanted = [as_dict(from_dict(as_dict(scenario) | given)) for scenario in load_scenarios(words)]
    added = [remote.post("/scenarios", scenario) for scenario in wanted]
    if as_json:
        print_json({"scenarios": added})
        return
    for told in added:
        say(f"added {told['name']}, {_times(told['times'])}", err=True)


@scenarios.command("list")
@on_server
@JSON
def list_active(remote: ControlClient, *, as_json: bool) -> None:
    """List the active scenarios with their keys."""
    listed = remote.get("/scenarios")
    if as_json:
        print_json(listed)
        return
    rows = [
        (each["name"], _times(each["times"]), named(each) if each["key"] else "future keys")
        for each in listed["scenarios"]
    ]
    print_table("Scenario", "Times", "Key", rows=rows)
    say(f"{len(rows) or 'no scenario is'} active", err=True)


@scenarios.command()
@on_server
def clear(remote: ControlClient) -> None:
    """Deactivate all scenarios."""
    remote.delete("/scenarios")
    say("no scenario is active", err=True)


for command, former in ((add, "arm"), (list_active, "armed")):
    scenarios.add_command(click.Command(former, callback=command.callback, params=command.params, hidden=True))


def _times(times: object) -> str:
    return {1: "once", "forever": "forever"}.get(times, f"{times} times")
