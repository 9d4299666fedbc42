"""`ltx-mock check`: hold a live server to the contract."""

from __future__ import annotations

from dataclasses import Field, fields, replace
from math import ceil
from shlex import quote
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from ltx_mock.cli import CANNOT_RUN, CLEAN, FINDINGS
from ltx_mock.cli.hypothesis_import import import_hypothesis
from ltx_mock.cli.options import Number
from ltx_mock.cli.output import note
from ltx_mock.cli.outputs import FORMER_REPORTS, FormerJson, Outputs
from ltx_mock.cli.progress import Bar, progress
from ltx_mock.cli.report import REPORT_FORMS, chosen_rules, read_baseline, report_options, seed_option, tell
from ltx_mock.errors import LtxMockError
from ltx_mock_contracts.conformance.harness.options import Options
from ltx_mock_contracts.io.server_url import server_url
from ltx_mock_contracts.reporting.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ltx_mock_contracts.conformance import Plan
    from ltx_mock_contracts.rules import Source
    from ltx_mock_contracts.verdicts import Report

FORMS = REPORT_FORMS | {"ndjson": "all exchanges, for check-trace"}
VARIABLES = {"api_key": "APIXO_API_KEY", "admin_token": "LTX_MOCK_ADMIN_TOKEN"}
SHOWN_EVERY = 25
TOLD_EVERY = 30.0
LONG = 5.0


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each of `Options` that has a help text."""
    for each in reversed([each for each in fields(Options) if each.metadata]):
        about: dict[str, Any] = {"help": each.metadata["help"], "envvar": VARIABLES.get(each.name)}
        if isinstance(each.default, bool):
            about["is_flag"] = True
        else:
            about |= {"default": each.default, "show_default": each.default is not None}
            about |= {"type": _kind(each), "metavar": each.metadata["metavar"]}
        command = click.option(f"--{each.name.replace('_', '-')}", each.name, **about)(command)
    return command


def _kind(option: Field[Any]) -> Any:
    annotation, least, most = str(option.type), option.metadata["least"], option.metadata["most"]
    if annotation.startswith("int"):
        return click.IntRange(least, most)
    return Number(least, most) if annotation.startswith("float") else str


@click.command(cls=FormerJson)
@click.argument("url")
@_options
@seed_option
@click.option(
    "-n",
    "--parallel",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Run N checks in parallel; they wait for several tasks at the same time.",
)
@report_options(FORMS, FORMER_REPORTS)
@click.pass_context
def check(
    ctx: click.Context,
    /,
    url: str,
    *,
    seed: int,
    sources: tuple[Source, ...],
    rules: Sequence[str],
    excluded: Sequence[str],
    parallel: int,
    outputs: Outputs,
    github: bool,
    baseline: str | None,
    **given: Any,
) -> None:
    """Check the server at URL against the rules of the contract.

    For your own ltx-mock on this machine give --trust-control-plane: the checks create their own tenants and advance
    their clocks, in seconds and for free. On any other server they create no task on purpose without --max-tasks; if
    the server accepts an invalid request, that request creates one task, the only one. With --max-tasks N there are
    never more than N tasks, whatever the server does.

    With --baseline the report, its exit code and all its forms except --json are about what has changed since.

    Exit code: 0 no rule is broken, 1 some rules are broken, 2 nothing could be checked.
    """
    try:
        url = server_url(url)
    except ValueError as error:
        raise click.BadParameter(f"it {error}", ctx, param_hint="URL") from None
    options = Options(
        url=url,
        sources=sources,
        rules=frozenset(chosen_rules(rules, excluded)) if rules or excluded else None,
        seed=seed,
        **given,
    )
    outputs.check(github=github)
    earlier = read_baseline(baseline)
    seen: list[str] = []
    report = _checked(options, parallel, seen if outputs.has("ndjson") else None)
    report = replace(report, reproduce=_again(options, report))
    try:
        told = tell(report, outputs, github=github, baseline=earlier)
    finally:
        outputs.write({"ndjson": lambda: "".join(seen)})
    if not any(verdict.seen for verdict in report.verdicts):
        note("nothing could be checked; the report gives the reasons")
        ctx.exit(CANNOT_RUN)
    ctx.exit(CLEAN if told.ok else FINDINGS)


def _checked(options: Options, parallel: int, seen: list[str] | None) -> Report:
    import_hypothesis()
    from ltx_mock_contracts.conformance import CannotRun, check_server  # noqa: PLC0415 - slow to import

    try:
        with progress("checking", total=1) as bar:
            return check_server(options, listener=Lines(parallel, bar), trace=seen, parallel=parallel)
    except CannotRun as problem:
        raise LtxMockError(str(problem)) from None


def _again(options: Options, report: Report) -> str | None:
    """Return the command that checks only the broken rules, with the same seed."""
    if not report.broken:
        return None
    given = [f"--rule {rule}" for rule in report.broken]
    given += ['--api-key "$API_KEY"'] if options.api_key else []
    given += ["--trust-control-plane"] if options.trust_control_plane else []
    given += [f"--max-tasks {options.max_tasks}"] if options.max_tasks is not None else []
    return f"ltx-mock check {quote(report.target or '')} {' '.join(given)} --seed {options.seed}"


class Lines:
    """Prints the plan, then moves the bar, or prints occasional lines about progress and waits where there is none."""

    def __init__(self, parallel: int, bar: Bar) -> None:
        self._parallel = parallel
        self._bar = bar
        self._all = 0
        self._done = 0
        self._seconds: dict[str, float] = {}
        self._told = 0.0

    def planned(self, plan: Plan) -> None:
        """Print the plan, and the number of tasks for a complete run."""
        self._all = len(plan.running) + len(plan.left_out)
        self._seconds = {each.name: each.seconds for each in plan.running}
        self._bar.reached(0, self._all)
        self._bar.say(str(plan))
        for why, names in plan.reasons.items():
            self._bar.say(f"not run: {', '.join(names)}: {why}")
        if plan.missing_tasks:
            self._bar.say(f"with --max-tasks {plan.tasks + plan.missing_tasks} all checks that need tasks would run")

    def started(self, check: str) -> None:
        """Do nothing."""

    def waiting(self, seconds: float, what: str) -> None:
        """Print the purpose of a wait, if it is long or nothing was printed for some time."""
        now = monotonic()
        if seconds >= LONG and (seconds >= TOLD_EVERY or now - self._told >= TOLD_EVERY):
            self._told = now
            text = f"waiting {seconds:g} s for {what}, {self._left()}"
            if self._bar.is_drawn:
                self._bar.doing(text)
            else:
                self._bar.say(text)

    def done(self, check: str) -> None:
        """Count a check."""
        self._seconds.pop(check, None)
        self._done += 1
        self._bar.reached(self._done, self._all)
        self._bar.doing(check)
        if self._bar.is_drawn:
            return
        if self._done % SHOWN_EVERY == 0 or self._done == self._all:
            self._bar.say(f"{self._done} of {counted(self._all, 'check')} done")

    def _left(self) -> str:
        left = sum(self._seconds.values()) / self._parallel
        return f"about {ceil(left / 60)} min to go" if left > 90 else f"about {max(left, 1):.0f} s to go"
