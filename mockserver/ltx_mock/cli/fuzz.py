"""`ltx-mock fuzz`: write cases for tests in any language."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ltx_mock.cli.files import cannot_write
from ltx_mock.cli.hypothesis_import import import_hypothesis
from ltx_mock.cli.options import folder_option
from ltx_mock.cli.output import note
from ltx_mock.cli.progress import progress
from ltx_mock.cli.report import chosen_rules, rule_option, seed_option
from ltx_mock.errors import LtxMockError
from ltx_mock.version import VERSION
from ltx_mock_contracts.io.json_text import read_json
from ltx_mock_contracts.io.safe_files import read_file, write_file
from ltx_mock_contracts.model import MODES
from ltx_mock_contracts.reporting.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ltx_mock_contracts.fuzzing import Corpus

KINDS = ("valid", "invalid", "advisory", "malformed", "responses", "drifted")
INDEX = "index.json"
CASE = re.compile(rf"[0-9]{{4,}}-({'|'.join(KINDS)})-[0-9A-Za-z-]+\.json")
MOST = 100_000
LARGEST_INDEX = 64 * 1024 * 1024


@click.command()
@click.option("--kind", type=click.Choice(KINDS), required=True, help="The kind of the cases: requests or responses.")
@folder_option("The folder to write to; an earlier corpus there is replaced.")
@click.option(
    "--count", type=click.IntRange(1, MOST), default=100, show_default=True, metavar="N", help="The number of cases."
)
@seed_option
@rule_option
@click.option("--mode", type=click.Choice(MODES), help="Only requests of this mode.")
@click.option("--force", is_flag=True, help="Write even if the folder has other files.")
def fuzz(
    *,
    kind: str,
    output: str,
    count: int,
    seed: int,
    rules: Sequence[str],
    mode: str | None,
    force: bool,
) -> None:
    """Write cases for tests in any language, as JSON files.

    A case has a request and the expected response (valid, invalid, advisory, malformed), or a possible response and
    how a client should interpret it (responses, drifted); ltx-mock schema fuzz-case describes it. The families of a
    kind take turns. The same seed gives the same bytes.

    Exit code: 0 written, 2 cannot be written.
    """
    import_hypothesis()
    from ltx_mock_contracts.fuzzing import corpus  # noqa: PLC0415 - slow to import

    wanted = chosen_rules(rules) if rules else set()
    try:
        with progress("drawing cases", total=count) as bar:
            drawn = corpus(kind, version=VERSION, count=count, seed=seed, rules=wanted, mode=mode, progress=bar.reached)
    except ValueError as error:
        raise LtxMockError(str(error)) from None
    try:
        _write(drawn, Path(output), force=force)
    except OSError as error:
        raise cannot_write(error.filename or output, error) from error
    click.echo(f"{output}: {counted(count, 'case')} of the kind {kind}, seed {seed}")
    if count < drawn.families:
        missing = f"{drawn.families - count} of {drawn.families} families have no case"
        note(f"{missing}; a greater --count includes them")


def _write(drawn: Corpus, folder: Path, *, force: bool) -> None:
    """Replace a corpus. There is no index during the write, so that a partial corpus is never valid."""
    if folder.is_symlink():
        raise LtxMockError(f"{folder} is a symbolic link; give --output the folder itself")
    folder.mkdir(parents=True, exist_ok=True)
    if not force and any(folder.iterdir()) and not _is_a_corpus(folder):
        raise LtxMockError(f"{folder} has files that are no corpus; give --force or another --output")
    (folder / INDEX).unlink(missing_ok=True)
    for old in _cases(folder):
        old.unlink()
    with progress("writing cases", total=len(drawn.cases)) as bar:
        for number, (file, case) in enumerate(drawn.cases.items(), 1):
            write_file(folder / file, _bytes(case))
            bar.reached(number, len(drawn.cases))
    write_file(folder / INDEX, _bytes(drawn.index))


def _cases(folder: Path) -> Iterator[Path]:
    """Yield the files with the name of a case."""
    return (path for path in list(folder.iterdir()) if CASE.fullmatch(path.name))


def _is_a_corpus(folder: Path) -> bool:
    try:
        index = read_json(read_file(folder / INDEX, most=LARGEST_INDEX))
    except (OSError, ValueError):
        return False
    return isinstance(index, dict) and index.get("generator") == "ltx-mock" and "cases" in index


def _bytes(value: dict[str, Any]) -> bytes:
    """Return ASCII JSON, which editors, shells and version control do not change."""
    return f"{json.dumps(value, indent=2)}\n".encode()
