"""The dashboard's modules that need no page, run by Node; and that its texts are whole."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ltx_mock.control.from_json import REASONS
from ltx_mock.scenarios import LIBRARY
from support.browser import page_files

TESTS = Path(__file__).parent / "modules"
pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the page and the tests, in which Node takes `.js` for modules."""
    made = tmp_path_factory.mktemp("modules")
    (made / "package.json").write_text('{"type": "module"}')
    (made / "page").mkdir()
    for name, content in page_files().items():
        (made / "page" / name).write_bytes(content)
    for path in TESTS.glob("*.mjs"):
        shutil.copy(path, made)
    return made


@pytest.mark.parametrize("name", sorted(path.stem for path in TESTS.glob("*.mjs")))
def test_a_module(folder: Path, name: str) -> None:
    done = subprocess.run(
        ["node", "--test", f"{name}.mjs"], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_scenario_of_the_library_is_told_in_chinese(folder: Path) -> None:
    script = 'import { TEXTS } from "./page/texts.js"; console.log(JSON.stringify(Object.keys(TEXTS.zh)))'
    run = ["node", "--input-type=module", "--eval", script]
    keys = json.loads(subprocess.run(run, cwd=folder, capture_output=True, text=True, check=True).stdout)
    told = {key.removeprefix("scenario.") for key in keys if key.startswith("scenario.")}
    assert told == {row.name for row in LIBRARY}


def test_the_bill_names_waste_as_the_commands_do(folder: Path) -> None:
    script = 'import { TEXTS } from "./page/texts.js"; console.log(JSON.stringify(TEXTS.en))'
    run = ["node", "--input-type=module", "--eval", script]
    texts = json.loads(subprocess.run(run, cwd=folder, capture_output=True, text=True, check=True).stdout)
    assert {name: texts[f"bill.{name}"] for name in REASONS} == REASONS
