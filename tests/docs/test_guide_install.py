"""The page "Install" and the table of README.md: their commands run, and what they say of the image is so."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from support.pages import blocks, page, run_commands

ROOT = Path(__file__).parents[2]
GUIDE = page("install.md")
README = (ROOT / "README.md").read_text(encoding="utf-8")
URL = "https://github.com/OWNER/ltx-mock"


@pytest.mark.posix
def test_its_commands_list_and_write_examples_and_guides(tmp_path: Path) -> None:
    (block,) = blocks(GUIDE, "sh")
    printed = run_commands(block, tmp_path)
    assert "python/httpx_client.py" in printed
    assert "# Make it fail" in printed
    assert "def " in (tmp_path / "client.py").read_text(encoding="utf-8")


def test_readme_has_a_line_for_each_tool_and_the_script_that_tries_them_finds_it() -> None:
    script = (ROOT / ".ci" / "try-install").read_text(encoding="utf-8")
    pattern = re.search(r"grep -oE '([^']+)' README\.md", script)
    assert pattern
    lines = [found.group().strip("`") for found in re.finditer(pattern[1], README)]
    tools = [" ".join(line.split()[: 2 if line.startswith("uv ") else 1]) for line in lines]
    assert tools == ["uvx", "uv tool", "pipx", "pip", "uv add"]
    assert all(f"git+{URL}" in line for line in lines)
    assert f"docker build -t ltx-mock {URL}.git" in README


def test_the_options_of_the_containers_are_options_of_serve() -> None:
    commands = [line for block in blocks(GUIDE, "text") for line in block.replace("\\\n", " ").splitlines()]
    given = [shlex.split(line.partition(" serve ")[2]) for line in commands if " serve " in line]
    assert len(given) >= 3
    done = subprocess.run(
        [sys.executable, "-m", "ltx_mock", "serve", "--help"], capture_output=True, text=True, check=True
    )
    assert [word for words in given for word in words if word.startswith("--") and word not in done.stdout] == []


def test_the_user_and_the_folder_of_the_image_are_those_of_its_dockerfile() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for fact in ("65534", "/data", "8219"):
        assert fact in GUIDE
        assert fact in dockerfile
