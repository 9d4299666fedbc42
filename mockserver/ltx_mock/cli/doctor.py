"""`ltx-mock doctor`: what may keep a client from reaching the fake, with one line of advice for each trouble."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import click

from ltx_mock.cli import CLEAN, FINDINGS
from ltx_mock.cli.config_file import PREFIX, config_path, read_config, unknown_variables
from ltx_mock.cli.output import print_json, print_table, say
from ltx_mock.cli.remote import JSON, TOKEN, URL, control_client, root_of
from ltx_mock.cli.tables import Cell, Column, Row
from ltx_mock.core.hosts import is_loopback
from ltx_mock.errors import LtxMockError
from ltx_mock.version import VERSION
from ltx_mock_contracts.control_client import ControlError, NotLtxMockError, Timeouts
from ltx_mock_contracts.io.reply import NoReplyError
from ltx_mock_contracts.io.server_url import START_HINT, server_root

EXTRAS = {"test": "hypothesis", "redis": "redis", "mcp": "mcp"}
SECONDS = 2.0
CLIENT_VARIABLE = "APIXO_BASE_URL"
LOCAL = "127.0.0.1"


class Result(NamedTuple):
    """What was looked at.

    Attributes:
        name: What it is about, in a word.
        text: What was found.
        advice: What to do; None if all is well.
    """

    name: str
    text: str
    advice: str | None = None


class Environment(NamedTuple):
    """What the examination depends on.

    Attributes:
        url: The URL of the server.
        token: Its admin token.
        variables: The environment variables.
        folder: The folder of the config file.
    """

    url: str
    token: str | None
    variables: Mapping[str, str]
    folder: Path


@click.command()
@URL
@TOKEN
@JSON
@click.pass_context
def doctor(ctx: click.Context, url: str, admin_token: str | None, *, as_json: bool) -> None:
    """Find out why a client does not reach the fake.

    Looks at versions, the config file, the server, its port, localhost and proxy variables, and changes nothing.

    Exit code: 0 no trouble was found, 1 some was, each with a line of advice.
    """
    results = list(examine(Environment(root_of(url), admin_token, os.environ, Path())))
    troubles = sum(each.advice is not None for each in results)
    if as_json:
        print_json({"checks": [{**each._asdict(), "ok": each.advice is None} for each in results]})
    else:
        _print(results)
        say(f"{troubles or 'no'} trouble{'s' * (troubles > 1)} found", err=True)
    ctx.exit(FINDINGS if troubles else CLEAN)


def _print(results: list[Result]) -> None:
    rows = []
    for each in results:
        mark = Cell("ok", "green") if each.advice is None else Cell("!!", "red")
        rows.append(Row((mark, each.name, each.text), [Cell(f"→ {each.advice}", "yellow")] if each.advice else ()))
    print_table("", "What", Column("Found", 24), rows=rows)


def examine(given: Environment) -> Iterator[Result]:
    """Yield what was found, one after the other."""
    yield _versions()
    yield from _configuration(given)
    server = _server(given)
    yield server
    if urlsplit(given.url).hostname in {LOCAL, "localhost", "::1"}:
        yield from _localhost(given)
    yield _proxies(given)
    if (client := given.variables.get(CLIENT_VARIABLE)) is not None:
        yield _client(given, client)


def _versions() -> Result:
    python = ".".join(map(str, sys.version_info[:3]))
    extras = [name for name, module in EXTRAS.items() if find_spec(module)]
    text = f"ltx-mock {VERSION}, Python {python}, {sys.platform}; extras: {', '.join(extras) or 'none'}"
    return Result("versions", text)


def _configuration(given: Environment) -> Iterator[Result]:
    from ltx_mock.cli.proxy import proxy  # noqa: PLC0415 - slow to import
    from ltx_mock.cli.serve import serve  # noqa: PLC0415

    options = [str(each.name) for each in (*serve.params, *proxy.params)]
    path = config_path(given.folder)
    try:
        values = read_config(given.folder, options)
    except LtxMockError as error:
        yield Result("config file", str(error), "mend it, or serve in another folder")
    else:
        yield Result("config file", f"{path}: {', '.join(values) or 'no setting'}" if path else "none in this folder")
    for variable, hint in unknown_variables(given.variables, options):
        yield Result("variable", f"{variable} is not a setting{hint}", f"unset {variable}")
    settings = sorted(name for name in given.variables if name.startswith(f"{PREFIX}_"))
    if settings:
        yield Result("variables", ", ".join(settings))


def _server(given: Environment) -> Result:
    """Look at what answers at the URL, without a key, and without a token to another program."""
    client = control_client(given.url, given.token, timeouts=Timeouts(greet=SECONDS, read=SECONDS))
    try:
        told = client.get("/version")
        clock = client.get("/clock")
    except NotLtxMockError as error:
        return Result("server", str(error), "give the fake's address with --url, or serve on another port: --port 0")
    except NoReplyError as error:
        advice = f"{START_HINT}; or give its address with --url"
        return Result("server", f"nothing answers at {given.url} ({error})", advice)
    except ControlError as error:
        if error.status in {401, 403}:
            advice = "give it with --admin-token or LTX_MOCK_ADMIN_TOKEN"
            return Result("server", f"{given.url} wants an admin token", advice)
        return Result("server", str(error), "look at the output of ltx-mock serve")
    pace = f"clock {clock['mode']}" + (" (stopped: ltx-mock clock advance 60)" if clock["mode"] == "manual" else "")
    what = f"a proxy to {told['upstream']}: each new task costs money" if "upstream" in told else pace
    text = f"ltx-mock {told['version']} answers at {given.url}, {what}"
    if told["version"] == VERSION:
        return Result("server", text)
    return Result(
        "server", text, f"this command is {VERSION}: start the server anew, or use the command of its version"
    )


def _localhost(given: Environment) -> Iterator[Result]:
    """Look at the addresses of `localhost`, which clients may try in another order than the server listens."""
    port = urlsplit(given.url).port or 80
    use = f"use {LOCAL} instead of localhost in the client's base URL"
    try:
        found = socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)
    except OSError as error:
        yield Result("localhost", f"it has no address ({error.strerror})", use)
        return
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if LOCAL not in addresses:
        yield Result("localhost", f"it is {', '.join(addresses)} only, and the fake listens on {LOCAL}", use)
        return
    if "::1" in addresses and _another_program(f"http://[::1]:{port}"):
        yield Result(
            "localhost", f"it is {', '.join(addresses)}, and another program listens on port {port} of ::1", use
        )
        return
    yield Result("localhost", f"it is {', '.join(addresses)}")


def _another_program(url: str) -> bool:
    try:
        control_client(url, None, timeouts=Timeouts(greet=SECONDS)).greet()
    except NotLtxMockError:
        return True
    except NoReplyError as error:
        return not error.unreachable
    return False


def _proxies(given: Environment) -> Result:
    """Look at the proxy variables, which most clients obey also for this machine."""
    names = [name for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY") if given.variables.get(name)]
    if not names:
        return Result("proxy", "no proxy variable is set")
    host = urlsplit(given.url).hostname or ""
    spared = f"{given.variables.get('no_proxy', '')},{given.variables.get('NO_PROXY', '')}".replace(" ", "").split(",")
    exempt = "*" in spared or any(each and (host == each or host.endswith(f".{each.lstrip('.')}")) for each in spared)
    if exempt or not is_loopback(host):
        return Result("proxy", f"{', '.join(names)} is set" + (f", and not used for {host}" if exempt else ""))
    text = f"{', '.join(names)} is set: clients may ask the proxy for {host}"
    return Result("proxy", text, f"export NO_PROXY=localhost,{LOCAL},::1")


def _client(given: Environment, client: str) -> Result:
    try:
        same = server_root(client) == given.url
    except ValueError as error:
        return Result(CLIENT_VARIABLE, f"it {error}", f"export {CLIENT_VARIABLE}={given.url}/api/v1")
    if same:
        return Result(CLIENT_VARIABLE, f"clients that read it use {given.url}")
    text = f"clients that read it use {client}, not the fake"
    return Result(CLIENT_VARIABLE, text, f"export {CLIENT_VARIABLE}={given.url}/api/v1")
