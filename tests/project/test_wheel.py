"""What users install: the built wheel, file by file, the sdist that it can be built from, and the page of an index."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
SOURCES = {
    "mockserver/ltx_mock": "ltx_mock",
    "contracts/ltx_mock_contracts": "ltx_mock_contracts",
    "schemas/ltx_mock_schemas": "ltx_mock_schemas",
    "fixtures/ltx_mock_fixtures": "ltx_mock_fixtures",
    "examples": "ltx_mock/examples",
    "docs": "ltx_mock/docs",
}
"""Folders of the repository, and where the wheel has them."""
LEFT_OUT = ("docs/build/", "docs/decisions/", "docs/images/")
PACKAGES = {target for target in SOURCES.values() if "/" not in target}
WARNING = "error::pytest.PytestAssertRewriteWarning"
OWNER = "OWNER"
REPOSITORY = f"https://github.com/{OWNER}/ltx-mock"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    pytest.importorskip("hatch_fancy_pypi_readme")
    return build(ROOT, tmp_path_factory.mktemp("dist"), "wheel", "sdist")


def build(project: Path, folder: Path, *targets: str) -> Path:
    """Build distributions of a project into a folder, in this environment; return the folder."""
    wanted = [word for target in targets for word in ("-t", target)]
    command = [sys.executable, "-m", "hatchling", "build", *wanted, "-d", str(folder)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    return folder


def opened(folder: Path) -> zipfile.ZipFile:
    (path,) = folder.glob("ltx_mock-*-py3-none-any.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    return opened(built)


@pytest.fixture(scope="module")
def unpacked(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an unpacked sdist."""
    (path,) = built.glob("ltx_mock-*.tar.gz")
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    (project,) = folder.iterdir()
    return project


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return BytesParser().parsebytes(wheel.read(name))


@pytest.fixture(scope="module")
def page(metadata: Message) -> str:
    """The long description, as an index shows it."""
    text = metadata.get_payload(decode=True)
    assert isinstance(text, bytes)
    return str(MarkdownIt("gfm-like", {"linkify": False}).render(text.decode()))


def test_it_holds_the_four_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    (info,) = tops - PACKAGES
    assert info.endswith(".dist-info")
    assert tops - {info} == PACKAGES


def test_it_holds_every_file_of_the_packages_and_no_cache_and_no_test(wheel: zipfile.ZipFile) -> None:
    there = {
        f"{target}/{path.relative_to(ROOT / source).as_posix()}"
        for source, target in SOURCES.items()
        for path in (ROOT / source).rglob("*")
        if path.is_file()
        and not {"__pycache__", "node_modules"} & {*path.parts}
        and not path.relative_to(ROOT).as_posix().startswith(LEFT_OUT)
    }
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert shipped == there
    assert not {Path(name).suffix for name in shipped} & {".pyc", ".orig", ".log"}
    tests_to_ship = ("/conformance/", "/examples/")
    ours = [name for name in shipped if not any(each in name for each in tests_to_ship)]
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
        "ltx_mock/examples/README.md",
        "ltx_mock/docs/make-it-fail.md",
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


def test_pytest_does_not_rewrite_its_modules_and_warns_of_none(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """pytest reads a rewritten module twice as slowly; without a cache of bytecode it parses it in each session."""
    wheel.extractall(tmp_path / "site")
    (tmp_path / "test_modules.py").write_text(
        f"import sys\npytest_plugins = ['pytester']\nWARNING = '{WARNING}'\n"
        "def test_it(ltx_mock, pytester):\n"
        "    ours = {name: each for name, each in sys.modules.items() if name.startswith('ltx_mock')}\n"
        "    rewritten = {name for name, each in ours.items() if 'rewrite' in type(each.__loader__).__module__}\n"
        "    assert {'ltx_mock', 'ltx_mock.pytest_plugin'} <= rewritten\n"
        "    plain = {'ltx_mock.engine.engine', 'ltx_mock_schemas._bundle', 'ltx_mock_fixtures._h264'}\n"
        "    assert plain <= ours.keys() - rewritten\n"
        "    pytester.makepyfile('def test_within(ltx_mock): pass')\n"
        "    pytester.runpytest_inprocess('-W', WARNING).assert_outcomes(passed=1)\n"
        "    assert sum(type(each).__name__ == 'PlainModules' for each in sys.meta_path) == 1\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-W", WARNING, "-p", "no:hypothesispytest", "test_modules.py"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_sdist_has_all_that_builds_and_tests_it_and_nothing_of_a_work_tree(unpacked: Path) -> None:
    names = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    assert {"Makefile", "constraints.txt", "tests/conftest.py", "docs/images/dashboard.png", ".ci/run"} <= names
    assert not [name for name in names if name.startswith((".venv", ".git/", "dist/")) or "__pycache__" in name]


def test_the_wheel_of_the_sdist_is_the_same(wheel: zipfile.ZipFile, unpacked: Path, tmp_path: Path) -> None:
    again = opened(build(unpacked, tmp_path, "wheel"))
    assert {item.filename: item.CRC for item in again.infolist()} == {
        item.filename: item.CRC for item in wheel.infolist()
    }


def test_its_links_lead_to_the_one_repository(metadata: Message) -> None:
    links = dict(each.split(", ") for each in metadata.get_all("project-url", ()))
    assert {"Homepage", "Documentation", "Changelog", "Issues"} <= set(links)
    assert [link for link in links.values() if not f"{link}/".startswith(f"{REPOSITORY}/")] == []


def test_an_index_can_show_its_page_with_every_link_and_picture(page: str) -> None:
    links = re.findall(r'<a href="([^"]+)"', page)
    pictures = re.findall(r'<img src="([^"]+)"', page)
    files = [link.removeprefix(f"{REPOSITORY}/blob/main/") for link in links if link.startswith(REPOSITORY)]
    raw = f"https://raw.githubusercontent.com/{OWNER}/ltx-mock/main/"
    assert pictures
    assert "docs/make-it-fail.md" in files
    assert [link for link in links if not link.startswith(("https://", "http://127.0.0.1", "#"))] == []
    assert [name for name in files if not (ROOT / name.partition("#")[0]).exists()] == []
    assert [each for each in pictures if not each.startswith(raw) or not (ROOT / each.removeprefix(raw)).exists()] == []


def test_the_owner_of_the_repository_has_one_name_in_all_files() -> None:
    files = [path for path in ROOT.glob("*.*") if path.is_file()] + [ROOT / "Dockerfile"]
    files += [path for name in ("docs", "examples", ".github", "deploy") for path in (ROOT / name).rglob("*.*")]
    texts = [path.read_text(encoding="utf-8") for path in files if path.suffix in {".md", ".toml", ".yml", ".yaml", ""}]
    named = re.compile(r"(?:github\.com/|ghcr\.io/|uses: )([\w-]+)/ltx-mock\b")
    assert {owner for text in texts for owner in named.findall(text)} == {OWNER}
