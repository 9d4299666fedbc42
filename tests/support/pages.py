"""The code of documentation pages, and a shell that runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from support.processes import clean_environment

DOCS = Path(__file__).parents[2] / "docs"
BIN = Path(sys.executable).parent


def page(name: str) -> str:
    """Return the text of a page of docs/."""
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Return the code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def named_files(text: str) -> dict[str, str]:
    """Return the Python blocks that begin with their file's name, by name."""
    return dict(re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


def run_commands(script: str, folder: Path) -> str:
    """Run commands of a page in a folder and return what they print."""
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env=clean_environment(PATH=f"{BIN}:/usr/bin:/bin", COLUMNS="120"),
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
