"""What the checking commands have in common: choosing rules, and telling a report to people and programs."""

from __future__ import annotations

import json
import os
from collections import Counter
from textwrap import TextWrapper
from typing import TYPE_CHECKING, Any

import click

from ltx_mock.cli import names
from ltx_mock.cli.files import write
from ltx_mock.cli.options import Decorator, RenamedOption, together
from ltx_mock.cli.output import coloured, table_text, width
from ltx_mock.cli.outputs import STEP_SUMMARY, Outputs, output_options
from ltx_mock.errors import LtxMockError
from ltx_mock.fields import suggestion
from ltx_mock.version import VERSION
from ltx_mock_contracts.reporting import escape_workflow_commands, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ltx_mock_contracts import Deviation, Report, Verdict

__all__ = [
    "REPORT_FORMS",
    "chosen_rules",
    "github_option",
    "json_text",
    "read_baseline",
    "report_files",
    "report_options",
    "rule_option",
    "seed_option",
    "show",
    "tell",
    "tell_github",
]

COLOUR = {"kept": "green", "broken": "red", "observed": "yellow", "not checked": "bright_black"}
REPORT_FORMS = {"json": "JSON", "junit": "JUnit XML", "sarif": "SARIF 2.1.0"}
SHOWN = 5
LARGEST_REPORT = 64 * 1024 * 1024  # bytes


def chosen_rules(rules: Sequence[str], excluded: Sequence[str] = ()) -> set[str]:
    """Return the ids of the selected rules.

    Args:
        rules: Ids, or groups such as `CB`; none means all rules.
        excluded: Ids or groups of rules to leave out.

    Raises:
        LtxMockError: Unknown rule.
    """
    return _named(rules or ("",)) - _named(excluded)


seed_option = click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="What examples and ids are drawn from; the same seed draws the same.",
)


rule_option = click.option(
    "--rule",
    "rules",
    multiple=True,
    metavar="ID",
    shell_complete=names.rule_ids,
    help="Only this rule, such as GEN-10, or group, such as GEN (may be repeated).",
)

github_option = click.option("--github", is_flag=True, help="Print annotations for GitHub Actions, and a step summary.")


def report_options(forms: Mapping[str, str] = REPORT_FORMS, former: Mapping[str, str] | None = None) -> Decorator:
    """Return the options of a command that judges by rules, for `chosen_rules`, `read_baseline` and `tell`.

    The command gets `outputs`, `github`, `sources`, `rules`, `excluded` and `baseline`.

    Args:
        forms: See `output_options`.
        former: The same.
    """
    return together(
        output_options(forms, former, "Print JSON; ltx-mock schema check-report describes it."),
        github_option,
        click.option(
            "--documented-only",
            "sources",
            cls=RenamedOption,
            former=["--seed-only"],
            is_flag=True,
            callback=lambda _, __, given: ("spec",) if given else ("spec", "vendor"),
            help="Only rules of the model's own page can be broken; others are observed.",
        ),
        rule_option,
        click.option(
            "--exclude-rule",
            "excluded",
            multiple=True,
            metavar="ID",
            shell_complete=names.rule_ids,
            help="Without this rule or group (may be repeated).",
        ),
        click.option(
            "--baseline",
            metavar="F",
            help="Tell only what has changed since this JSON report; --json still writes all.",
        ),
    )


def read_baseline(file: str | None) -> Report | None:
    """Return the report to compare with, if one is given.

    Raises:
        LtxMockError: The file cannot be read, or is no report.
    """
    if file is None:
        return None
    from ltx_mock_contracts.io.json_text import read_json  # noqa: PLC0415 - help does without
    from ltx_mock_contracts.io.safe_files import read_file  # noqa: PLC0415
    from ltx_mock_contracts.reporting import read_report  # noqa: PLC0415

    try:
        return read_report(read_json(read_file(file, most=LARGEST_REPORT)))
    except (OSError, ValueError) as error:
        raise LtxMockError(
            f"cannot use {printable(file)} as a baseline: {printable(getattr(error, 'strerror', None) or str(error))}"
        ) from None


def tell(
    report: Report,
    outputs: Outputs = Outputs(),  # noqa: B008 - it is immutable
    *,
    github: bool = False,
    baseline: Report | None = None,
    view: Callable[[Report], None] | None = None,
) -> Report:
    """Print a report, unless standard output is used for another form, and write the other forms.

    Args:
        report: The report.
        outputs: See `report_files`.
        github: The same.
        baseline: An earlier report; only JSON then has more than what has changed since.
        view: Prints the report for people; by default a table of the verdicts.

    Returns:
        The part of the report that was printed.
    """
    from ltx_mock_contracts.reporting import changes_since  # noqa: PLC0415 - help does without

    changes = report if baseline is None else changes_since(report, baseline)
    if not outputs.on_stdout:
        (view or show)(changes)
    whole = report.as_dict()
    if baseline is not None:
        whole["changed"] = [verdict.rule for verdict in changes.verdicts]
    report_files(changes, outputs, github=github, whole=whole)
    return changes


