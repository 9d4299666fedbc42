"""The documentation is true: its commands run, its tables are complete, its links lead somewhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from ltx_mock import MockServer
from ltx_mock.cli.serve import serve
from ltx_mock.core.settings import Settings
from support.new_stores import STORES, store_of
from support.pages import blocks

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
HOMES = [
    ROOT,
    ROOT / "mockserver" / "ltx_mock",
    ROOT / "contracts" / "ltx_mock_contracts",
    *(ROOT / folder for folder in ("mockserver", "contracts", "schemas", "fixtures")),
]
"""Where the names of files begin."""
PAGES = [README, ROOT / "README.zh-CN.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def tour() -> list[str]:
    text = README.read_text(encoding="utf-8")
    start, end = text.index("## Five-minute tour"), text.index("From Python there is no server to start")
    return blocks(text[start:end], "sh")


@pytest.mark.curl
@pytest.mark.sample
@pytest.mark.parametrize("kind", ["memory", *STORES])
def test_the_tour_of_the_readme_does_what_it_says(kind: str, tmp_path: Path) -> None:
    with store_of(kind, tmp_path) as store, MockServer(clock="manual", store=store) as mock:
        script = "set -e\n" + "\n".join(f"{block}\necho; echo ====" for block in tour())
        script = script.replace("http://127.0.0.1:8219", mock.url)
        script = script.replace(".venv/bin/ltx-mock", f"'{Path(sys.executable).with_name('ltx-mock')}'")
        environment = {"LTX_MOCK_URL": mock.url, "PATH": "/usr/bin:/bin"}
        run = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert run.returncode == 0, run.stderr
    assert "% Total" not in run.stderr, "no progress meter"
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    written = [f"/{each.name}" for each in tmp_path.iterdir() if each.suffix in {".json", ".mp4"}]
    assert set(written) == {"/response.json", "/video.mp4"}
    assert set(written) <= set(ignored)
    created, pending, advanced, done, refused, failed = run.stdout.split("====\n")[:6]
    assert json.loads(created)["message"] == "success"
    assert json.loads(pending)["data"]["state"] == "pending"
    assert re.search(r"processing\n.*success\n", advanced)
    assert json.loads(done)["data"]["state"] == "success"
    assert (tmp_path / "video.mp4").read_bytes()[4:8] == b"ftyp"
    assert json.loads(refused) == json.loads(blocks(README.read_text(encoding="utf-8"), "json")[1])
    assert "CONTENT_VIOLATION" in failed or "failed" in failed


def test_the_python_examples_of_the_readme_run() -> None:
    for block in blocks(README.read_text(encoding="utf-8"), "python"):
        exec(compile(block, "README.md", "exec"), {})


@pytest.mark.parametrize("name", [item.name for item in fields(Settings)])
def test_the_readme_lists_each_setting_with_its_default(name: str) -> None:
    option = f"`--{name.replace('_', '-')}`"
    rows = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {option} ")]
    assert len(rows) == 1, f"one row for {option}"
    default = getattr(Settings(), name)
    if isinstance(default, str | int | float) and not isinstance(default, bool) and name != "seed":
        assert f"`{default}`" in rows[0]


def test_the_readme_lists_each_option_that_serve_alone_has() -> None:
    settings = {item.name for item in fields(Settings)}
    own = [each.opts[0] for each in serve.params if each.name not in settings and not getattr(each, "hidden", False)]
    table = README.read_text(encoding="utf-8").partition("Only `serve` has")[2].partition("\n## ")[0]
    assert sorted(own) == sorted(re.findall(r"^\| `(--[a-z-]+)", table, re.MULTILINE))


def test_the_readme_lists_no_option_that_is_not_there() -> None:
    help_ = subprocess.run(
        [sys.executable, "-m", "ltx_mock", "serve", "--help"], capture_output=True, text=True, check=True
    ).stdout
    told = re.findall(r"`?(--[a-z][a-z-]+)", README.read_text(encoding="utf-8").partition("## Settings")[2])
    assert [option for option in told if option not in help_] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", [ROOT / "CONTRIBUTING.md", *DECISIONS], ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    named = set(re.findall(r"`([\w./]+(?:\.py|\.json|/))`", page.read_text(encoding="utf-8")))
    assert [name for name in named if not any((home / name).exists() for home in HOMES)] == []


def test_the_map_has_every_folder_of_the_sources() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    folders = {path.parent.name for home in HOMES[1:3] for path in home.glob("*/__init__.py")}
    assert [name for name in sorted(folders) if f" {name}/" not in text] == []


@pytest.mark.parametrize("target", ["serve", "test", "check", "format", "site", "bench"])
def test_make_knows_the_targets_that_the_pages_name(target: str) -> None:
    if shutil.which("make") is None:
        pytest.skip("needs make")
    run = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
