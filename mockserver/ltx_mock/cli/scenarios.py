"""`ltx-mock scenarios`: what can be made to happen, and in a running server what is armed."""

from __future__ import annotations

import click

from ltx_mock.cli.output import print_json, say
from ltx_mock.cli.server_commands import JSON, Remote, named, on_server
from ltx_mock.scenarios import LIBRARY, NAMED, as_dict, from_dict
from ltx_mock.scenarios.files import chosen


@click.group(invoke_without_command=True)
@JSON
@click.pass_context
def scenarios(ctx: click.Context, *, as_json: bool) -> None:
    """List the scenarios; arm some in a running server.

    Each of these names can also stand in the header X-Mock-Scenario, or in a prompt: [[content-violation]].
    """
    if ctx.invoked_subcommand is not None:
        if as_json:
            ctx.fail(f"put --json after {ctx.invoked_subcommand}")
        return
    if as_json:
        print_json({"scenarios": [{**as_dict(NAMED[row.name]), "about": row.about} for row in LIBRARY]})
        return
    width = max(map(len, NAMED))
    for row in LIBRARY:
        say(f"{row.name:<{width}}  {row.about}")
    say("arm one with: ltx-mock scenarios arm NAME", err=True)


@scenarios.command()
@on_server
@click.argument("words", metavar="NAME|FILE…", nargs=-1, required=True)
@click.option("--times", metavar="N|forever", help="How often it happens. [default: as the scenario says; mostly once]")
@click.option("--operation", type=click.Choice(["generateTask", "statusTask"]), help="Only to these requests.")
@JSON
def arm(remote: Remote, words: tuple[str, ...], times: str | None, operation: str | None, *, as_json: bool) -> None:
    """Arm scenarios by name, or those of a file (TOML or JSON), for the next requests that they concern."""
    changes = {
        "times": int(times) if times and times.isdecimal() and len(times) < 10 else times,
        "operation": operation,
    }
    given = {name: value for name, value in changes.items() if value is not None}
    wanted = [as_dict(from_dict(as_dict(scenario) | given)) for scenario in chosen(words)]
    armed = [remote.call("POST", "/scenarios", scenario) for scenario in wanted]
    if as_json:
        print_json({"scenarios": armed})
        return
    for told in armed:
        say(f"armed {told['name']}, {_times(told['times'])}", err=True)


@scenarios.command()
@on_server
@JSON
def armed(remote: Remote, *, as_json: bool) -> None:
    """List what is armed, and for which key."""
    listed = remote.call("GET", "/scenarios")
    if as_json:
        print_json(listed)
        return
    for each in listed["scenarios"]:
        key = "keys to come" if each["key"] is None else named(each)
        say(f"{each['name']}  {_times(each['times'])}  {key}")
    say(f"{len(listed['scenarios'])} armed", err=True)


@scenarios.command()
@on_server
def clear(remote: Remote) -> None:
    """Disarm all of them."""
    remote.call("DELETE", "/scenarios")
    say("nothing is armed", err=True)


def _times(times: object) -> str:
    return {1: "once", "forever": "for ever"}.get(times, f"{times} times")
