"""`ltx-mock spend`: what the tasks of a running server cost, and what of it was wasted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ltx_mock.cli.output import print_json, say
from ltx_mock.cli.remote import ALL, JSON, named, on_server
from ltx_mock.control.from_json import REASONS
from ltx_mock_contracts.reporting.text import printable, shortened

if TYPE_CHECKING:
    from ltx_mock_contracts.control_client import ControlClient

PROMPT_WIDTH = 60


@click.command()
@on_server
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(0, ALL),
    default=20,
    show_default=True,
    help="The number of prompts and tasks.",
)
@JSON
def spend(remote: ControlClient, limit: int, *, as_json: bool) -> None:
    """Show how many credits were spent, and which were wasted.

    Wasted are results that were never fetched, tasks that nobody asked for, and tasks for the same video within a
    minute or after a lost response.
    """
    told = remote.get("/spend", limit=str(limit))
    if as_json:
        print_json(told)
        return
    total = told["total"]
    say(f"{_bill(total)}; {total['charged']} charged, {total['refunded']} refunded")
    for name, words in REASONS.items():
        say(f"  {words:<16}{total[name]['credits']:>7} credits  {_count(total[name]['tasks'])}")
    for headline, parts in (("by key", told["tenants"]), ("by prompt", told["prompts"])):
        if len(parts) > 1:
            say(headline)
            for part in parts:
                say(f"  {_bill(part)}  {named(part) if 'key' in part else _prompt(part)}")
    if told["wasted"]:
        say("wasted")
    for each in told["wasted"]:
        why = ", ".join(map(REASONS.__getitem__, each["waste"])) + (
            f" (as {each['repeats']})" if each["repeats"] else ""
        )
        say(f"  {each['taskId']}  {each['spent']} credits  {why}  {_prompt(each)}")
    if told["truncated"]:
        say("there is more; see --limit", err=True)
    if not told["complete"]:
        say("the journal no longer has all requests: a task may look wasted that is not", err=True)


def _bill(bill: dict[str, Any]) -> str:
    return f"{_count(bill['tasks'])}, {bill['spent']} credits spent, {bill['wasted']} wasted"


def _count(tasks: int) -> str:
    return f"{tasks} task{'' if tasks == 1 else 's'}"


def _prompt(part: dict[str, Any]) -> str:
    return shortened(printable(" ".join(part["prompt"].split())), PROMPT_WIDTH)
