"""What the pytest plugin does once a fixture is used: worlds as markers say, troubles told, report sections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from ltx_mock.draw import digest
from ltx_mock.errors import LtxMockError, SettingsError, suggestion
from ltx_mock.settings import OF_THE_SERVER, setting_names

if TYPE_CHECKING:
    from ltx_mock.mock_server import MockServer
    from ltx_mock.remote_server import RemoteServer
    from ltx_mock.seen import Exchange
    from ltx_mock.world import World

WORLDS = pytest.StashKey[list["World"]]()
NAMES = ("scenario", *(name for name in setting_names() if name not in {"scenario", *OF_THE_SERVER}))
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def marked(item: pytest.Item) -> dict[str, Any]:
    """Return what the markers `ltx` of a test say; of two that say the same the closest counts.

    An unknown name fails the test.
    """
    values: dict[str, Any] = {}
    for mark in item.iter_markers("ltx"):
        if mark.args:
            pytest.fail(f"@pytest.mark.ltx takes names, as in credits=10, not {mark.args[0]!r}", pytrace=False)
        for name in mark.kwargs:
            if name not in NAMES:
                problem = f"@pytest.mark.ltx has no {name!r}{suggestion(name, NAMES)}; it has {', '.join(NAMES)}"
                pytest.fail(problem, pytrace=False)
        values = {**mark.kwargs, **values}
    return values


def use(item: pytest.Item, server: MockServer | RemoteServer) -> Iterator[World]:
    """Give a test its world, and tell afterwards what went wrong in the fake."""
    settings = {"clock": "manual", "seed": item.config.option.ltx_seed} | marked(item)
    world = _open(item, server, settings)
    watch(item, world)
    before = len(server.troubles)
    yield world
    troubles = server.troubles[before:] + _troubles(world, strict=bool(settings.get("strict")))
    world.close()
    _tell(troubles)


def watch(item: pytest.Item, world: World) -> None:
    """Have the report of a test tell of this world too."""
    item.stash.setdefault(WORLDS, []).append(world)


def stop(servers: list[MockServer]) -> None:
    """Stop servers that a test has started, and tell what went wrong in them."""
    troubles = []
    for server in servers:
        try:
            troubles += server.troubles + _troubles(server, strict=False)
        except LtxMockError:
            continue  # the test has stopped it
        finally:
            server.stop()
    _tell(troubles)


def sections(item: pytest.Item, *, failed: bool) -> list[tuple[str, str]]:
    """Return the report sections of a test: all that happened if it failed, else only what was wrong with requests."""
    from ltx_mock.pytest_report import findings, story  # noqa: PLC0415 - most tests pass

    made = []
    for world in item.stash.get(WORLDS, []):
        try:
            text = story(world) if failed else findings(world.requests)
        except Exception as error:  # noqa: BLE001 - the test's own error must be told, whatever happens here
            text = f"no more is known of this world: {error}"
        if text:
            made.append((f"ltx-mock {world.url}", text))
    return made


def skip_unless_near(url: str | None) -> None:
    """Skip a test whose receiver on loopback the server could not reach."""
    if url and urlsplit(url).hostname not in LOOPBACK:
        pytest.skip(f"{url} cannot call back to this machine's loopback address")


def _open(item: pytest.Item, server: MockServer | RemoteServer, settings: Mapping[str, Any]) -> World:
    if reason := getattr(server, "why_not_ours", lambda: None)():
        pytest.skip(f"{server.url} has no worlds to open, which the fixture ltx_mock needs: {reason}")
    key = f"ltx-{digest(settings['seed'], item.nodeid).hex()}"
    try:
        world = server.tenant(key, **settings)
    except SettingsError as error:
        pytest.fail(f"@pytest.mark.ltx: {error}", pytrace=False)
    return world


def _troubles(world: World, *, strict: bool) -> list[str]:
    """Return what no test should have to look for: mistakes of the fake, and in strict mode each advisory."""
    from ltx_mock.answers import CRASH  # noqa: PLC0415

    told: list[str] = []
    for request in world.requests:
        if request.cause and request.cause.startswith(CRASH):
            told.append(f"request {request.number}, {request}: {request.cause}")
        told += _advisories(request) if strict else []
    return told


def _advisories(request: Exchange) -> list[str]:
    return [
        f"request {request.number}, {request}, in strict mode: {finding.message} ({finding.rule})"
        for finding in request.findings
        if finding.severity == "advisory"
    ]


def _tell(troubles: list[str]) -> None:
    if troubles:
        pytest.fail("\n".join(["ltx-mock:", *troubles]), pytrace=False)