def show(report: Report) -> None:
    """Print a report for people: table and explanations to stdout, the counts to stderr."""
    from ltx_mock_contracts.reporting.facts import about, counts  # noqa: PLC0415 - help does without

    told = about(report)
    head = ", ".join(f"{name} {fact}" for name, fact in told.items()) + "\n\n" if told else ""
    deviations = "".join(f"\n{told}" for verdict in report.verdicts for told in _explained(verdict, report))
    notes = "".join(f"{printable(note)}\n" for note in ("", *report.notes)) if report.notes else ""
    again = f"\nagain: {printable(report.reproduce)}\n" if report.reproduce else ""
    click.echo(
        escape_workflow_commands(
            head
            + (_table(report) if report.verdicts else "no change\n")
            + _not_checked(report)
            + deviations
            + notes
            + again
        ),
        nl=False,
    )
    click.echo(f"\n{counts(report)}", err=True)


def report_files(
    report: Report, outputs: Outputs, *, github: bool = False, whole: dict[str, Any] | None = None
) -> None:
    """Write a report in machine-readable forms.

    Args:
        report: The report.
        outputs: The forms: JSON as the schema `check-report` describes it, SARIF, JUnit XML.
        github: Whether to tell GitHub Actions, on stderr where the standard output is taken.
        whole: The content of the JSON file, if it is not this report.

    Raises:
        LtxMockError: A file cannot be written.
    """
    from ltx_mock_contracts.reporting import sarif  # noqa: PLC0415
    from ltx_mock_contracts.reporting.junit import junit  # noqa: PLC0415

    outputs.write(
        {
            "json": lambda: json_text(whole or report.as_dict()),
            "sarif": lambda: json_text(sarif(report, version=VERSION)),
            "junit": lambda: junit(report),
        }
    )
    if github:
        tell_github(report, on_stderr=outputs.on_stdout)


def tell_github(report: Report, *, on_stderr: bool) -> None:
    """Print annotations for GitHub Actions, and add the summary of the step where `$GITHUB_STEP_SUMMARY` says."""
    from ltx_mock_contracts.reporting import github_annotations, step_summary  # noqa: PLC0415 - help does without

    click.echo(github_annotations(report), nl=False, err=on_stderr)
    if summary := os.environ.get(STEP_SUMMARY):
        write(summary, step_summary(report), append=True)


def _named(given: Iterable[str]) -> set[str]:
    from ltx_mock_contracts.rules import RULES, rules_named  # noqa: PLC0415 - help does without

    try:
        return rules_named(given)
    except KeyError as error:
        name = error.args[0]
        hint = suggestion(name.upper(), RULES)
        raise LtxMockError(f"no rule {name!r}{hint}; ltx-mock rules lists them") from None


def json_text(value: dict[str, Any]) -> str:
    """Return JSON without anything that GitHub's runner would treat as a command."""
    return json.dumps(value, indent=2).replace("##[", "#\\u0023[") + "\n"


def _table(report: Report) -> str:
    from ltx_mock.cli.tables import Cell, Column  # noqa: PLC0415 - help does without

    rows = [
        (verdict.rule, Cell(verdict.outcome, COLOUR[verdict.outcome]), str(verdict.seen or ""), _note(verdict))
        for verdict in report.verdicts
    ]
    return table_text("Rule", "Verdict", Column("Seen", right=True), Column("", least=24), rows=rows)


def _not_checked(report: Report) -> str:
    """Return each reason why rules were not checked, after the rules."""
    from ltx_mock_contracts.reporting.facts import reasons  # noqa: PLC0415 - help does without

    told = [f"{', '.join(rules)} not checked: {why}" for why, rules in reasons(report).items()]
    if columns := width():
        fit = TextWrapper(columns, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False).fill
        told = [fit(line) for line in told]
    return "".join(f"{line}\n" for line in ["", *told]) if told else ""


def _note(verdict: Verdict) -> str:
    if not verdict.deviations:
        return ""
    more = len(verdict.deviations) - 1
    return verdict.deviations[0].title + (f" (and {more} more)" if more else "")


def _explained(verdict: Verdict, report: Report) -> Iterator[str]:
    """Yield a paragraph for each deviation: expected, actual, place, and a command to reproduce it."""
    for deviation in _one_of_each_kind_first(verdict.deviations)[:SHOWN]:
        yield _paragraph(verdict, deviation, report)
    if len(verdict.deviations) > SHOWN:
        yield f"{verdict.rule}: {len(verdict.deviations) - SHOWN} more; --json has them all\n"


def _one_of_each_kind_first(deviations: Sequence[Deviation]) -> list[Deviation]:
    """Sort deviations so that the first of each kind precedes all second ones."""
    seen: Counter[str] = Counter()
    turns = []
    for deviation in deviations:
        kind = deviation.title.partition(":")[0]
        turns.append(seen[kind])
        seen[kind] += 1
    return [deviation for _, deviation in sorted(zip(turns, deviations, strict=True), key=lambda pair: pair[0])]


def _paragraph(verdict: Verdict, deviation: Deviation, report: Report) -> str:
    from ltx_mock_contracts.reporting.facts import facts  # noqa: PLC0415 - help does without

    outcome = verdict.outcome_of(deviation)
    head = f"{verdict.rule} {outcome}: {printable(deviation.title)}"
    told = "".join(f"  {name:<9} {fact}\n" for name, fact in facts(deviation, report).items())
    return f"{_styled(head, outcome)}\n{told}"


def _styled(text: str, outcome: str) -> str:
    return click.style(text, fg=COLOUR[outcome]) if coloured() else text
