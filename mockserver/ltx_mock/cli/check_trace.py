"""`ltx-mock check-trace`: judge a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ltx_mock.cli import CLEAN, FINDINGS
from ltx_mock.cli.outputs import Outputs
from ltx_mock.cli.progress import progress
from ltx_mock.cli.report import chosen_rules, read_baseline, report_options, tell
from ltx_mock.errors import LtxMockError
from ltx_mock_contracts.reporting import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltx_mock_contracts.rules import Source


@click.command("check-trace")
@click.argument("file", type=click.Path(allow_dash=False))
@report_options(former={"--sarif": "sarif"})
@click.pass_context
def check_trace(
    ctx: click.Context,
    file: str,
    *,
    outputs: Outputs,
    github: bool,
    sources: tuple[Source, ...],
    rules: Sequence[str],
    excluded: Sequence[str],
    baseline: str | None,
) -> None:
    """Judge a recording by the rules of the contract.

    FILE is the output of `serve --json`, a response of /__admin/requests, or HAR from a browser or a proxy.

    Exit code: 0 no rule is broken, 1 some rules are broken, 2 a file cannot be read or written. With --baseline only
    what has changed since is told and counts.
    """
    from ltx_mock_contracts import TraceError, read_trace  # noqa: PLC0415 - only this command needs them
    from ltx_mock_contracts import check_trace as judge  # noqa: PLC0415

    wanted, earlier = chosen_rules(rules, excluded), read_baseline(baseline)
    outputs.check(github=github)
    try:
        with progress(f"reading {file}"):
            trace = read_trace(file)
    except TraceError as error:
        raise LtxMockError(f"{printable(file)}: {printable(str(error))}") from error
    if trace.skipped and not len(trace):
        raise LtxMockError(f"{printable(file)}: no exchange in it can be read; {printable(trace.skipped[0])}")
    with progress("judging exchanges", total=len(trace)) as bar:
        report = judge(trace, sources=sources, progress=bar.reached).only(wanted)
    told = tell(report, outputs, github=github, baseline=earlier)
    ctx.exit(CLEAN if told.ok else FINDINGS)
