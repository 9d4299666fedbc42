"""`ltx-mock check-trace`: judge a recording."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING

import click

from ltx_mock.cli import CLEAN, FINDINGS
from ltx_mock.errors import LtxMockError, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ltx_mock_contracts import Departure, Report, Verdict

COLOUR = {"kept": "green", "broken": "red", "observed": "yellow", "not checked": "bright_black"}
SHOWN = 5


@click.command("check-trace")
@click.argument("file", type=click.Path(allow_dash=False))
@click.option("--json", "as_json", is_flag=True, help="Print JSON; ltx-mock schema check-report describes it.")
@click.option("--seed-only", is_flag=True, help="Break no rule but those of the model's own page; observe the others.")
@click.option("--rule", "rules", multiple=True, metavar="ID", help="Only this rule (may be repeated); CB is all of CB.")
@click.option("--exclude-rule", "excluded", multiple=True, metavar="ID", help="Not this rule (may be repeated).")
@click.pass_context
def check_trace(
    ctx: click.Context, file: str, *, as_json: bool, seed_only: bool, rules: Sequence[str], excluded: Sequence[str]
) -> None:
    """Judge a recording by the rules of the contract.

    FILE has what `serve --json` prints, or an answer of /__admin/requests, or HAR from a browser or a proxy.

    Exit code: 0 no rule is broken, 1 some are, 2 the file cannot be read.
    """
    from ltx_mock_contracts import TraceError, read_trace  # noqa: PLC0415 - only this command needs them
    from ltx_mock_contracts import check_trace as judge  # noqa: PLC0415

    wanted = _chosen(rules or ("",)) - _chosen(excluded)
    try:
        trace = read_trace(file)
    except TraceError as error:
        raise LtxMockError(f"{_printable(file)}: {_printable(str(error))}") from error
    report = judge(trace, sources=("seed",) if seed_only else ("seed", "vendor")).only(wanted)
    if as_json:
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        click.echo(_table(report), nl=False)
        for verdict in report.verdicts:
            click.echo("".join(f"\n{told}" for told in _explained(verdict, report)), nl=False)
        counts = ", ".join(f"{count} {outcome}" for outcome, count in report.counts.items())
        click.echo(f"\n{counts}; {_counted(len(trace), 'exchange')}", err=True)
    ctx.exit(CLEAN if report.ok else FINDINGS)


def _chosen(given: Iterable[str]) -> set[str]:
    """Return the ids that are meant: an id is itself, a group all of its rules, an empty string everything."""
    from ltx_mock_contracts import RULES  # noqa: PLC0415

    chosen: set[str] = set()
    for name in given:
        found = {rule.id for rule in RULES.values() if name.upper() in {"", rule.id, rule.group}}
        if not found:
            raise LtxMockError(f"no rule {name!r}{suggestion(name.upper(), RULES)}; ltx-mock rules lists them")
        chosen |= found
    return chosen


def _table(report: Report) -> str:
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table("Rule", "Verdict", "Seen", "", box=None, pad_edge=False, header_style="bold")
    table.columns[2].justify = "right"
    for verdict in report.verdicts:
        outcome = Text(verdict.outcome, style=COLOUR[verdict.outcome])
        table.add_row(verdict.rule, outcome, str(verdict.seen or ""), _printable(_note(verdict)))
    console = Console(markup=False, emoji=False, highlight=False)
    with console.capture() as printed:
        console.print(table)
    return re.sub(r" +$", "", printed.get(), flags=re.MULTILINE)


def _note(verdict: Verdict) -> str:
    if not verdict.departures:
        return verdict.why or ""
    more = len(verdict.departures) - 1
    return verdict.departures[0].title + (f" (and {more} more)" if more else "")


def _explained(verdict: Verdict, report: Report) -> Iterator[str]:
    """Give a paragraph for each departure from a rule: what was expected, what came, where, and how to see it."""
    from ltx_mock_contracts import RULES  # noqa: PLC0415

    for departure in verdict.departures[:SHOWN]:
        head = f"{verdict.rule} {verdict.outcome}: {_printable(departure.title)}"
        facts = [
            ("expected", departure.expected),
            ("actual", departure.actual),
            ("where", _where(departure, report.counted_in)),
            ("rule", RULES[verdict.rule].text),
            ("try", departure.curl),
        ]
        told = "".join(f"  {name:<9} {_printable(fact)}\n" for name, fact in facts if fact)
        yield f"{_styled(head, verdict.outcome)}\n{told}"
    if len(verdict.departures) > SHOWN:
        yield f"{verdict.rule}: {len(verdict.departures) - SHOWN} more; --json has them all\n"


def _where(departure: Departure, counted_in: str) -> str:
    numbers = departure.exchanges[:SHOWN]
    told = f"{counted_in} {', '.join(map(str, numbers))}" + ", …" * (len(departure.exchanges) > SHOWN)
    told += f" (task {departure.task})" if departure.task else ""
    return told + (f", {departure.times} times" if departure.times > 1 else "")


def _styled(text: str, outcome: str) -> str:
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return click.style(text, fg=COLOUR[outcome]) if coloured else text


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _printable(text: str) -> str:
    """Take out what could move a terminal's cursor or hide text."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
