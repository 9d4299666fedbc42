"""Record modes: whether a test replays its recordings, or calls the real API and records it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from ltx_mock.core import system_time
from ltx_mock.core.setting_readers import DEFAULT_PRICES
from ltx_mock.errors import SettingsError
from ltx_mock.fields import choice
from ltx_mock.testing.pytest_spending import add_notes, add_spending
from ltx_mock.upstream import RECORD_MODES

if TYPE_CHECKING:
    from ltx_mock.testing.recording_server import RecordingServer
    from ltx_mock.upstream.purse import Purse

MAX_TASKS = 10
"""So many tasks a test run creates, unless `--ltx-max-tasks` says otherwise."""
PURSE = pytest.StashKey["Purse"]()


class Api(NamedTuple):
    """The real API: its URL and the key."""

    url: str
    key: str


def mode_of(config: pytest.Config, marked: object) -> str | None:
    """Return the record mode of a test: that of the command line, or else of its marker, which never records in CI.

    Raises:
        SettingsError: the marker has an unknown one.
    """
    if config.option.ltx_record_mode is not None:
        return str(config.option.ltx_record_mode)
    if marked is None:
        return None
    mode = choice(*RECORD_MODES)("record_mode", marked)
    return "none" if _in_ci() else mode


def how_to_record(config: pytest.Config) -> str:
    """Return what to do if there is no folder of recordings."""
    if _in_ci() and config.option.ltx_record_mode is None:
        return "in CI tests only replay: record on your machine and commit the folder, or give --ltx-record-mode once"
    return "record it with --ltx-record-mode once"


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def records(config: pytest.Config, mode: str | None, folder: Path) -> bool:
    """Tell whether a test calls the real API. With `once` it does if the test run has found no recording."""
    if mode == "once":
        return not any(each.stat().st_mtime_ns < config.option.ltx_started for each in folder.glob("*.json"))
    return mode in {"new_episodes", "all"}


def recording_server(
    config: pytest.Config, mode: str | None, folder: Path, settings: dict[str, Any]
) -> RecordingServer:
    """Start a server before the real API for one test.

    Raises:
        SettingsError: the API or the key is not given, or the test has scenarios.
    """
    from ltx_mock.testing.recording_server import RecordingServer  # noqa: PLC0415 - few tests record
    from ltx_mock_contracts.recordings.writing import remove_repeated  # noqa: PLC0415

    if settings.get("scenario"):
        raise SettingsError("scenario cannot be recorded, since the real API has none")
    api = _api(config)
    return RecordingServer(
        api.url,
        api.key,
        folder,
        replays=mode == "new_episodes",
        purse=_purse(config),
        wait=system_time.sleep,
        tell=lambda line: add_notes(config, [line]),
        when_written=partial(remove_repeated, folder, config.option.ltx_started) if mode == "all" else None,
        price=settings.get("price", DEFAULT_PRICES),
    )


def _api(config: pytest.Config) -> Api:
    url = config.option.ltx_upstream or os.environ.get("LTX_MOCK_UPSTREAM")
    key = config.option.ltx_api_key or os.environ.get("APIXO_API_KEY")
    if url and key:
        return Api(url, key)
    needed = {"--ltx-upstream URL or LTX_MOCK_UPSTREAM": url, "--ltx-api-key KEY or APIXO_API_KEY": key}
    missing = ", and ".join(name for name, value in needed.items() if not value)
    raise SettingsError(f"to record the real API, give {missing}", "record_mode")


def _purse(config: pytest.Config) -> Purse:
    """Return the common purse of all tests of this process; processes of pytest-xdist have a share each."""
    from ltx_mock.upstream.purse import Limits, Purse  # noqa: PLC0415 - few tests record

    if PURSE not in config.stash:
        most = MAX_TASKS if config.option.ltx_max_tasks is None else int(config.option.ltx_max_tasks)
        worker = getattr(config, "workerinput", {"workercount": 1, "workerid": "gw0"})
        count, number = worker["workercount"], int(worker["workerid"].removeprefix("gw"))
        share = most // count + (number < most % count)
        config.stash[PURSE] = Purse(Limits(share), DEFAULT_PRICES, lambda _: add_spending(config, {"recorded": 1}))
    return config.stash[PURSE]
