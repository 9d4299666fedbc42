"""`ltx-mock requests`: the journal of a running server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ltx_mock.cli import names
from ltx_mock.cli.files import write
from ltx_mock.cli.output import print_exported, print_json, say, table_text
from ltx_mock.cli.outputs import STDOUT, Outputs, output_options
from ltx_mock.cli.progress import progress
from ltx_mock.cli.remote import ALL, WATCH, asked, named, on_server
from ltx_mock.cli.watch import follow
from ltx_mock.core.clock import date_and_time
from ltx_mock_contracts.reporting.text import counted

if TYPE_CHECKING:
    from ltx_mock.cli.tables import Row
    from ltx_mock_contracts.control_client import ControlClient

View = dict[str, Any]

SHOWN = 50
WAIT_SECONDS = 10
"""How long one request waits for news of the journal."""


@click.command()
@on_server
@click.option(
    "--limit",
    type=click.IntRange(0, ALL),
    metavar="N",
    help=f"The number of entries, the newest ones. [default: {SHOWN}, all with --format]",
)
@click.option(
    "--operation",
    metavar="NAME",
    shell_complete=names.operations,
    help="Only generateTask, statusTask, callback, or other.",
)
@click.option("--task", shell_complete=names.task_ids, help="Only entries about this task.", metavar="TASK_ID")
@click.option(
    "--status", metavar="CODE", help="Only with this HTTP status, such as 404 or 4xx, or none for no response."
)
@click.option(
    "--finding",
    shell_complete=names.findings,
    help="Only with a finding of this rule, or any rule: any.",
    metavar="RULE",
)
@click.option("--idempotency-key", "idempotencyKey", help="Only requests with this Idempotency-Key.", metavar="KEY")
@click.option("--trace", help="Only requests and callbacks of this trace (traceparent).", metavar="TRACE_ID")
@click.option(
    "--format",
    "form",
    type=click.Choice(["ndjson", "har"]),
    help="Print the entries in the form of an export.",
)
@WATCH
@output_options({"ndjson": "lines of JSON", "har": "HAR for browsers and proxies"})
@click.pass_context
def requests(
    ctx: click.Context,
    /,
    remote: ControlClient,
    limit: int | None,
    form: str | None,
    *,
    watching: bool,
    outputs: Outputs,
    **filters: str | None,
) -> None:
    """List the newest requests, responses and callbacks.

    --output exports them to a file that check-trace and other tools read.
    """
    exports = [(each, file) for each, file in outputs.wanted if file != STDOUT]
    exports += [(form, STDOUT)] if form else []
    given = {name: value for name, value in filters.items() if value is not None}
    if exports and watching:
        ctx.fail("--watch does not go together with --output and --format")
    if exports:
        outputs.check()
        _export(remote, exports, given | {"limit": str(ALL if limit is None else limit)})
        return
    given["limit"] = str(SHOWN if limit is None else limit)
    if watching:
        follow(_News(remote, given), "number", None if outputs.on_stdout else _table)
        return
    listed = remote.get("/requests", **given)
    if outputs.on_stdout:
        print_json(listed)
        return
    click.echo(_table(listed["requests"]), nl=False)
    if not listed["requests"]:
        say("no requests" + (" like these" if len(given) > 1 else ""), err=True)
    elif listed["truncated"]:
        say(f"{counted(len(listed['requests']), 'entry', 'entries')}, the newest", err=True)


def _export(remote: ControlClient, exports: list[tuple[str, str]], given: dict[str, str]) -> None:
    for form, file in exports:
        with progress("exporting the journal"):
            text = remote.text("/requests", format=form, **given)
        if file == STDOUT:
            print_exported(text)
        else:
            write(file, text)


class _News:
    """Returns the newest entries, then at each call the entries after those, waiting for some."""

    def __init__(self, remote: ControlClient, given: dict[str, str]) -> None:
        self._remote = remote
        self._given = given
        self._since: int | None = None

    def __call__(self) -> list[View]:
        after = {} if self._since is None else {"since": str(self._since), "wait": str(WAIT_SECONDS), "limit": str(ALL)}
        entries: list[View] = self._remote.get("/requests", **(self._given | after))["requests"]
        self._since = max([self._since or 0, *(entry["number"] for entry in entries)])
        return entries


def _table(entries: list[View]) -> str:
    from ltx_mock.cli.tables import Column  # noqa: PLC0415 - help does without

    columns = (
        *(Column("No", right=True), "Time", "Request", "HTTP", Column("Task", 17), "State"),
        *("Mode", "Key", Column("Prompt", 20, cut=True)),
    )
    return table_text(*columns, rows=_rows(entries))


def _rows(entries: list[View]) -> Iterator[Row]:
    from ltx_mock.cli.tables import Cell, Row  # noqa: PLC0415 - help does without

    for entry in entries:
        mode, prompt = asked(entry["request"]) if entry["operation"] == "generateTask" else ("", "")
        status = Cell(str(entry["status"] or entry["fault"] or "none"), _colour(entry["status"]))
        request = f"{entry['method']:<4} {entry['operation']}"
        place = (str(entry["number"]), date_and_time(entry["at"]), request, status)
        cells = (*place, entry["taskId"] or "", entry["state"] or "", mode, named(entry), prompt)
        yield Row(cells, [Cell(note, "yellow") for note in _notes(entry)])


def _notes(entry: View) -> Iterator[str]:
    """Yield the findings, and the message of an error that no finding explains."""
    told = [f"! {finding['message']} ({finding['rule']})" for finding in entry["findings"]]
    answer = entry["answer"]
    message = answer.get("message") if isinstance(answer, dict) else answer
    if entry["status"] != 200 and message and not told:
        yield f"! {message}"
    yield from told


def _colour(status: int | None) -> str:
    return {2: "green", 4: "yellow"}.get((status or 0) // 100, "red")
