"""The pytest plugin after the first use of a fixture: tenants with the settings of markers, errors, report sections."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeGuard
from urllib.parse import urlsplit

import pytest

from ltx_mock.core.cause import UNRECORDED
from ltx_mock.core.seeding import digest
from ltx_mock.core.settings import OF_THE_SERVER, setting_names, with_current_names
from ltx_mock.core.timings import Timings, load_timings
from ltx_mock.errors import ConflictError, LtxMockError, SettingsError
from ltx_mock.fields import listed, suggestion
from ltx_mock.testing.pytest_spending import add_notes, note_spending
from ltx_mock.testing.recordings import warn_of_recordings
from ltx_mock_contracts.control_client import ControlClient
from ltx_mock_contracts.reporting.redaction import hide_url_secrets

if TYPE_CHECKING:
    from ltx_mock.control.from_json import Exchange
    from ltx_mock.testing.mock_server import MockServer
    from ltx_mock.testing.remote_server import RemoteServer
    from ltx_mock.testing.tenant import World

Section = tuple[str, str]
"""Headline and text of a section in the report of a test."""

LAST_STORY = pytest.StashKey[list[Section]]()
"""The history of the last tenant that a test closed with an error."""
NAME = pytest.StashKey[str]()
NUMBERS = pytest.StashKey[set[int]]()
"""The numbers of the open tenants of a test."""
RUN = pytest.StashKey[str]()
"""A part of this process's keys that separates them from other runs on a shared server."""
UNKEYED = pytest.StashKey[tuple["MockServer | RemoteServer", int]]()
"""The server of a test, and the number of the last earlier request there without a valid key."""
WORLDS = pytest.StashKey[list["World"]]()
NAMES = ("scenario", "record_mode", *(name for name in setting_names() if name not in {"scenario", *OF_THE_SERVER}))
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def marked(item: pytest.Item) -> dict[str, Any]:
    """Return the settings of the markers `ltx` of a test; the closest marker wins.

    An unknown name fails the test.
    """
    values: dict[str, Any] = {}
    for mark in item.iter_markers("ltx"):
        if mark.args:
            pytest.fail(f"@pytest.mark.ltx takes names, as in credits=10, not {mark.args[0]!r}", pytrace=False)
        try:
            kwargs = with_current_names(mark.kwargs)
        except SettingsError as error:
            raise pytest.fail.Exception(f"@pytest.mark.ltx: {error}", pytrace=False) from None
        for name in kwargs:
            if name not in NAMES:
                problem = f"@pytest.mark.ltx has no {name!r}{suggestion(name, NAMES)}; it has {listed(NAMES)}"
                pytest.fail(problem, pytrace=False)
        values = {**kwargs, **values}
    return values


def use(item: pytest.Item, server: MockServer | RemoteServer) -> Iterator[World]:
    """Yield the tenant of a test, and report internal errors afterwards."""
    with opened(item, server, {}) as world:
        watch(item, world)
        yield world


@contextmanager
def opened(item: pytest.Item, server: MockServer | RemoteServer, given: Mapping[str, Any]) -> Iterator[World]:
    """Open a tenant for a part of a test, and report internal errors afterwards.

    Concurrent tenants of a test have numbers. A closed one releases its number, and so its key, so that each Hypothesis
    example gets the same tenant.
    """
    settings = {"clock": "manual", "seed": item.config.option.ltx_seed} | marked(item) | with_current_names(given)
    if isinstance(settings.get("timings"), str | os.PathLike):
        settings["timings"] = _timings(item, settings["timings"])
    numbers = item.stash.setdefault(NUMBERS, set())
    number = next(each for each in itertools.count() if each not in numbers)
    world = _recorded(item, settings) or _open(item, server, settings, number)
    numbers.add(number)
    before = len(server.internal_errors)
    item.stash.setdefault(UNKEYED, (server, _last_unkeyed(server)))
    has_requests = True
    try:
        yield world
    except Exception:
        item.stash[LAST_STORY] = [*_section(world, failed=True)]
        raise
    else:
        requests = world.requests
        has_requests = bool(requests)
        internal_errors = server.internal_errors[before:] + _internal_errors(world, requests)
    finally:
        numbers.discard(number)
        if has_requests:
            note_spending(item.config, world._admin)  # noqa: SLF001 - a module of the same house
        with suppress(LtxMockError):
            world.close()
    _tell(internal_errors)


