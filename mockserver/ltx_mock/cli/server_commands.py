"""The commands that talk to a running server: `clock`, `tasks`, `requests`, `callbacks`, `settings`, `reset`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from ltx_mock.cli.numbers import Number
from ltx_mock.cli.output import print_exported, print_json, say
from ltx_mock.cli.task_history import story_lines
from ltx_mock.core.clock import moment_of, time_of_day
from ltx_mock.errors import LtxMockError
from ltx_mock_contracts.api import ENDED, STATES
from ltx_mock_contracts.io.server_url import server_root
from ltx_mock_contracts.model import MODEL

if TYPE_CHECKING:
    from ltx_mock_contracts.control_client import ControlClient

ALL = 10**9
DEFAULT_URL = "http://127.0.0.1:8219"
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def escaped(argument: str) -> str:
    """Percent-encode an argument for a path; it may contain raw bytes that the locale cannot decode."""
    return quote(argument, safe="", errors="surrogateescape")


def on_server(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for the server, and pass a client of its control plane to the command.

    Other programs than ltx-mock get no requests.
    """

    @functools.wraps(command)
    def wrapped(*, url: str, admin_token: str | None, key: str | None, tenant: str | None, **rest: Any) -> None:
        from ltx_mock_contracts.control_client import (  # noqa: PLC0415 - help does without
            ControlClient,
            ControlError,
            HttpTransport,
            NotLtxMockError,
        )
        from ltx_mock_contracts.io.http_client import NoReplyError  # noqa: PLC0415

        try:
            root = server_root(url)
        except ValueError as error:
            raise LtxMockError(f"--url {error}") from None
        picked = {name: value for name, value in (("key", key), ("tenant", tenant)) if value is not None}
        try:
            command(ControlClient(HttpTransport(root, admin_token), root, picked, greet_first=True), **rest)
        except NoReplyError as error:
            hint = "start it with: ltx-mock serve; or give its address with --url"
            raise LtxMockError(f"no ltx-mock at {root}/__admin ({error}); {hint}") from error
        except NotLtxMockError as error:
            raise LtxMockError(f"{error}; give the server's address with --url") from error
        except ControlError as error:
            raise LtxMockError(error.reason) from error
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise LtxMockError(f"this ltx-mock cannot read the response of {url} ({reason})") from error

    for option in (
        click.option("--key", help="Only the tenant with this API key. By default all."),
        click.option("--tenant", help="Only the tenant with this id, such as t1.", metavar="ID"),
        click.option("--admin-token", envvar="LTX_MOCK_ADMIN_TOKEN", help="The server's --admin-token, if it has one."),
        click.option(
            "--url", envvar="LTX_MOCK_URL", default=DEFAULT_URL, show_default=True, help="The running server."
        ),
    ):
        option(wrapped)
    return wrapped


@click.group(invoke_without_command=True)
@on_server
@JSON
@click.pass_context
def clock(ctx: click.Context, remote: ControlClient, *, as_json: bool) -> None:
    """Show the server's clock, advance it, or change its mode."""
    if ctx.invoked_subcommand is None:
        _print_clock(remote.get("/clock"), as_json=as_json)
    else:
        _options_belong_behind(ctx)


def _options_belong_behind(ctx: click.Context) -> None:
    """Refuse options of a group before its command, where they have no effect."""
    given = [name for name in ctx.params if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE]
    if given:
        ctx.fail(f"put --{given[0].removeprefix('as_').replace('_', '-')} after {ctx.invoked_subcommand}")


@clock.command()
@on_server
@JSON
def show(remote: ControlClient, *, as_json: bool) -> None:
    """Show the time and the mode."""
    _print_clock(remote.get("/clock"), as_json=as_json)


@clock.command("set")
@on_server
@click.argument("mode", required=False, type=click.Choice(["real", "scaled", "manual", "auto"]))
@click.option("--speed", type=Number(min=0), help="Factor by which the clock runs faster than real time.")
@JSON
def set_(remote: ControlClient, mode: str | None, speed: float | None, *, as_json: bool) -> None:
    """Change the mode or the speed of the clock."""
    body = {name: value for name, value in (("mode", mode), ("speed", speed)) if value is not None}
    _print_clock(remote.post("/clock", body), as_json=as_json)


