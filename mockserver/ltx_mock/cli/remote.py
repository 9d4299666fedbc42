"""What the commands for a running server have in common: their options, and the client that they get."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from ltx_mock.errors import LtxMockError
from ltx_mock_contracts.io.server_url import START_HINT, server_root
from ltx_mock_contracts.model import MODEL

if TYPE_CHECKING:
    from ltx_mock_contracts.control_client import ControlClient, Timeouts

ALL = 10**9
DEFAULT_URL = "http://127.0.0.1:8219"
URL = click.option(
    "--url", metavar="URL", envvar="LTX_MOCK_URL", default=DEFAULT_URL, show_default=True, help="The running server."
)
TOKEN = click.option(
    "--admin-token",
    metavar="TOKEN",
    envvar="LTX_MOCK_ADMIN_TOKEN",
    help="The server's --admin-token, if it has one.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
WATCH = click.option("--watch", "-w", "watching", is_flag=True, help="Go on with what comes, until Ctrl-C.")


def escaped(argument: str) -> str:
    """Percent-encode an argument for a path; it may contain raw bytes that the locale cannot decode."""
    return quote(argument, safe="", errors="surrogateescape")


def root_of(url: str) -> str:
    """Return the root of the server that `--url` names.

    Raises:
        LtxMockError: It is not the URL of a server.
    """
    try:
        return server_root(url)
    except ValueError as error:
        raise LtxMockError(f"--url {error}") from None


def control_client(
    url: str, token: str | None, key: str | None = None, tenant: str | None = None, timeouts: Timeouts | None = None
) -> ControlClient:
    """Return a client of a server's control plane, which sends nothing to another program.

    Raises:
        LtxMockError: It is not the URL of a server.
    """
    from ltx_mock_contracts.control_client import ControlClient, HttpTransport  # noqa: PLC0415 - help does without

    root = root_of(url)
    picked = {name: value for name, value in (("key", key), ("tenant", tenant)) if value is not None}
    return ControlClient(HttpTransport(root, token), root, picked, timeouts=timeouts, greet_first=True)


def on_server(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for the server, and pass a client of its control plane to the command.

    Other programs than ltx-mock get no requests.
    """

    @functools.wraps(command)
    def wrapped(*, url: str, admin_token: str | None, key: str | None, tenant: str | None, **rest: Any) -> None:
        from ltx_mock_contracts.control_client import ControlError, NotLtxMockError  # noqa: PLC0415 - help does without
        from ltx_mock_contracts.io.reply import NoReplyError  # noqa: PLC0415

        client = control_client(url, admin_token, key, tenant)
        try:
            command(client, **rest)
        except NoReplyError as error:
            hint = f"{START_HINT}; or give its address with --url"
            raise LtxMockError(f"no ltx-mock at {client.root}/__admin ({error}); {hint}") from error
        except NotLtxMockError as error:
            raise LtxMockError(f"{error}; give the server's address with --url") from error
        except ControlError as error:
            raise LtxMockError(error.reason) from error
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise LtxMockError(f"this ltx-mock cannot read the response of {url} ({reason})") from error

    for option in (
        click.option("--key", metavar="KEY", help="Only the tenant with this API key. By default all."),
        click.option("--tenant", help="Only the tenant with this id, such as t1.", metavar="ID"),
        TOKEN,
        URL,
    ):
        option(wrapped)
    return wrapped


def options_belong_behind(ctx: click.Context) -> None:
    """Refuse options of a group before its command, where they have no effect."""
    given = [name for name in ctx.params if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE]
    if given:
        ctx.fail(f"put --{given[0].removeprefix('as_').replace('_', '-')} after {ctx.invoked_subcommand}")


def named(each: dict[str, Any]) -> str:
    """Return the name of a tenant for people: the label of its key, and its id."""
    return f"{each['key']} ({each['tenant']})"


def asked(request: Any, *, ratio: bool = False) -> tuple[str, str]:
    """Return what a generateTask asks for, and its prompt, as far as its body is as it should be.

    Args:
        request: The body, decoded.
        ratio: Whether to tell the aspect ratio too.
    """
    sent = request.get("input") if isinstance(request, dict) else None
    if not isinstance(sent, dict):
        return "", ""
    given: dict[str, Any] = {"aspect_ratio": MODEL.aspect_ratio, **sent}
    names = ("mode", "resolution", "aspect_ratio") if ratio else ("mode", "resolution")
    words = [str(given[name]) for name in names if name in given]
    length = given.get("duration")
    words += [f"{length:g} s"] if isinstance(length, int | float) and not isinstance(length, bool) else []
    return " ".join(words), " ".join(str(given.get("prompt", "")).split())
