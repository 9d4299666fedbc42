"""What users install: the built wheel, file by file."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    "mockserver/ltx_mock",
    "contracts/ltx_mock_contracts",
    "schemas/ltx_mock_schemas",
    "fixtures/ltx_mock_fixtures",
]
PACKAGES = {source.partition("/")[2] for source in SOURCES}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("ltx_mock-*-py3-none-any.whl")
    return zipfile.ZipFile(path)


def test_it_holds_the_four_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    (info,) = tops - PACKAGES
    assert info.endswith(".dist-info")
    assert tops - {info} == PACKAGES


def test_it_holds_every_file_of_the_packages_and_no_cache_and_no_test(wheel: zipfile.ZipFile) -> None:
    there = {
        f"{source.partition('/')[2]}/{path.relative_to(ROOT / source).as_posix()}"
        for source in SOURCES
        for path in (ROOT / source).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert shipped == there
    assert not {Path(name).suffix for name in shipped} & {".pyc", ".orig", ".log"}
    ours = [name for name in shipped if "/conformance/" not in name]  # those tests are what is shipped
    assert not [name for name in ours if Path(name).name.startswith("test_") or "tests" in Path(name).parts]


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_each_package_says_that_it_is_typed(wheel: zipfile.ZipFile, package: str) -> None:
    assert f"{package}/py.typed" in wheel.namelist()


def test_it_holds_its_data(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert {
        "ltx_mock_schemas/openapi.json",
        "ltx_mock_schemas/model.json",
        "ltx_mock_schemas/models/index.json",
    } <= names
    assert [name for name in names if name.endswith("/generate-request.json")]
    assert {name for name in names if name.startswith("ltx_mock_fixtures/exchanges/")}
    assert {name for name in names if name.startswith("ltx_mock_fixtures/images/")}


def test_it_brings_the_command_and_its_licence(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "ltx-mock = ltx_mock.cli:main" in wheel.read(entry_points).decode()
    assert [name for name in wheel.namelist() if name.endswith("licenses/LICENSE")]
    total = sum(item.compress_size for item in wheel.infolist())
    assert total < 5_000_000, f"the wheel has grown to {total} bytes"
