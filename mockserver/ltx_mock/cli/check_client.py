"""`ltx-mock check-client`: try a program that uses the API in every case that it may meet."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isnan
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from ltx_mock.cli import CANNOT_RUN, CLEAN, FINDINGS, names
from ltx_mock.cli.options import Number, RenamedOption
from ltx_mock.cli.output import note, print_json, print_table, table_text
from ltx_mock.cli.outputs import FormerJson, Outputs, output_options
from ltx_mock.cli.progress import Bar, progress
from ltx_mock.cli.report import github_option, json_text, seed_option, show, tell_github
from ltx_mock.cli.tables import Cell, Column
from ltx_mock.errors import LtxMockError
from ltx_mock_contracts.reporting import escape_workflow_commands
from ltx_mock_contracts.reporting.text import counted

if TYPE_CHECKING:
    from ltx_mock.client_checks.outcome import CaseRun, Results
    from ltx_mock.client_checks.runner import CheckResult
    from ltx_mock.client_checks.timing import Timing

AUTO = "auto"
MARKS = {"kept": Cell("ok", "green"), "broken": Cell("BAD", "red"), "observed": Cell("obs", "yellow")}
JOBS_OF_A_SLEEPER = 4
"""The number of clients per core that mostly wait."""


@click.command("check-client", cls=FormerJson, context_settings={"ignore_unknown_options": False})
@click.option(
    "--case",
    "cases",
    multiple=True,
    metavar="NAME",
    shell_complete=names.cases,
    help="Only this case (may be repeated).",
)
@click.option("--list", "listing", is_flag=True, help="List the cases.")
@click.option("--timeout", type=Number(0.1, 86_400), metavar="S", help="End the client after S real seconds.")
@click.option(
    "--http-timeout",
    type=Number(0.1, 3600),
    default=5.0,
    show_default=True,
    metavar="S",
    help="Send no response for S real seconds, then close the connection. Give more to test your client's own timeout.",
)
@click.option(
    "--result",
    "results",
    type=click.Choice(["url", "download", "either"]),
    default="either",
    show_default=True,
    help="What the client does with a result: print its URL, download it, or either.",
)
@click.option(
    "--parallel",
    "-n",
    cls=RenamedOption,
    former=["--jobs"],
    type=click.IntRange(1, 64),
    metavar="N",
    help="Run N cases in parallel.",
)
@click.option(
    "--scale",
    type=Number(1, 1000),
    metavar="N",
    help="The client divides its waits by N ({scale}, APIXO_TIME_SCALE), and the fake's clock runs N times as fast.",
)
@click.option("--real", is_flag=True, help="Real time; the same as --scale 1.")
@click.option(
    "--env",
    "variables",
    multiple=True,
    metavar="NAME=TEMPLATE",
    help="Set this environment variable too (may be repeated).",
)
@click.option(
    "--callback",
    is_flag=False,
    flag_value=AUTO,
    metavar="[URL]",
    help="Run the callback cases too. The client listens at {callback_url}: URL, or a free port of this machine.",
)
@click.option(
    "--callback-secret",
    envvar="LTX_MOCK_CALLBACK_SECRET",
    metavar="whsec_…",
    help="Sign callbacks with this secret (also {callback_secret}), and run the cases with forged ones.",
)
@seed_option
@output_options(
    {"json": "JSON", "junit": "JUnit XML"},
    {"--json-file": "json", "--junitxml": "junit"},
    json_help="Print JSON; ltx-mock schema client-report describes it.",
)
@github_option
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def check_client(
    ctx: click.Context,
    /,
    *,
    cases: Sequence[str],
    listing: bool,
    timeout: float | None,
    http_timeout: float,
    results: Results,
    parallel: int | None,
    scale: float | None,
    real: bool,
    variables: Sequence[str],
    callback: str | None,
    callback_secret: str | None,
    seed: int,
    outputs: Outputs,
    github: bool,
    command: Sequence[str],
) -> None:
    """Run COMMAND against a fresh fake in each case, and judge it.

    COMMAND should make one video: exit with 0 when it has the video, with another code when there is none. A client has
    the video if it downloads it or prints its URL. It finds the fake in APIXO_BASE_URL and APIXO_API_KEY. In its
    arguments, and in --env, {url}, {base_url}, {api_key}, {callback_url}, {callback_secret} and {scale} are replaced by
    values. Put -- before it.

    Exit code: 0 no rule is broken, 1 some rules are broken, 2 the command cannot be run.
    """
    from ltx_mock.client_checks.cases import select_cases  # noqa: PLC0415 - help does without
    from ltx_mock.client_checks.programs import Program  # noqa: PLC0415
    from ltx_mock.client_checks.runner import check_cases  # noqa: PLC0415
    from ltx_mock.client_checks.time_limits import TimeLimits  # noqa: PLC0415
    from ltx_mock.client_checks.timing import Timing  # noqa: PLC0415
    from ltx_mock.core.signatures import signing_secret  # noqa: PLC0415

    if listing:
        _list(as_json=outputs.has("json"))
        return
    if not command:
        raise click.UsageError("give the command to run, as in: ltx-mock check-client -- node client.mjs", ctx)
    if real and scale is not None:
        raise click.UsageError("--real and --scale do not go together", ctx)
    timing = Timing(1.0 if real else scale)
    url = AUTO if callback == AUTO else _receiver(callback)
    secret = callback_secret and signing_secret("--callback-secret", callback_secret)
    chosen = [
        case
        for case in select_cases(tuple(cases))
        if cases or ((url or not case.callback) and (secret or not case.forged))
    ]
    limits = TimeLimits.of(timing, _seconds(timeout), http_timeout)
    program = Program(command, timing, limits=limits, env=_variables(variables), callback=url)
    if any(case.callback for case in chosen) and url is None:
        raise click.UsageError("callback cases need --callback", ctx)
    if any(case.forged for case in chosen) and not secret:
        raise click.UsageError("cases of forged callbacks need --callback-secret", ctx)
    outputs.check(github=github)
    note(f"{counted(len(chosen), 'case')}, {timing}")
    with _sigterm_as_ctrl_c(), progress("running the client", total=len(chosen)) as bar:
        found = check_cases(
            chosen,
            timing,
            program,
            seed=seed,
            results=results,
            callback=url,
            callback_secret=secret,
            http_timeout=http_timeout,
            jobs=_jobs(parallel, timing, callback),
            on_case=_Progress({case.name for case in chosen}, bar),
        )
    _write(found, _again(ctx, command, variables, callback), outputs, github=github)
    ctx.exit(FINDINGS if not found.report.ok else CANNOT_RUN if found.hint else CLEAN)


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Turn SIGTERM into Ctrl-C, so that a CI that ends us also ends the client."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _list(*, as_json: bool) -> None:
    from ltx_mock.client_checks.cases import CASES  # noqa: PLC0415

    if as_json:
        print_json([{"name": each.name, "rules": list(each.rules), "about": each.about} for each in CASES])
        return
    rows = [(each.name, " ".join(each.rules), each.about) for each in CASES]
    print_table("Case", Column("Rules", 11), Column("What happens", 24), rows=rows)


def _seconds(timeout: float | None) -> float | None:
    if timeout is not None and isnan(timeout):
        raise LtxMockError("--timeout must be a number of seconds")
    return timeout


def _jobs(jobs: int | None, timing: Timing, callback: str | None) -> int:
    """Return how many cases to run in parallel; one if all have the same callback URL.

    There is one more than cores, since some wait for a response that does not come.
    """
    if callback not in {None, AUTO}:
        return 1
    cores = max(2, os.cpu_count() or 1)
    return jobs or (cores + 1 if timing.scale is None else cores * JOBS_OF_A_SLEEPER)


def _variables(given: Sequence[str]) -> dict[str, str]:
    for each in given:
        if "=" not in each or each.startswith("="):
            raise LtxMockError(f"--env must look like NAME=VALUE, not {each!r}")
    return dict(each.split("=", 1) for each in given)


class _Progress:
    """Prints the end of the client in each run of a case, and the number of runs."""

    def __init__(self, cases: set[str], bar: Bar) -> None:
        self._cases = cases
        self._left = set(cases)
        self._bar = bar
        self._played = 0
        self._saying = Lock()

    def __call__(self, run: CaseRun) -> None:
        with self._saying:
            self._played += 1
            total = max(self._played, len(self._cases))
            name = run.case.name
            why = "" if name in self._left else ", again, alone" if name in self._cases else ", to compare"
            self._left.discard(name)
            self._bar.say(f"{self._played}/{total} {name}{why}: the client {run.client.description}")
            self._bar.reached(self._played, total)


def _receiver(url: str | None) -> str | None:
    """Return the URL of a receiver.

    Raises:
        LtxMockError: It is invalid.
    """
    if url is None:
        return None
    try:
        at = urlsplit(url)
        good = at.scheme in {"http", "https"} and at.hostname and (at.port is None or at.port)
    except ValueError:
        good = False
    if not good:
        raise LtxMockError(f"--callback must be an http or https URL, not {url!r}; put -- before the command")
    return url


def _again(ctx: click.Context, command: Sequence[str], variables: Sequence[str], callback: str | None) -> str:
    """Return the options and the command for another run, without values of `--env`, which may be secrets."""
    from shlex import join, quote  # noqa: PLC0415

    told = {name: ctx.params[name] for name in ("timeout", "scale", "http_timeout", "seed") if _was_given(ctx, name)}
    given = [f"--{name.replace('_', '-')} {value:g}" for name, value in told.items()]
    given += ["--real"] if ctx.params["real"] else []
    given += [f"--result {ctx.params['results']}"] if _was_given(ctx, "results") else []
    pairs = (each.split("=", 1) for each in variables)
    given += [f"--env {quote(f'{name}={value}' if '{' in value else f'{name}=…')}" for name, value in pairs]
    by_flag = ctx.get_parameter_source("callback_secret") is click.core.ParameterSource.COMMANDLINE
    given += ["--callback-secret …"] if by_flag else []
    given += ["--callback" if callback == AUTO else f"--callback {quote(callback)}"] if callback else []
    return " ".join([*given, "--", join(command)])


def _was_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT


def _write(found: CheckResult, again: str, outputs: Outputs, *, github: bool) -> None:
    """Write the report in every requested format."""
    from ltx_mock.client_checks.report import junit  # noqa: PLC0415 - help does without

    if not outputs.on_stdout:
        _tell(found, again)
    outputs.write({"json": lambda: json_text(found.as_dict()), "junit": lambda: junit(found, again)})
    if github:
        tell_github(found.report, on_stderr=outputs.on_stdout)
    if found.hint is not None:
        note(found.hint)


def _tell(found: CheckResult, again: str) -> None:
    from ltx_mock.client_checks.report import command_of, output_of  # noqa: PLC0415
    from ltx_mock.control.from_json import amounts_text  # noqa: PLC0415

    show(found.report)
    click.echo(f"\n{_table(found)}\n{amounts_text(found.spent)}")
    for played in found.cases:
        if not played.report.ok:
            case = played.run.case
            told = f"\n{case.name}: {case.about}\n  again: {command_of(played, again)}\n{output_of(played)}"
            click.echo(escape_workflow_commands(told), nl=False)


def _table(found: CheckResult) -> str:
    """Return a row for each case: the seconds, and the outcome of each rule for clients."""
    from ltx_mock.client_checks.runner import RULES_OF_CLIENTS  # noqa: PLC0415

    first, *others = RULES_OF_CLIENTS
    numbers = (first, *(rule.partition("-")[2] for rule in others))
    rows = [
        (
            played.run.case.name,
            f"{played.run.client.seconds:.1f}",
            *(MARKS.get(played.report.of(rule).outcome, "") for rule in RULES_OF_CLIENTS),
        )
        for played in found.cases
    ]
    return table_text("Case", Column("s", right=True), *numbers, rows=rows)