def _recorded(item: pytest.Item, settings: dict[str, Any]) -> World | None:
    """Return a world before the real API for a test that records; else prepare the settings of one that replays.

    The folder of its recordings is relative to that of its file.
    """
    marked = settings.pop("record_mode", None)
    if settings.get("recordings") is None:
        return None
    from ltx_mock.testing.pytest_recording import (  # noqa: PLC0415 - most tests have no recordings
        how_to_record,
        mode_of,
        recording_server,
        records,
    )

    marked_folder = settings["recordings"]
    folder = item.path.parent / marked_folder
    settings["recordings"] = str(folder)
    try:
        mode = mode_of(item.config, marked)
        if records(item.config, mode, folder):
            return recording_server(item.config, mode, folder, settings)
        if mode is not None:
            settings.setdefault("recordings_only", True)
        add_notes(item.config, (f"{marked_folder}: {each}" for each in warn_of_recordings(folder).endless))
    except LtxMockError as error:
        problem = f"@pytest.mark.ltx: {error}"
        if not folder.exists() and getattr(error, "field", "") == "recordings":
            problem += f"; {how_to_record(item.config)}"
    else:
        return None
    pytest.fail(problem, pytrace=False)


def _timings(item: pytest.Item, file: str | os.PathLike[str]) -> Timings:
    """Return the content of a file of timings, which is relative to the folder of the test's file."""
    try:
        return load_timings(item.path.parent / file)
    except SettingsError as error:
        raise pytest.fail.Exception(f"@pytest.mark.ltx: {error}", pytrace=False) from None


def watch(item: pytest.Item, world: World) -> None:
    """Include a tenant in the report of a test."""
    item.stash.setdefault(WORLDS, []).append(world)


def stop(config: pytest.Config, servers: list[MockServer]) -> None:
    """Stop servers that a test has started, and report their internal errors."""
    internal_errors = []
    for server in servers:
        try:
            note_spending(config, ControlClient(server._transport, server.url))  # noqa: SLF001 - a module of the same house
            internal_errors += server.internal_errors + _internal_errors(server, server.requests)
        except LtxMockError:
            continue  # the test has already stopped it
        finally:
            server.stop()
    _tell(internal_errors)


def sections(item: pytest.Item, *, failed: bool) -> list[Section]:
    """Return the report sections of a test: the full history if it failed, else only the findings of requests."""
    lines = [section for world in item.stash.get(WORLDS, []) for section in _section(world, failed=failed)]
    return lines + ([*item.stash.get(LAST_STORY, []), *_unrecorded(item), *_unkeyed(item)] if failed else [])


def _unrecorded(item: pytest.Item) -> Iterator[Section]:
    """Yield how to record the requests of a test that have no recording, if it can be recorded."""
    with suppress(Exception):  # the test's own error must be told, whatever happens here
        requests = (each for world in item.stash.get(WORLDS, []) for each in world.requests)
        if any((each.cause or "").startswith(UNRECORDED) for each in requests) and "scenario" not in marked(item):
            yield "ltx-mock", "record what has no recording with --ltx-record-mode new_episodes"


def _unkeyed(item: pytest.Item) -> Iterator[Section]:
    """Yield the requests without a valid key during a test. On a shared server they may be from others."""
    from ltx_mock.testing.pytest_report import unkeyed  # noqa: PLC0415 - most tests pass

    server, before = item.stash.get(UNKEYED, (None, 0))
    with suppress(LtxMockError):
        requests = getattr(server, "unauthenticated_requests", [])
        if text := unkeyed([each for each in requests if each.number > before]):
            yield "ltx-mock", text


def _last_unkeyed(server: MockServer | RemoteServer) -> int:
    requests: list[Exchange] = getattr(server, "unauthenticated_requests", [])
    return requests[-1].number if requests else 0


