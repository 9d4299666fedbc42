"""`ltx-mock serve`."""

from __future__ import annotations

import asyncio
import json
import secrets
import shlex
import sys
import threading
from collections.abc import Callable
from dataclasses import Field, fields
from errno import EADDRINUSE
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, Any

import click

from ltx_mock.cli import names
from ltx_mock.cli.config_file import PREFIX, ConfigurableCommand
from ltx_mock.cli.options import check_companions, together
from ltx_mock.cli.output import coloured, note
from ltx_mock.cli.ready_file import check_ready_file, remove_ready_file, write_ready_file
from ltx_mock.cli.record_mode import RecordMode, record_mode_options
from ltx_mock.cli.running import end_at_sigterm, run_server, run_workers
from ltx_mock.cli.streams import occupy_standard_streams
from ltx_mock.core.hosts import is_loopback
from ltx_mock.core.setting_readers import MEMORY
from ltx_mock.core.settings import FORMER_NAMES, Settings
from ltx_mock.core.timings import with_timings
from ltx_mock.engine.recordings import RecordingFolders
from ltx_mock.errors import LtxMockError
from ltx_mock.scenarios.files import load_scenarios
from ltx_mock.server.app import new_engine
from ltx_mock.server.http import listen, url_of
from ltx_mock.store.backends import wait_for_store
from ltx_mock.version import VERSION
from ltx_mock_contracts.api import BASE_PATH
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.reporting.text import counted

if TYPE_CHECKING:
    from ltx_mock.cli.console import LineFormat
    from ltx_mock.upstream.purse import Purse

MAX_WORKERS = 256
WAIT_SECONDS = 30.0
"""How long to wait for a store that cannot be reached yet."""
COMPANIONS = {"match_ignore": "recordings", "max_tasks": "upstream", "max_credits": "upstream"}
"""The options that do nothing without another one."""
OWN_KEY = "your own: tasks cost money"
"""The key that requests to the real API need."""
ASK_SECONDS = 1.0
"""How long what listens at a taken port may take to say whether it is an ltx-mock."""


def setting_option(item: Field[Any]) -> Callable[[Any], Any]:
    """Return the click option for a setting."""
    default = item.default_factory() if callable(item.default_factory) else item.default
    name, text = item.name.replace("_", "-"), str(item.metadata["help"]).replace("`", "")
    if isinstance(default, bool):
        return click.option(f"--{name}/--no-{name}", help=text, default=None)
    metavar = item.metadata.get("metavar") or ("N" if _type(item) in {int, float} else None)
    if isinstance(default, tuple | dict):
        return click.option(
            f"--{name}", help=text, multiple=True, metavar=metavar, default=None, shell_complete=_complete(item)
        )
    shown = "" if default is None else f" [default: {'random' if name == 'seed' else default}]"
    return click.option(
        f"--{name}", help=text + shown, type=_type(item), metavar=metavar, default=None, shell_complete=_complete(item)
    )


def _complete(item: Field[Any]) -> names.Complete | None:
    if item.name == "scenario":
        return names.scenarios
    return names.files if item.metadata.get("metavar") == "FILE" else None


def _type(item: Field[Any]) -> type | click.Choice[str]:
    if "choices" in item.metadata:
        return click.Choice(item.metadata["choices"])
    if item.name == "credits":
        return int
    return type(item.default) if isinstance(item.default, int | float) else str


def _options(command: Callable[..., None]) -> Callable[..., None]:
    settings = {item.name: item for item in fields(Settings)}
    for former, name in FORMER_NAMES.items():
        former_option = f"--{former.replace('_', '-')}"
        command = click.option(former_option, type=_type(settings[name]), hidden=True)(command)
    for item in reversed(settings.values()):
        command = setting_option(item)(command)
    return command


console_options = together(
    click.option("--quiet", "-q", is_flag=True, help="Print no line for each request."),
    click.option("--json", is_flag=True, help="Print each exchange as a line of JSON."),
    click.option(
        "--ready-file",
        metavar="FILE",
        type=click.Path(dir_okay=False),
        help='Write {"url", "pid"} to this file when the server is ready.',
    ),
)
"""What every server prints, and the file that it writes."""


