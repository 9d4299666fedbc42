"""`ltx-mock serve`."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import secrets
import shlex
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import click

from ltx_mock.cli.config_file import PREFIX, ConfigurableCommand
from ltx_mock.cli.console import Console, Readable, json_line
from ltx_mock.cli.ready_file import check_ready_file, remove_ready_file, write_ready_file
from ltx_mock.core.settings import FORMER_NAMES, Settings
from ltx_mock.scenarios.files import load_scenarios
from ltx_mock.server.app import new_engine
from ltx_mock.server.http import HttpServer, listen, run, url_of
from ltx_mock.version import VERSION
from ltx_mock_contracts.api import BASE_PATH
from ltx_mock_contracts.model import MODEL

SIGNALS = (signal.SIGINT, signal.SIGTERM)
COLLECT_AFTER = (50_000, 50, 1000)


def _option(item: Field[Any]) -> Callable[[Any], Any]:
    """Return the click option for a setting."""
    default = item.default_factory() if callable(item.default_factory) else item.default
    name, text = item.name.replace("_", "-"), str(item.metadata["help"]).replace("`", "")
    if isinstance(default, bool):
        return click.option(f"--{name}/--no-{name}", help=text, default=None)
    metavar = item.metadata.get("metavar")
    if isinstance(default, tuple | dict):
        return click.option(f"--{name}", help=text, multiple=True, metavar=metavar, default=None)
    shown = "" if default is None else f" [default: {'random' if name == 'seed' else default}]"
    return click.option(f"--{name}", help=text + shown, type=_type(item), metavar=metavar, default=None)


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
        command = _option(item)(command)
    return command


@click.command(cls=ConfigurableCommand, context_settings={"auto_envvar_prefix": PREFIX})
@_options
@click.option("--quiet", "-q", is_flag=True, help="Print no line for each request.")
@click.option("--json", is_flag=True, help="Print each exchange as a line of JSON.")
@click.option(
    "--ready-file", type=click.Path(dir_okay=False), help='Write {"url", "pid"} to this file when the server is ready.'
)
@click.option("--open", is_flag=True, help="Open the dashboard in the browser.")
def serve(*, quiet: bool, ready_file: str | None, **given: Any) -> None:
    """Run the fake API until Ctrl-C.

    You can also set each option in the environment (LTX_MOCK_PORT=8000), in ltx-mock.toml, or under
    [tool.ltx-mock] in pyproject.toml (port = 8000). A flag overrides the environment, and the environment the file.
    """
    as_json, in_browser = given.pop("json"), given.pop("open")
    values = {name: value for name, value in given.items() if value not in (None, ())}
    values.setdefault("seed", secrets.randbelow(2**31))
    settings = Settings.from_mapping(values | {"scenario": load_scenarios(values.get("scenario", ()))})
    if ready_file:
        check_ready_file(Path(ready_file))
    sockets = listen(settings.host, settings.port)
    url = url_of(sockets[0])
    engine = new_engine(settings)
    heard = sys.stdout is not None  # None if it was closed before the start
    console = None if quiet or not heard else Console(sys.stdout, json_line if as_json else Readable(colour=_colour()))
    if console:
        engine.observers.add(console)

    def ready(server: HttpServer) -> None:
        _stop_on_signals(server)
        _tame_garbage_collector()
        if ready_file:
            write_ready_file(Path(ready_file), url)
        click.echo(banner(settings, url), err=True)
        if in_browser:
            _show_in_browser(dashboard_url(url))

    try:
        run(lambda: HttpServer(engine), sockets, ready)
    finally:
        _heed_no_more_signals()
        if console:
            console.close()
        if ready_file:
            remove_ready_file(Path(ready_file))


def banner(settings: Settings, url: str) -> str:
    """Return the message at start-up: the URL, and how to configure a client."""
    clock = settings.new_clock()
    pace = f"{clock.speed:g} times faster" if clock.mode == "scaled" else f"{clock.mode} clock"
    key = "$KEY" if settings.api_key else "any-key"
    lines = [
        f"ltx-mock {VERSION} answers at {url}  ({pace}, seed {settings.seed})",
        "",
        f"  base URL      {url}/api/v1   (the host alone works too)",
        f"  API key       {'as given with --api-key' if settings.api_key else 'any'}",
        f"  dashboard     {dashboard_url(url)}",
        f"  sample files  {url}/files/",
        "",
        "  Try it:",
        f'    curl {url}{BASE_PATH}{MODEL.generate_path} -H "Authorization: Bearer {key}" \\',
        """      -H 'Content-Type: application/json' \\""",
        f"      -d {shlex.quote(json.dumps(MODEL.example()))}",
        "",
        "  Ctrl-C stops the server.",
    ]
    if settings.scenario:
        lines.insert(6, f"  scenarios     {', '.join(scenario.name for scenario in settings.scenario)}")
    if not url.endswith(f":{Settings.port}"):
        lines.insert(6, f"  other shells  export LTX_MOCK_URL={url}   (for ltx-mock tasks, clock, …)")
    if settings.host not in {"127.0.0.1", "localhost", "::1"} and settings.admin_token is None:
        lines[4] = "  dashboard     closed on this address, like all of /__admin (--admin-token opens it)"
    return "\n".join(lines)


def dashboard_url(url: str) -> str:
    """Return the URL of a server's dashboard."""
    return f"{url}/__admin/"


def _show_in_browser(url: str) -> None:
    """Open a page in a thread, since some browsers return only when they are closed."""
    import webbrowser  # noqa: PLC0415 - nobody else should wait for it

    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def _stop_on_signals(server: HttpServer) -> None:
    loop = asyncio.get_running_loop()
    for name in SIGNALS:
        signal.signal(name, lambda *_: None if loop.is_closed() else loop.call_soon_threadsafe(server.stop))


def _heed_no_more_signals() -> None:
    """Ignore a second Ctrl-C, which would kill the process during shutdown."""
    for name in SIGNALS:
        signal.signal(name, signal.SIG_IGN)


def _tame_garbage_collector() -> None:
    """Tune the garbage collector, whose passes over a large table of tasks would cause pauses of 100 ms."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def _colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
