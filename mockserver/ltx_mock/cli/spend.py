"""`ltx-mock spend`: what the tasks of a running server cost, and what of it was wasted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ltx_mock.cli.output import print_json, print_wrapped, say, table_text
from ltx_mock.cli.remote import ALL, JSON, named, on_server
from ltx_mock.cli.tables import Column
from ltx_mock.control.from_json import REASONS
from ltx_mock_contracts.reporting.text import counted

if TYPE_CHECKING:
    from ltx_mock_contracts.control_client import ControlClient


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
    if not total["tasks"]:
        say("nothing was spent: there are no tasks", err=True)
        return
    spent = f"{counted(total['tasks'], 'task')}, {total['spent']} credits spent, {total['wasted']} wasted"
    print_wrapped(f"{spent}; {total['charged']} charged, {total['refunded']} refunded")
    for table in _tables(told):
        if table:
            click.echo(f"\n{table}", nl=False)
    if told["truncated"]:
        say("there is more; see --limit", err=True)
    if not told["complete"]:
        say("the journal no longer has all requests: a task may look wasted that is not", err=True)


def _tables(told: dict[str, Any]) -> Iterator[str]:
    """Yield the bill by reason of waste, by key, by prompt, and the tasks that were wasted."""
    total, right = told["total"], [Column(name, right=True) for name in ("Tasks", "Spent", "Wasted")]
    reasons = [(words, str(total[name]["credits"]), str(total[name]["tasks"])) for name, words in REASONS.items()]
    yield table_text("Waste", Column("Credits", right=True), Column("Tasks", right=True), rows=reasons)
    if len(told["tenants"]) > 1:
        yield table_text("Key", *right, rows=[(named(each), *_bill(each)) for each in told["tenants"]])
    prompt = Column("Prompt", 16, cut=True)
    if len(told["prompts"]) > 1:
        yield table_text(*right, prompt, rows=[(*_bill(each), _prompt(each)) for each in told["prompts"]])
    rows = [(each["taskId"], str(each["spent"]), _why(each), _prompt(each)) for each in told["wasted"]]
    yield table_text("Wasted task", Column("Credits", right=True), Column("Why", 16), prompt, rows=rows)


def _why(task: dict[str, Any]) -> str:
    repeats = f" (as {task['repeats']})" if task["repeats"] else ""
    return ", ".join(map(REASONS.__getitem__, task["waste"])) + repeats


def _bill(part: dict[str, Any]) -> tuple[str, str, str]:
    return str(part["tasks"]), str(part["spent"]), str(part["wasted"])


def _prompt(part: dict[str, Any]) -> str:
    return " ".join(part["prompt"].split())
