"""`ltx-mock clock`: show, advance or change the clock of a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ltx_mock.cli.help import Group
from ltx_mock.cli.options import Number
from ltx_mock.cli.output import print_json, say
from ltx_mock.cli.remote import JSON, on_server, options_belong_behind
from ltx_mock.core.clock import moment_of, time_of_day

if TYPE_CHECKING:
    from ltx_mock_contracts.control_client import ControlClient


@click.group(cls=Group, invoke_without_command=True)
@on_server
@JSON
@click.pass_context
def clock(ctx: click.Context, remote: ControlClient, *, as_json: bool) -> None:
    """Show the server's clock, advance it, or change its mode."""
    if ctx.invoked_subcommand is None:
        _print_clock(remote.get("/clock"), as_json=as_json)
    else:
        options_belong_behind(ctx)


@clock.command()
@on_server
@JSON
def show(remote: ControlClient, *, as_json: bool) -> None:
    """Show the time and the mode."""
    _print_clock(remote.get("/clock"), as_json=as_json)


@clock.command("set")
@on_server
@click.argument("mode", required=False, type=click.Choice(["real", "scaled", "manual", "auto"]))
@click.option("--speed", metavar="N", type=Number(min=0), help="Factor by which the clock runs faster than real time.")
@JSON
def set_(remote: ControlClient, mode: str | None, speed: float | None, *, as_json: bool) -> None:
    """Change the mode or the speed of the clock."""
    body = {name: value for name, value in (("mode", mode), ("speed", speed)) if value is not None}
    _print_clock(remote.post("/clock", body), as_json=as_json)


@clock.command(context_settings={"ignore_unknown_options": True})  # so that -5 is reported as an invalid number
@on_server
@click.argument("seconds", type=Number(min=0))
@JSON
def advance(remote: ControlClient, seconds: float, *, as_json: bool) -> None:
    """Advance the clock by SECONDS and print the events."""
    told = remote.post("/clock/advance", {"seconds": seconds})
    if as_json:
        print_json(told)
        return
    for event in told["fired"]:
        what = event.get("state") or f"callback, {event.get('error') or 'HTTP ' + str(event.get('status'))}"
        say(f"{time_of_day(event['at'])}  {event['taskId']}  {what}")
    say(f"{time_of_day(told['now'])}  now", err=True)


def _print_clock(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(told)
    else:
        pace = f"{told['speed']:g} times" if told["mode"] == "scaled" else told["mode"]
        moment = moment_of(told["now"]).isoformat(timespec="milliseconds")
        say(f"{moment}  {pace}")
