"""Read scenarios from a TOML or JSON file: a list of tables under `scenarios`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from ltx_mock.errors import SettingsError
from ltx_mock.fields import camel, suggestion, value_text
from ltx_mock.scenarios.library import NAMED, find_scenario, from_dict
from ltx_mock.scenarios.model import Scenario
from ltx_mock_contracts.io import safe_files
from ltx_mock_contracts.io.json_text import read_json, read_toml

LIST = "scenarios"
LARGEST = 4 * 1024 * 1024  # bytes
_KEY = re.compile(r"([A-Za-z_]+)[\"']?\s*[=:]")
_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$")


def load_scenarios(words: Iterable[str]) -> list[Scenario]:
    """Return the scenarios for the words of a command line: names from the library, or files.

    Raises:
        SettingsError: a word is neither, or the file is invalid.
    """
    found: list[Scenario] = []
    for word in words:
        found += [find_scenario(word)] if word in NAMED else read_file(Path(word))
    return found


def read_file(path: Path) -> list[Scenario]:
    """Return the scenarios of a file, in order.

    Raises:
        SettingsError: it cannot be read, or a scenario is invalid; the text names file and line.
    """
    try:
        text = safe_files.read_file(path, most=LARGEST).decode()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        if path.suffix in {".toml", ".json"} or path.exists():
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise SettingsError(f"cannot read {path}: {reason}") from None
        near = suggestion(str(path), NAMED)
        raise SettingsError(
            f"no scenario and no file {value_text(str(path))}{near}; ltx-mock scenarios lists the names"
        ) from None
    found = []
    for index, table in enumerate(_tables(path, text)):
        try:
            found.append(from_dict(table))
        except SettingsError as error:
            where = f"{path}{_line_of(text, index, error.field)}"
            raise SettingsError(f"{where}: scenario {index + 1}: {error}") from None
    return found


def _tables(path: Path, text: str) -> list[dict[str, object]]:
    import tomllib  # noqa: PLC0415 - most servers read no file

    try:
        document = read_json(text) if path.suffix == ".json" else read_toml(text)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{path}, line {error.lineno}: {error.msg}") from None
    except tomllib.TOMLDecodeError as error:
        line = _AT_LINE.search(str(error))
        raise SettingsError(f"{path}{f', line {line[1]}' if line else ''}: {_AT_LINE.sub('', str(error))}") from None
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None
    listed = document.get(LIST) if isinstance(document, dict) else document
    if isinstance(document, dict) and set(document) - {LIST}:
        other = min(set(document) - {LIST})
        raise SettingsError(
            f"{path}: unknown key {value_text(other)}{suggestion(other, [LIST])}; put the scenarios under {LIST}"
        )
    if not isinstance(listed, list) or not listed:
        raise SettingsError(f"{path}: the scenarios must be a list of tables under {LIST}")
    return listed


def _line_of(text: str, index: int, field: str) -> str:
    """Return `, line N` for a field of the nth scenario if it can be located, else an empty string."""
    name = field.rpartition(".")[2]
    lines = text.splitlines()
    heads = [number for number, line in enumerate(lines) if line.strip().replace(" ", "") == f"[[{LIST}]]"]
    if heads:
        first = heads[index]
        last = heads[index + 1] if index + 1 < len(heads) else len(lines)
    else:
        first, last = 0, len(lines)
    said = [number for number in range(first, last) if name in map(camel, _KEY.findall(lines[number]))]
    if len(said) == 1:
        return f", line {said[0] + 1}"
    return f", line {first + 1}" if heads else ""
