"""`ltx-mock recordings`: what can be made of recordings of the real API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ltx_mock.cli.files import write
from ltx_mock.cli.help import Group
from ltx_mock.cli.output import note, print_json, print_table
from ltx_mock.cli.record import open_folder, redaction_of, writing_options
from ltx_mock.errors import LtxMockError
from ltx_mock_contracts.io.json_text import write_json
from ltx_mock_contracts.reporting import printable
from ltx_mock_contracts.reporting.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ltx_mock.core.timings import Timings
    from ltx_mock_contracts.recordings import Recording, Recordings
    from ltx_mock_contracts.recordings.writing import RecordingFolder


@click.group(cls=Group)
def recordings() -> None:
    """List, import and use recordings of the real API."""


@recordings.command("list")
@click.argument("folder", metavar="DIR")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def list_(folder: str, *, as_json: bool) -> None:
    """List the recordings in DIR. Files that cannot be read are lines on standard error."""
    found = read_folder(folder)
    listed = [_overview(each) for each in found.recordings]
    if as_json:
        print_json(listed)
    else:
        rows = [[str(value) for value in each.values()] for each in listed]
        print_table("File", "Recorded", "Request", "Prompt", "Response", "Answers", "End", rows=rows)
    _tell_problems(found.problems)


@recordings.command("import")
@click.argument("file", type=click.Path(), metavar="FILE")
@writing_options
def import_(file: str, *, output: str, redact_field: Sequence[str], keep_prompts: str) -> None:
    """Make recordings from FILE: HAR of a browser or a proxy, or NDJSON of ltx-mock serve --json.

    Secrets are replaced as ltx-mock record replaces them. A file that is there already is left as it is.
    """
    from ltx_mock_contracts import TraceError, read_trace  # noqa: PLC0415 - help does without
    from ltx_mock_contracts.recordings.from_trace import recordings_from  # noqa: PLC0415
    from ltx_mock_contracts.recordings.writing import name_of  # noqa: PLC0415

    try:
        trace = read_trace(file)
    except TraceError as error:
        raise LtxMockError(f"{printable(file)}: {printable(str(error))}") from error
    folder = open_folder("--output", output)
    imported = recordings_from(trace, redaction_of(folder, redact_field, keep_prompts))
    if not imported.recordings:
        why = f"; {(*imported.problems, *trace.skipped)[0]}" if imported.problems or trace.skipped else ""
        raise LtxMockError(f"{printable(file)} has no generateTask that can be recorded{printable(why)}")
    left = list[str]()
    for each in imported.recordings:
        name = name_of(each)
        if not _add(folder, name, each):
            left.append(f"{name}.json is there already, and is left as it is")
    _tell_problems([*trace.skipped, *imported.problems, *left])
    note(f"{counted(len(imported.recordings) - len(left), 'recording')} written into {output}")


@recordings.command()
@click.argument("folder", metavar="DIR")
@click.option(
    "--output",
    default="-",
    type=click.Path(),
    metavar="FILE",
    help="Write the timings to this file; by default they are printed.",
)
def timings(folder: str, *, output: str) -> None:
    """Learn how long tasks take from the recordings in DIR, for serve --timings.

    The file has the times of the tasks that succeeded by resolution and mode, and of those that failed by fail code.

    Exit code: 0 the timings are written, 2 there are none, or the file cannot be written.
    """
    from ltx_mock.drift import learn_timings, left_out  # noqa: PLC0415 - slow to import

    found = read_folder(folder)
    learned = learn_timings(found.recordings)
    left = [f"{counted(count, 'task')} with {reason}" for reason, count in left_out(found.recordings).items()]
    if not learned.lives:
        raise LtxMockError("; ".join([f"no recording in {printable(folder)} shows when a task ended", *left]))
    write(output, write_json(learned.as_dict(), indent=2) + "\n")
    _tell_problems(found.problems)
    note(_summary(learned))
    if left:
        note(f"left out: {', '.join(left)}")


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


def _tell_problems(problems: Iterable[str]) -> None:
    for problem in problems:
        note(problem)


def _add(folder: RecordingFolder, name: str, recording: Recording) -> bool:
    """Write a recording if there is none of this name, and tell whether that was so.

    Raises:
        LtxMockError: It cannot be written.
    """
    from ltx_mock_contracts.recordings import RecordingError  # noqa: PLC0415 - help does without

    try:
        return folder.change(name, lambda before: recording if before is None else None) is not None
    except RecordingError:  # somebody's own file
        return False
    except OSError as error:
        raise LtxMockError(f"{folder.path}: it cannot be written: {error.strerror or error}") from None


def _overview(recording: Recording) -> dict[str, object]:
    body = recording.request.body.value
    asked = body.get("input") if isinstance(body, dict) else None
    asked = asked if isinstance(asked, dict) else {}
    words = [asked.get(name) for name in ("mode", "resolution", "aspect_ratio")]
    seconds = [f"{asked['duration']} s"] if "duration" in asked else []
    end = recording.end
    return {
        "file": f"{recording.name}.json",
        "recorded": recording.recorded,
        "request": " ".join([*(each for each in words if isinstance(each, str)), *seconds]),
        "prompt": str(asked.get("prompt", "")),
        "status": recording.response.status,
        "answers": len(recording.answers),
        "end": f"{end.state} after {end.after / 1000:g} s" if end else "",
    }