@click.command(cls=ConfigurableCommand, context_settings={"auto_envvar_prefix": PREFIX})
@_options
@console_options
@click.option(
    "--workers",
    type=click.IntRange(1, MAX_WORKERS),
    default=1,
    metavar="N",
    help="Processes that share the work; they need a store that all of them reach. [default: 1]",
)
@record_mode_options
@click.option("--open", is_flag=True, help="Open the dashboard in the browser.")
@click.pass_context
def serve(ctx: click.Context, /, *, quiet: bool, ready_file: str | None, workers: int, **given: Any) -> None:
    """Run the fake API until Ctrl-C.

    You can also set each option in the environment (LTX_MOCK_PORT=8000), in ltx-mock.toml, or under
    [tool.ltx-mock] in pyproject.toml (port = 8000). A flag overrides the environment, and the environment the file.
    """
    end_at_sigterm()
    check_companions(ctx, COMPANIONS)
    as_json, in_browser = given.pop("json"), given.pop("open")
    mode = {name: given.pop(name) for name in ("upstream", "record_mode", "max_tasks", "max_credits")}
    values = {name: value for name, value in given.items() if value not in (None, ())}
    drawn = {} if "seed" in values else {"seed": secrets.randbelow(2**31)}
    scenarios = load_scenarios(values.get("scenario", ()))
    settings = Settings.from_mapping(with_timings(values | drawn | {"scenario": scenarios}))
    if ready_file:
        check_ready_file(Path(ready_file))
    check_workers(workers, settings)
    record_mode, settings = RecordMode.of(mode, settings, tell_spent)
    if record_mode is not None and workers > 1:
        raise LtxMockError("--record-mode needs one worker")
    occupy_standard_streams()
    settings = asyncio.run(wait_for_store(settings, WAIT_SECONDS, note, agree=bool(drawn)))
    recorded = None if settings.recordings is None else RecordingFolders().read(settings.recordings)
    replays = record_mode is None or record_mode.replays
    for problem in (*recorded.problems, *(recorded.endless if replays else ())) if recorded else ():
        note(f"{settings.recordings}: {problem}")
    new_token = new_admin_token(settings)
    settings = settings.replace(admin_token=new_token or settings.admin_token)
    sockets = listen_or_explain(settings)
    url = url_of(sockets[0])

    def ready() -> None:
        if ready_file:
            write_ready_file(Path(ready_file), url)
        count = len(recorded.recordings) if recorded else 0
        told = record_mode.line(count) if record_mode else recordings_line(settings, count)
        costs_money = record_mode is not None
        click.echo(banner(settings, url, workers, told, new_token, costs_money=costs_money), err=True)
        if in_browser:
            _show_in_browser(dashboard_url(url))

    # There is no stdout if it was closed before the start.
    lines = None if quiet or sys.stdout is None else line_format(as_json=as_json)
    try:
        if workers == 1:
            engine = new_engine(settings)
            endpoints = record_mode.endpoints(engine) if record_mode else None
            run_server(engine, sockets, lines, ready, endpoints=endpoints)
        else:
            run_workers(workers, settings, sockets, lines, ready)
    finally:
        if record_mode:
            record_mode.close()
        if ready_file:
            remove_ready_file(Path(ready_file))


def listen_or_explain(settings: Settings) -> list[socket]:
    """Return listening sockets as `listen` does.

    Raises:
        LtxMockError: An address is not available; the text says so if an ltx-mock listens there.
    """
    try:
        return listen(settings.host, settings.port)
    except LtxMockError as error:
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.errno != EADDRINUSE:
            raise
        local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - not to listen
        url = f"http://{f'[{local}]' if ':' in local else local}:{settings.port}"
        if not _is_ltx_mock(url):
            raise
        raise LtxMockError(
            f"cannot listen on {settings.host}:{settings.port}: an ltx-mock answers there already, "
            f"see {dashboard_url(url)}; try --port 0"
        ) from error


def _is_ltx_mock(url: str) -> bool:
    from ltx_mock.cli.remote import control_client  # noqa: PLC0415 - most ports are free
    from ltx_mock_contracts.control_client import ControlError, Timeouts  # noqa: PLC0415
    from ltx_mock_contracts.io.reply import NoReplyError  # noqa: PLC0415

    try:
        control_client(url, None, timeouts=Timeouts(greet=ASK_SECONDS)).greet()
    except (ControlError, NoReplyError, LtxMockError):
        return False
    return True


