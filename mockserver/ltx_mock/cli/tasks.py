"""`ltx-mock tasks`: the tasks of a running server, and the history of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ltx_mock.cli import names
from ltx_mock.cli.output import print_json, say, table_text
from ltx_mock.cli.remote import JSON, WATCH, asked, escaped, named, on_server
from ltx_mock.cli.task_history import story_lines
from ltx_mock.cli.watch import follow, redraw
from ltx_mock.core.clock import date_and_time, time_of_day
from ltx_mock_contracts.api import ENDED, STATES
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.reporting.text import counted

if TYPE_CHECKING:
    from ltx_mock.cli.tables import Row
    from ltx_mock_contracts.control_client import ControlClient

View = dict[str, Any]

COLOUR_OF_STATE = {"processing": "blue", "success": "green", "failed": "red"}


@click.command()
@on_server
@click.argument("task_id", required=False, shell_complete=names.task_ids)
@click.option("--state", type=click.Choice(STATES), help="Only tasks in this state.")
@click.option("--finish", type=click.Choice(ENDED), help="Finish the task TASK_ID now, in this state.")
@click.option(
    "--fail-code",
    metavar="CODE",
    shell_complete=names.fail_codes,
    help=f"The fail code for --finish failed. [default: {MODEL.fail_code_of('prompt')}]",
)
@WATCH
@JSON
@click.pass_context
def tasks(
    ctx: click.Context,
    remote: ControlClient,
    task_id: str | None,
    state: str | None,
    finish: str | None,
    fail_code: str | None,
    *,
    watching: bool,
    as_json: bool,
) -> None:
    """List the tasks, or show the history of a task, or finish it."""
    if task_id is None and (finish or fail_code):
        ctx.fail("--finish and --fail-code need a TASK_ID")
    if task_id is not None and watching:
        ctx.fail("--watch is for the list of tasks; leave out TASK_ID")
    if task_id is not None:
        _show(remote, task_id, finish, fail_code, as_json=as_json)
    elif watching:
        _watch(remote, state, as_json=as_json)
    else:
        listed = _listed(remote, state)
        if as_json:
            print_json(listed)
            return
        click.echo(_table(listed["tasks"]), nl=False)
        say(_total(listed, state), err=True)


def _show(remote: ControlClient, task_id: str, finish: str | None, fail_code: str | None, *, as_json: bool) -> None:
    path = f"/tasks/{escaped(task_id)}"
    if finish or fail_code:
        body = {"state": finish or "failed"} | ({"failCode": fail_code} if fail_code else {})
        remote.post(f"{path}/finish", body)
    task = remote.get(path)
    if as_json:
        print_json(task)
        return
    for line in story_lines(task):
        say(line)


def _watch(remote: ControlClient, state: str | None, *, as_json: bool) -> None:
    def tasks() -> list[View]:
        listed: list[View] = _listed(remote, state)["tasks"]
        return listed

    if as_json:
        follow(tasks, "id", None)
    else:
        redraw(tasks, "id", _table)


def _listed(remote: ControlClient, state: str | None) -> View:
    return remote.get("/tasks", **({"state": state} if state else {}))


def _total(listed: View, state: str | None) -> str:
    which = f" {state}" if state else ""
    if not listed["tasks"]:
        return f"no{which} tasks"
    newest = ", the newest" if listed["truncated"] else ""
    return counted(len(listed["tasks"]), f"{which} task".strip()) + newest


def _table(tasks: list[View]) -> str:
    from ltx_mock.cli.tables import Column  # noqa: PLC0415 - help does without

    columns = ("Created", "Task", "State", Column("End", 19), "Mode", "Key", Column("Prompt", 20, cut=True))
    return table_text(*columns, rows=_rows(tasks))


def _rows(tasks: list[View]) -> Iterator[Row]:
    from ltx_mock.cli.tables import Cell, Row  # noqa: PLC0415 - help does without

    for task in tasks:
        mode, prompt = asked(task["request"])
        state = Cell(task["state"], COLOUR_OF_STATE.get(task["state"]))
        created = date_and_time(task["createTime"])
        yield Row((created, task["id"], state, _end(task), mode, named(task), prompt))


def _end(task: View) -> str:
    """Return the last state of an unfinished task and its time, or why a finished one ended.

    A stuck task reaches its last state when processing starts.
    """
    if not task["nextTransition"]:
        return " ".join(filter(None, (task["failCode"], task["cause"])))
    stuck = task["endState"] == "processing"
    return f"{task['endState']} at {time_of_day(task['nextTransition' if stuck else 'endTime'])}"
