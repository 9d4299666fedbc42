"""`ltx-mock drift`: what a real service does otherwise than the documents, the fake, or itself some time ago."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ltx_mock.cli import CLEAN, FINDINGS
from ltx_mock.cli.output import table_text
from ltx_mock.cli.outputs import Outputs
from ltx_mock.cli.progress import progress
from ltx_mock.cli.recordings import read_folder
from ltx_mock.cli.report import COLOUR, chosen_rules, read_baseline, report_options, tell
from ltx_mock_contracts.reporting import escape_workflow_commands, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltx_mock_contracts import Report
    from ltx_mock_contracts.rules import Source

SIDES = ("document", "fake", "before", "service", "moved")


@click.command()
@click.argument("folders", nargs=-1, required=True, metavar="DIR | OLD NEW")
@report_options()
@click.option(
    "--fail-on",
    type=click.Choice(["broken", "observed"]),
    default="broken",
    show_default=True,
    help="Exit with 1 only if a document is broken, or also for what no document settles.",
)
@click.pass_context
def drift(
    ctx: click.Context,
    folders: tuple[str, ...],
    *,
    outputs: Outputs,
    github: bool,
    fail_on: str,
    sources: tuple[Source, ...],
    rules: Sequence[str],
    excluded: Sequence[str],
    baseline: str | None,
) -> None:
    """Find what a service does otherwise, from recordings of it.

    DIR is a folder of recordings, which ltx-mock record and ltx-mock recordings import make. They are compared with the
    documents and the fake; OLD and NEW are compared with each other, and only what has changed is told. Kinds are
    compared: other ids, prompts, URLs, and times within the documented range are no drift. Times are judged as
    distributions.

    Exit code: 0 no drift, 1 drift, 2 a folder has no recordings or a file cannot be written.
    """
    from ltx_mock.drift import drift_between, drift_of  # noqa: PLC0415 - slow to import

    if len(folders) > 2:
        raise click.BadParameter("one or two folders can be compared", ctx, param_hint="DIR")
    wanted, earlier = chosen_rules(rules, excluded), read_baseline(baseline)
    outputs.check(github=github)
    with progress("reading recordings", total=len(folders)) as bar:
        read = []
        for folder in folders:
            read.append(read_folder(folder))
            bar.reached(len(read), len(folders))
    compare = drift_of if len(read) == 1 else drift_between
    with progress("comparing"):
        report = compare(*read, sources=sources).only(wanted)
    told = tell(report, outputs, github=github, baseline=earlier, view=show_drift)
    is_clean = told.ok if fail_on == "broken" else not any(verdict.deviations for verdict in told.verdicts)
    ctx.exit(CLEAN if is_clean else FINDINGS)


def show_drift(report: Report) -> None:
    """Print a table of all differences with what each side says, then notes; the counts go to stderr."""
    from ltx_mock.cli.tables import Cell, Column  # noqa: PLC0415 - help does without
    from ltx_mock_contracts.reporting.facts import broken_first, counts  # noqa: PLC0415

    found = [(verdict, each) for verdict in broken_first(report) for each in verdict.deviations]
    shown = [side for side in SIDES if any(side in each.sides for _, each in found)]
    rows: list[list[str | Cell]] = [
        [
            verdict.rule,
            Cell(outcome := verdict.outcome_of(each), COLOUR[outcome]),
            printable(each.title),
            *(printable(each.sides.get(side, "")) for side in shown),
        ]
        for verdict, each in found
    ]
    heads = [side.capitalize() for side in shown]
    text = table_text("Rule", "Verdict", Column("", least=24), *heads, rows=rows) if rows else "no drift\n"
    click.echo(text + "".join(escape_workflow_commands(f"{printable(note)}\n") for note in report.notes), nl=False)
    click.echo(f"\n{counts(report)}", err=True)
