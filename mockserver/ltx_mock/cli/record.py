"""`ltx-mock record`: the proxy that keeps what the real API told."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ltx_mock.cli.config_file import PREFIX
from ltx_mock.cli.options import folder_option, together
from ltx_mock.cli.output import note
from ltx_mock.cli.proxy import proxy_options, run_proxy
from ltx_mock.engine.outbound import Sender
from ltx_mock.errors import LtxMockError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltx_mock.upstream.client import Upstream
    from ltx_mock.upstream.recorder import Recorder
    from ltx_mock_contracts.recordings import Redaction
    from ltx_mock_contracts.recordings.writing import RecordingFolder

writing_options = together(
    folder_option("Write one JSON file for each task into this folder."),
    click.option(
        "--redact-field",
        multiple=True,
        metavar="FIELD",
        help="Replace this field of bodies too, such as input.seed or /input/seed (may be repeated).",
    ),
    click.option(
        "--keep-prompts",
        type=click.Choice(["yes", "no"]),
        default="yes",
        help="With no, a digest of the prompt is kept in its place. [default: yes]",
    ),
)
"""The options of what writes recordings."""


@click.command(context_settings={"auto_envvar_prefix": PREFIX})
@proxy_options
@writing_options
@click.option(
    "--results", is_flag=True, help="Keep the videos too, up to 256 MiB each, from public hosts and from that of URL."
)
def record(*, output: str, redact_field: Sequence[str], keep_prompts: str, results: bool, **given: Any) -> None:
    """Forward requests to the API at URL, and record each task.

    This is ltx-mock proxy that also writes. A recording is a JSON file: the request, each distinct answer with its
    time, the end and the callbacks. Keys, signatures, cookies, queries of callback URLs and e-mail addresses are
    replaced before anything is written.
    """
    folder = open_folder("--output", output)
    redaction = redaction_of(folder, redact_field, keep_prompts)

    def recorder_of(upstream: Upstream) -> Recorder:
        from ltx_mock.upstream.recorder import Recorder  # noqa: PLC0415 - help does without
        from ltx_mock.upstream.results import ResultDownloads  # noqa: PLC0415

        downloads = ResultDownloads(Sender(given.get("ca_file")), upstream.root) if results else None
        return Recorder(folder, upstream.root, redaction, note, downloads)

    run_proxy(given, recorder_of)


def open_folder(option: str, out: str) -> RecordingFolder:
    """Return a folder to write recordings into, which an option names.

    Raises:
        LtxMockError: It cannot be written.
    """
    from ltx_mock_contracts.recordings.writing import RecordingFolder  # noqa: PLC0415 - help does without

    try:
        return RecordingFolder(Path(out))
    except (OSError, ValueError) as error:
        raise LtxMockError(
            f"{option} {out}: it cannot be written: {getattr(error, 'strerror', None) or error}"
        ) from None


def redaction_of(folder: RecordingFolder, fields: Sequence[str], keep_prompts: str) -> Redaction:
    """Return the redaction of options; digests are salted as in the other recordings of the folder.

    Raises:
        LtxMockError: A value names no field.
    """
    from ltx_mock_contracts.recordings import Redaction, read_recordings  # noqa: PLC0415 - help does without
    from ltx_mock_contracts.recordings.fields import parse_field  # noqa: PLC0415

    for each in fields:
        try:
            parse_field(each)
        except ValueError as error:
            raise LtxMockError(f"--redact-field {each!r} {error}") from None
    if keep_prompts == "yes" and not fields:
        return Redaction()
    known = (each.redaction.salt for each in read_recordings(folder.path).recordings)
    salt = next(filter(None, known), None) or secrets.token_hex(8)
    return Redaction(fields=tuple(fields), keep_prompts=keep_prompts == "yes", salt=salt)