def line_format(*, as_json: bool) -> LineFormat:
    """Return the form of the lines for exchanges."""
    from ltx_mock.cli.console import LineFormat  # noqa: PLC0415 - a quiet server prints none

    return LineFormat(json=as_json, colour=coloured())


def tell_spent(purse: Purse) -> None:
    """Print what was spent so far."""
    note(f"{counted(purse.tasks, 'task')}, {purse.credits} credits so far")


def check_workers(count: int, settings: Settings) -> None:
    """Check that so many workers can serve these settings.

    Raises:
        LtxMockError: they cannot; the text says what to use.
    """
    if count > 1 and sys.platform == "win32":
        raise LtxMockError("--workers needs a system where processes inherit sockets; Windows is none, so leave it out")
    if count > 1 and settings.store == MEMORY:
        raise LtxMockError(
            f"--workers {count} needs a store that all workers share: --store sqlite:PATH or --store redis://HOST:PORT/N"
        )


def new_admin_token(settings: Settings) -> str | None:
    """Return a token for a control plane that the network can reach and that has none."""
    safe = settings.admin_token is not None or is_loopback(settings.host.lower())
    return None if safe else secrets.token_hex(12)


def banner(
    settings: Settings,
    url: str,
    workers: int = 1,
    recorded: str | None = None,
    new_token: str | None = None,
    *,
    costs_money: bool = False,
) -> str:
    """Return the message at start-up: the URL, and how to configure a client.

    Args:
        settings: All settings.
        url: The URL of the server.
        workers: The number of processes.
        recorded: The line about recordings; None for none.
        new_token: The admin token, if it was generated for this run.
        costs_money: Whether requests go to the real API.
    """
    clock = settings.new_clock()
    pace = f"{clock.speed:g} times faster" if clock.mode == "scaled" else f"{clock.mode} clock"
    crowd = f", {workers} workers" if workers > 1 else ""
    accepted = "as given with --api-key" if settings.api_key else "any"
    at = [] if url.endswith(f":{Settings.port}") else [f"LTX_MOCK_URL={url}"]
    at += [f"LTX_MOCK_ADMIN_TOKEN={new_token}"] if new_token else []
    lines = [
        f"ltx-mock {VERSION} answers at {url}  ({pace}, seed {settings.seed}{crowd})",
        "",
        f"  base URL      {url}/api/v1   (the host alone works too)",
        f"  API key       {OWN_KEY if costs_money else accepted}",
        f"  dashboard     {dashboard_url(url)}",
        *([token_line(new_token)] if new_token else ()),
        f"  sample files  {url}/files/",
        *([f"  other shells  export {' '.join(at)}   (for ltx-mock tasks, clock, …)"] if at else ()),
        *([recorded] if recorded else ()),
        *([f"  scenarios     {', '.join(each.name for each in settings.scenario)}"] if settings.scenario else ()),
        "",
        *(() if costs_money or settings.recordings_only else _example(settings, url)),
        "  Ctrl-C stops the server.",
    ]
    return "\n".join(lines)


def _example(settings: Settings, url: str) -> list[str]:
    """Return the lines with a first request."""
    key = "$KEY" if settings.api_key else "any-key"
    return [
        "  Try it:",
        f'    curl {url}{BASE_PATH}{MODEL.generate_path} -H "Authorization: Bearer {key}" \\',
        """      -H 'Content-Type: application/json' \\""",
        f"      -d {shlex.quote(json.dumps(MODEL.example()))}",
        "",
    ]


def recordings_line(settings: Settings, count: int) -> str | None:
    """Return the line of the message at start-up that tells how many recordings are replayed; None without any."""
    if settings.recordings is None:
        return None
    others = "any other request is refused" if settings.recordings_only else "the fake answers all others"
    return f"  recordings    {count} in {settings.recordings}; {others}"


def token_line(token: str) -> str:
    """Return the line of the message at start-up that tells a new admin token."""
    return f"  admin token   {token}   (the dashboard asks for it; new at each start without --admin-token)"


def dashboard_url(url: str) -> str:
    """Return the URL of a server's dashboard."""
    return f"{url}/__admin/"


def _show_in_browser(url: str) -> None:
    """Open a page in a thread, since some browsers return only when they are closed."""
    import webbrowser  # noqa: PLC0415 - nobody else should wait for it

    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