def _section(world: World, *, failed: bool) -> Iterator[Section]:
    try:
        text = _history(world) if failed else _findings(world.requests)
    except Exception as error:  # noqa: BLE001 - the test's own error must be told, whatever happens here
        text = f"the tenant cannot be read: {error}"
    if text:
        yield f"ltx-mock {hide_url_secrets(world.url)}", text


def _history(world: World) -> str:
    from ltx_mock.testing.pytest_report import history  # noqa: PLC0415 - most tests pass

    return history(world)


def _findings(requests: list[Exchange]) -> str:
    if not any(each.findings for each in requests):
        return ""
    from ltx_mock.testing.pytest_report import findings  # noqa: PLC0415 - most tests have none

    return findings(requests)


def skip_unless_near(url: str | None) -> None:
    """Skip a test if the server cannot reach a receiver on loopback."""
    if url and urlsplit(url).hostname not in LOOPBACK:
        pytest.skip(f"{url} cannot call back to this machine's loopback address")


def _open(item: pytest.Item, server: MockServer | RemoteServer, settings: Mapping[str, Any], number: int) -> World:
    own: tuple[object, ...] = (settings["seed"], name_of(item), *([number] if number else []))
    try:
        if not _is_remote(server):
            return server.tenant(f"ltx-{digest(*own).hex()}", **settings)
        _require_ours(server)
        run = item.config.stash.setdefault(RUN, os.urandom(8).hex())
        return server.new_tenant(f"ltx-{digest(run, *own).hex()}", **settings)
    except SettingsError as error:
        problem = f"@pytest.mark.ltx: {error}"
    except ConflictError as error:
        problem = f"{server.url}: {error}"
    pytest.fail(problem, pytrace=False)


def _is_remote(server: MockServer | RemoteServer) -> TypeGuard[RemoteServer]:
    """Tell what a server is without its class, whose import a server in this process does not need."""
    return hasattr(server, "require_ours")


def _require_ours(server: RemoteServer) -> None:
    """Fail a test if nobody answers at `--ltx-base-url`, and skip it if that is another program."""
    from ltx_mock.testing.control_client import NoResponseError  # noqa: PLC0415 - a server in this process does without

    try:
        server.require_ours()
    except NoResponseError as error:
        problem = f"--ltx-base-url: {error}"
    except LtxMockError as error:
        pytest.skip(f"{server.url} cannot create tenants, which the fixture ltx_mock needs: {error}")
    else:
        return
    pytest.fail(problem, pytrace=False)


def name_of(item: pytest.Item) -> str:
    """Return a test's name from its topmost package downwards.

    Unlike the node id it does not depend on the working directory, and has no group of xdist.
    """
    return item.stash[NAME] if NAME in item.stash else note_name(item)


def note_name(item: pytest.Item) -> str:
    """Compute the name of a test, before its fixtures replace the file system."""
    path = item.path
    folders = itertools.takewhile(lambda folder: (folder / "__init__.py").is_file(), path.parents)
    transport_to = [node.name for node in item.listchain() if isinstance(node, pytest.Class | pytest.Item)]
    name = "::".join([*reversed([path.name, *(folder.name for folder in folders)]), *transport_to])
    return item.stash.setdefault(NAME, name)


def _internal_errors(world: World, requests: Iterable[Exchange]) -> list[str]:
    """Return the errors that fail every test: internal errors of the fake, and in strict mode each advisory."""
    crashes, advisories = [], []
    for request in requests:
        if request.cause_kind == "crash":
            crashes.append(f"request {request.number}, {request}: {request.cause}")
        advisories += _advisories(request)
    strict = bool(advisories) and world._admin.get("/settings")["strict"]  # noqa: SLF001 - a module of the same house
    return crashes + (advisories if strict else [])


def _advisories(request: Exchange) -> list[str]:
    return [
        f"request {request.number}, {request}, in strict mode: {finding.message} ({finding.rule})"
        for finding in request.findings
        if finding.severity == "advisory"
    ]


def _tell(internal_errors: list[str]) -> None:
    if internal_errors:
        pytest.fail("\n".join(["ltx-mock:", *internal_errors]), pytrace=False)