@clock.command(context_settings={"ignore_unknown_options": True})  # so that -5 is reported as an invalid number
@on_server
@click.argument("seconds", type=Number(min=0))
@JSON
def advance(remote: ControlClient, seconds: float, *, as_json: bool) -> None:
    """Advance the clock by SECONDS and print the events."""
    told = remote.post("/clock/advance", {"seconds": seconds})
    if as_json:
        print_json(told)
        return
    for event in told["fired"]:
        what = event.get("state") or f"callback, {event.get('error') or 'HTTP ' + str(event.get('status'))}"
        say(f"{time_of_day(event['at'])}  {event['taskId']}  {what}")
    say(f"{time_of_day(told['now'])}  now", err=True)


@click.command()
@on_server
@click.argument("task_id", required=False)
@click.option("--state", type=click.Choice(STATES), help="Only tasks in this state.")
@click.option("--finish", type=click.Choice(ENDED), help="Finish the task TASK_ID now, in this state.")
@click.option("--fail-code", help=f"The fail code for --finish failed. [default: {MODEL.fail_code_of('prompt')}]")
@JSON
def tasks(
    remote: ControlClient,
    task_id: str | None,
    state: str | None,
    finish: str | None,
    fail_code: str | None,
    *,
    as_json: bool,
) -> None:
    """List the tasks, or show the history of a task, or finish it."""
    if task_id is None and (finish or fail_code):
        raise click.UsageError("--finish and --fail-code need a TASK_ID")
    if task_id:
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
        return
    listed = remote.get("/tasks", **({"state": state} if state else {}))
    if as_json:
        print_json(listed)
        return
    whose = Whose(listed["tasks"])
    for task in listed["tasks"]:
        ahead = _ahead(task) if task["nextTransition"] else task["cause"] or ""
        say(f"{time_of_day(task['createTime'])}  {task['id']}  {task['state']:<10}  {ahead}{whose(task)}".rstrip())
    say(f"{len(listed['tasks'])} tasks", err=True)


def _ahead(task: dict[str, Any]) -> str:
    """Return the last state of an unfinished task and its time; a stuck task reaches it when processing starts."""
    stuck = task["endState"] == "processing"
    return f"{task['endState']} at {time_of_day(task['nextTransition' if stuck else 'endTime'])}"


@click.command()
@on_server
@click.option(
    "--limit", type=click.IntRange(0, ALL), help="The number of entries, newest first. [default: 50, all with --format]"
)
@click.option("--operation", help="Only generateTask, statusTask, callback, or other.")
@click.option("--task", help="Only entries about this task.", metavar="TASK_ID")
@click.option("--status", help="Only with this HTTP status, such as 404 or 4xx, or none for no response.")
@click.option("--finding", help="Only with a finding of this rule, or any rule: any.", metavar="RULE")
@click.option(
    "--format",
    "form",
    type=click.Choice(["ndjson", "har"]),
    help="Export the entries, for check-trace and other tools.",
)
@JSON
def requests(
    remote: ControlClient, limit: int | None, form: str | None, *, as_json: bool, **filters: str | None
) -> None:
    """List the newest requests, responses and callbacks.

    --format exports them in a format that check-trace and other tools read.
    """
    given = {name: value for name, value in filters.items() if value is not None}
    if form:
        cut = str(ALL if limit is None else limit)
        print_exported(remote.text("/requests", format=form, limit=cut, **given))
        return
    listed = remote.get("/requests", limit=str(50 if limit is None else limit), **given)
    if as_json:
        print_json(listed)
        return
    whose = Whose(listed["requests"])
    for entry in listed["requests"]:
        answer = entry["answer"]
        about = entry["taskId"] or (answer.get("message", "") if isinstance(answer, dict) else answer or "")
        at, asked = time_of_day(entry["at"]), f"{entry['method']:<4} {entry['operation']:<12} {entry['status']}"
        say(f"{entry['number']:>4}  {at}  {asked}  {about}{whose(entry)}")
        for finding in entry["findings"]:
            say(f"{'':>16}! {finding['message']} ({finding['rule']})")


