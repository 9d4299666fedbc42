"""`ltx-mock recordings`: what can be made of recordings of the real API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ltx_mock.cli.files import write
from ltx_mock.cli.output import say
from ltx_mock.errors import LtxMockError
from ltx_mock_contracts.io.json_text import write_json
from ltx_mock_contracts.reporting import printable
from ltx_mock_contracts.reporting.text import counted

if TYPE_CHECKING:
    from ltx_mock.core.timings import Timings
    from ltx_mock_contracts.recordings import Recordings


@click.group()
def recordings() -> None:
    """Use recordings of the real API."""


@recordings.command()
@click.argument("folder", metavar="DIR")
@click.option(
    "--output", default="-", metavar="FILE", help="Write the timings to this file; by default they are printed."
)
def timings(folder: str, *, output: str) -> None:
    """Learn how long tasks take from the recordings in DIR, for serve --timings.

    The file has the times of the tasks that succeeded by resolution and mode, and of those that failed by fail code.

    Exit code: 0 the timings are written, 2 there are none, or the file cannot be written.
    """
    from ltx_mock.drift import learn_timings  # noqa: PLC0415 - slow to import

    found = read_folder(folder)
    learned = learn_timings(found.recordings)
    if not learned.lives:
        raise LtxMockError(f"no recording in {printable(folder)} shows when a task ended")
    write(output, write_json(learned.as_dict(), indent=2) + "\n")
    for problem in found.problems:
        say(f"ltx-mock: {problem}", err=True)
    say(f"ltx-mock: {_summary(learned)}", err=True)


def read_folder(folder: str) -> Recordings:
    """Return the recordings of a folder.

    Raises:
        LtxMockError: It cannot be read, or has none.
    """
    from ltx_mock_contracts.recordings import RecordingError, read_recordings  # noqa: PLC0415 - slow to import

    try:
        found = read_recordings(folder)
    except RecordingError as error:
        raise LtxMockError(str(error)) from None
    if not found.recordings:
        why = f"; {found.problems[0]}" if found.problems else ""
        raise LtxMockError(f"{printable(folder)} has no recording{why}")
    return found


def _summary(learned: Timings) -> str:
    lives = (
        f"{each.fail_code or f'{each.resolution} {each.mode}'} {counted(len(each.ends), 'time')}"
        for each in learned.lives
    )
    return ", ".join(lives)
