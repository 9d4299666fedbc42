"""`ltx-mock proxy`: the real API behind the journal, the judge and the dashboard of the fake."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ltx_mock.cli.config_file import PREFIX
from ltx_mock.cli.options import together
from ltx_mock.cli.ready_file import check_ready_file, remove_ready_file, write_ready_file
from ltx_mock.cli.running import end_at_sigterm, run_server
from ltx_mock.cli.serve import (
    OWN_KEY,
    console_options,
    dashboard_url,
    line_format,
    listen_or_explain,
    new_admin_token,
    setting_option,
    tell_spent,
    token_line,
)
from ltx_mock.cli.streams import occupy_standard_streams
from ltx_mock.core.setting_readers import http_url
from ltx_mock.core.settings import Settings
from ltx_mock.engine.outbound import Sender
from ltx_mock.errors import LtxMockError
from ltx_mock.server.app import new_engine
from ltx_mock.server.http import url_of
from ltx_mock.version import VERSION
from ltx_mock_contracts.reporting.text import counted, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltx_mock.upstream.client import Upstream
    from ltx_mock.upstream.purse import Limits
    from ltx_mock.upstream.recorder import Recorder

SETTINGS = (
    *("host", "port", "admin_token", "price", "ca_file", "allow_callback_host"),
    *("journal_entries", "journal_bytes", "journal_memory"),
)
"""The settings of the fake that mean something for a proxy."""
_FIELDS = {item.name: item for item in fields(Settings)}

proxy_options = together(
    click.argument("url"),
    *(setting_option(_FIELDS[name]) for name in SETTINGS),
    click.option("--max-tasks", type=click.IntRange(min=0), metavar="N", help="Send no generateTask after N tasks."),
    click.option(
        "--max-credits",
        type=click.IntRange(min=0),
        metavar="N",
        help="Send no generateTask that would cost more than N credits in all, by --price.",
    ),
    click.option(
        "--callback-url",
        metavar="PUBLIC",
        help="Give the API this URL for callbacks, which leads to this proxy, and forward what comes to the app.",
    ),
    console_options,
)
"""The argument and the options of a proxy, for `run_proxy`."""


@click.command(context_settings={"auto_envvar_prefix": PREFIX})
@proxy_options
def proxy(**given: Any) -> None:
    """Forward requests to the API at URL, and judge each exchange.

    Requests and responses are not changed, and nothing is tried again. The journal, the dashboard and the exports are
    those of ltx-mock serve. Each option may be set in the environment too, as in LTX_MOCK_MAX_TASKS=3.
    """
    run_proxy(given)


def run_proxy(given: dict[str, Any], recorder_of: Callable[[Upstream], Recorder] | None = None) -> None:
    """Run a proxy until it is stopped.

    Args:
        given: The values of `proxy_options`.
        recorder_of: Makes the recorder; None records nothing.

    Raises:
        LtxMockError: A value cannot be used.
    """
    from ltx_mock.server.forwarding import forwarding  # noqa: PLC0415 - help does without
    from ltx_mock.upstream.callbacks import CallbackRelay  # noqa: PLC0415
    from ltx_mock.upstream.client import Upstream  # noqa: PLC0415
    from ltx_mock.upstream.purse import Limits, Purse  # noqa: PLC0415

    end_at_sigterm()
    limits = Limits(given.pop("max_tasks"), given.pop("max_credits"))
    url, as_json, quiet, callback_url = (given.pop(name) for name in ("url", "json", "quiet", "callback_url"))
    ready_file = given.pop("ready_file")
    settings = Settings.from_mapping({name: value for name, value in given.items() if value not in (None, ())})
    try:
        upstream = Upstream(url, settings.ca_file)
    except ValueError as error:
        raise LtxMockError(f"URL {error}") from None
    if ready_file:
        check_ready_file(Path(ready_file))
    occupy_standard_streams()
    new_token = new_admin_token(settings)
    settings = settings.replace(admin_token=new_token or settings.admin_token)
    engine, purse = new_engine(settings), Purse(limits, settings.price, tell_spent)
    public = None if callback_url is None else http_url("--callback-url", callback_url)
    recorder = recorder_of(upstream) if recorder_of else None
    relay = CallbackRelay(engine, Sender(settings.ca_file), public, recorder) if public else None
    endpoints = forwarding(engine, upstream, purse, relay, recorder)
    sockets = listen_or_explain(settings)
    own_url = url_of(sockets[0])

    def ready() -> None:
        if ready_file:
            write_ready_file(Path(ready_file), own_url)
        folder = recorder.folder if recorder else None
        click.echo(_banner(own_url, upstream.root, limits, folder, new_token), err=True)

    lines = None if quiet or sys.stdout is None else line_format(as_json=as_json)
    try:
        run_server(engine, sockets, lines, ready, endpoints=endpoints)
    finally:
        if recorder:
            recorder.close()
        if ready_file:
            remove_ready_file(Path(ready_file))


def _banner(url: str, upstream: str, limits: Limits, folder: Path | None, new_token: str | None) -> str:
    given = {"task": limits.tasks, "credit": limits.credits}
    most = [counted(number, noun) for noun, number in given.items() if number is not None]
    return "\n".join(
        [
            f"ltx-mock {VERSION} forwards to {upstream}{'' if folder is None else ', and records'}",
            "",
            f"  base URL      {url}/api/v1",
            f"  API key       {OWN_KEY}",
            *([f"  limits        at most {' and '.join(most)}"] if most else ()),
            *([] if folder is None else [f"  recordings    a file for each task in {printable(str(folder))}"]),
            f"  dashboard     {dashboard_url(url)}",
            *([token_line(new_token)] if new_token else ()),
            "",
            f"  Ctrl-C stops {'the proxy' if folder is None else 'the recording'}.",
        ]
    )
