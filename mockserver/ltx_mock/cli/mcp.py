"""`ltx-mock mcp`: the fake for coding agents, on stdin and stdout."""

from __future__ import annotations

import os
from typing import Final

import click

from ltx_mock.cli.remote import TOKEN, root_of

INTERRUPTED: Final = 130


@click.command()
@click.option(
    "--url",
    metavar="URL",
    envvar="LTX_MOCK_URL",
    help="Attach to this running server. By default the first tool starts a fake.",
)
@TOKEN
@click.option("--key", metavar="KEY", help="Only the tenant with this API key. By default all.")
def mcp(*, url: str | None, admin_token: str | None, key: str | None) -> None:
    """Serve coding agents by the Model Context Protocol.

    It reads stdin and writes stdout. An agent starts this command itself; docs/agents.md has the configuration. The
    fake stops with it.
    """
    from ltx_mock.agents.fakes import Session  # noqa: PLC0415 - help does without
    from ltx_mock.agents.protocol import run  # noqa: PLC0415
    from ltx_mock.cli.running import on_signals  # noqa: PLC0415

    if url is None and (admin_token or key):
        raise click.UsageError("--admin-token and --key go with --url")
    session = Session()

    def leave() -> None:
        session.close()
        os._exit(INTERRUPTED)  # the thread that reads stdin would go on

    try:
        if url is not None:
            session.attach(root_of(url), key, admin_token)
        run(session, lambda: on_signals(leave))
    finally:
        session.close()
