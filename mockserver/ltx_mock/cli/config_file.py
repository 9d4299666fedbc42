"""Settings from a file: `ltx-mock.toml`, or `[tool.ltx-mock]` in `pyproject.toml`, in the current folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ltx_mock.errors import SettingsError, suggestion
from ltx_mock_contracts.io.json_text import read_toml
from ltx_mock_contracts.io.safe_files import read_file

OWN_FILE = "ltx-mock.toml"
LARGEST = 4 * 1024 * 1024  # bytes
PROJECT_FILE = "pyproject.toml"


def read_config(folder: Path, known: Iterable[str]) -> dict[str, Any]:
    """Return the settings of the folder's config file, named with underscores; `ltx-mock.toml` goes first.

    Raises:
        SettingsError: the file is not TOML, or has a key that is unknown; the text names file and key.
    """
    own, project = folder / OWN_FILE, folder / PROJECT_FILE
    if own.is_file():
        return _checked(_load(own), OWN_FILE, known)
    if project.is_file():
        tool = _load(project).get("tool", {})
        table = tool.get("ltx-mock", {}) if isinstance(tool, dict) else {}
        return _checked(table, f"[tool.ltx-mock] in {PROJECT_FILE}", known)
    return {}


def _load(path: Path) -> dict[str, Any]:
    try:
        return read_toml(read_file(path, most=LARGEST).decode())
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read {path.name}: {error}") from error


def _checked(table: object, where: str, known: Iterable[str]) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise SettingsError(f"{where} must be a table of settings")
    known = list(known)
    values = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in known:
            hint = suggestion(name, known).replace("_", "-")
            raise SettingsError(f"unknown key {key!r} in {where}{hint}")
        values[name] = [f"{left}={right}" for left, right in value.items()] if isinstance(value, dict) else value
    return values
