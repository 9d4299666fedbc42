"""`ltx-mock settings | reset`: the settings of a running server, and its reset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ltx_mock.cli.output import print_json, say
from ltx_mock.cli.remote import JSON, on_server

if TYPE_CHECKING:
    from ltx_mock_contracts.control_client import ControlClient


@click.command()
@on_server
@JSON
def settings(remote: ControlClient, *, as_json: bool) -> None:  # noqa: ARG001 - it prints JSON in any case
    """Print the current settings as JSON."""
    print_json(remote.get("/settings"))


@click.command()
@on_server
def reset(remote: ControlClient) -> None:
    """Delete tasks, journal and scenarios; restart the clock."""
    remote.post("/reset")
    say("reset", err=True)
