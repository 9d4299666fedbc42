"""`ltx-mock serve --record-mode`: replay what is recorded, and record what is not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ltx_mock.cli.options import together
from ltx_mock.cli.output import note
from ltx_mock.core.settings import Settings
from ltx_mock.core.system_time import unix_ns
from ltx_mock.errors import LtxMockError
from ltx_mock.upstream import RECORD_MODES

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltx_mock.engine.engine import Engine
    from ltx_mock.server.app import Endpoints
    from ltx_mock.upstream.client import Upstream
    from ltx_mock.upstream.purse import Purse
    from ltx_mock.upstream.recorder import Recorder

record_mode_options = together(
    click.option("--upstream", metavar="URL", help="The real API, for --record-mode."),
    click.option(
        "--record-mode",
        type=click.Choice(RECORD_MODES),
        help="none: only replay. once: record if the folder has no recording, else only replay. "
        "new_episodes: replay what is recorded, and record the rest. all: record everything anew. "
        "[default: once with --upstream]",
    ),
    click.option("--max-tasks", type=click.IntRange(min=0), metavar="N", help="Record at most N tasks."),
    click.option(
        "--max-credits", type=click.IntRange(min=0), metavar="N", help="Record tasks of at most N credits, by --price."
    ),
)
"""The options of a record mode, for `RecordMode.of`."""


class RecordMode(NamedTuple):
    """How a server records the real API.

    Attributes:
        upstream: The API.
        purse: What may be spent.
        recorder: Writes the recordings.
        folder: The folder of recordings.
        replays: Whether requests that are recorded already are replayed.
        replaces: Whether new recordings take the place of earlier ones of the same request.
        started: When it began, in nanoseconds of the file system.
    """

    upstream: Upstream
    purse: Purse
    recorder: Recorder
    folder: Path
    replays: bool
    replaces: bool
    started: int

    @classmethod
    def of(
        cls, given: dict[str, Any], settings: Settings, tell_spent: Callable[[Purse], None]
    ) -> tuple[RecordMode | None, Settings]:
        """Return how to record, None for not at all, and the settings to serve with.

        Args:
            given: The values of `record_mode_options`, which are taken out.
            settings: The settings of the server.
            tell_spent: Prints the running total.

        Raises:
            LtxMockError: The options do not fit together.
        """
        url, mode = given.pop("upstream"), given.pop("record_mode")
        limits = (given.pop("max_tasks"), given.pop("max_credits"))
        mode = mode or ("once" if url else None)
        if mode is None:
            return None, settings
        folder = _folder(mode, url, settings)
        if mode == "none" or (mode == "once" and any(folder.glob("*.json"))):
            return None, settings.replace(recordings_only=True)
        from ltx_mock.cli.record import open_folder  # noqa: PLC0415 - most servers record nothing
        from ltx_mock.upstream.client import Upstream  # noqa: PLC0415
        from ltx_mock.upstream.purse import Limits, Purse  # noqa: PLC0415
        from ltx_mock.upstream.recorder import Recorder  # noqa: PLC0415
        from ltx_mock_contracts.recordings import Redaction  # noqa: PLC0415

        try:
            upstream = Upstream(url, settings.ca_file)
        except ValueError as error:
            raise LtxMockError(f"--upstream {error}") from None
        writing = open_folder("--recordings", str(folder))
        recorder = Recorder(writing, upstream.root, Redaction(), note)
        purse = Purse(Limits(*limits), settings.price, tell_spent)
        return cls(upstream, purse, recorder, folder, mode == "new_episodes", mode == "all", unix_ns()), settings

    def endpoints(self, engine: Engine) -> Endpoints:
        """Return what answers instead of the fake."""
        from ltx_mock.server.forwarding import recording  # noqa: PLC0415 - see above

        return recording(engine, self.upstream, self.purse, self.recorder, replays=self.replays)

    def line(self, count: int) -> str:
        """Return the line of the message at start-up, given the number of recordings."""
        which = "any other request" if self.replays else "every request"
        return (
            f"  recordings    {count} in {self.folder}; {which} goes to {self.upstream.root} with your key, "
            "costs money, and is recorded"
        )

    def close(self) -> None:
        """Wait until everything is written."""
        from ltx_mock_contracts.recordings.writing import remove_repeated  # noqa: PLC0415 - see above

        self.recorder.close()
        if self.replaces:
            remove_repeated(self.folder, self.started)


def _folder(mode: str, url: str | None, settings: Settings) -> Path:
    """Return the folder of recordings.

    Raises:
        LtxMockError: Something is missing that the mode needs.
    """
    if settings.recordings is None:
        raise LtxMockError(f"--record-mode {mode} needs --recordings DIR")
    if mode != "none" and url is None:
        raise LtxMockError(f"--record-mode {mode} needs --upstream URL, the real API")
    if mode != "none" and settings.clock != "real":
        raise LtxMockError(f"--record-mode {mode} needs --clock real, as the real API has it")
    return Path(settings.recordings)