@click.group(invoke_without_command=True)
@on_server
@JSON
@click.pass_context
def callbacks(ctx: click.Context, remote: ControlClient, *, as_json: bool) -> None:
    """List the callbacks: delivered, scheduled, failed, withheld.

    The commands redeliver a callback, allow more hosts, or rewrite URLs.
    """
    if ctx.invoked_subcommand is None:
        _list_callbacks(remote, as_json=as_json)
    else:
        _options_belong_behind(ctx)


@callbacks.command()
@on_server
@click.argument("callback_id", metavar="ID")
@JSON
def redeliver(remote: ControlClient, callback_id: str, *, as_json: bool) -> None:
    """Send the callback ID, or the callback of the task ID, again."""
    delivery = remote.post(f"/callbacks/{escaped(callback_id)}/redeliver")
    if as_json:
        print_json(delivery)
        return
    say(_callback_line(delivery))


@callbacks.command()
@on_server
@click.argument("host")
@click.option("--remove", is_flag=True, help="No longer send callbacks to HOST.")
def allow(remote: ControlClient, host: str, *, remove: bool) -> None:
    """Send callbacks to HOST too, as with serve --allow-callback-host."""
    told = remote.call("DELETE" if remove else "POST", "/settings", {"allow_callback_host": [host]})
    say(f"callback hosts: {', '.join(['this machine', *told['allow_callback_host']])}", err=True)


@callbacks.command()
@on_server
@click.argument("rewrite", metavar="FROM=TO")
@click.option("--remove", is_flag=True, help="Remove the rewrite of FROM; =TO is not needed.")
def rewrite(remote: ControlClient, rewrite: str, *, remove: bool) -> None:
    """Send callbacks for one URL prefix to another, as with serve --callback-rewrite."""
    rewrite = rewrite.partition("=")[0] if remove else rewrite
    told = remote.call("DELETE" if remove else "POST", "/settings", {"callback_rewrite": [rewrite]})
    for source, target in told["callback_rewrite"].items():
        say(f"{source} goes to {target}", err=True)


def _list_callbacks(remote: ControlClient, *, as_json: bool) -> None:
    listed = remote.get("/callbacks")
    if as_json:
        print_json(listed)
        return
    whose = Whose(listed["callbacks"])
    for delivery in listed["callbacks"]:
        say(_callback_line(delivery) + whose(delivery))


def _callback_line(delivery: dict[str, Any]) -> str:
    due = f"at {time_of_day(delivery['due'])}" if delivery["due"] else delivery["reason"] or ""
    made = len(delivery["attempts"])
    return f"{delivery['taskId']}  {delivery['state']:<9} attempts: {made}  {delivery['url']}  {due}".rstrip()


@click.command()
@on_server
def settings(remote: ControlClient) -> None:
    """Print the current settings as JSON."""
    print_json(remote.get("/settings"))


@click.command()
@on_server
def reset(remote: ControlClient) -> None:
    """Delete tasks, journal and scenarios; restart the clock."""
    remote.post("/reset")
    say("reset", err=True)


class Whose:
    """Appends the tenant to a line, in lists with lines of several tenants."""

    def __init__(self, listed: list[dict[str, Any]]) -> None:
        self._several = len({each["tenant"] for each in listed}) > 1

    def __call__(self, each: dict[str, Any]) -> str:
        """Return the suffix with its separator."""
        return f"  {named(each)}" if self._several else ""


def named(each: dict[str, Any]) -> str:
    """Return the name of a tenant for people: the label of its key, and its id."""
    return f"{each['key']} ({each['tenant']})"


def _print_clock(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(told)
    else:
        pace = f"{told['speed']:g} times" if told["mode"] == "scaled" else told["mode"]
        moment = moment_of(told["now"]).isoformat(timespec="milliseconds")
        say(f"{moment}  {pace}")
