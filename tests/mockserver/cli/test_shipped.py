"""`ltx-mock examples` and `ltx-mock docs`: what comes with the package can be listed, read and copied."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ltx_mock.cli.shipped import about, docs, examples
from ltx_mock.core import shipped
from ltx_mock.errors import LtxMockError

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    command = docs if arguments[0] == "docs" else examples
    return CliRunner().invoke(command, arguments[1:], catch_exceptions=False)


def refusal(*arguments: str) -> str:
    with pytest.raises(LtxMockError) as refused:
        run(*arguments)
    return str(refused.value)


def test_the_list_has_every_example_and_what_it_is() -> None:
    there = {path.relative_to(ROOT / "examples").as_posix() for path in (ROOT / "examples").rglob("*.*")}
    there = {name for name in there if "__pycache__" not in name and (ROOT / "examples" / name).is_file()}
    assert set(shipped.examples()) == there - {"README.md"}
    assert [name for name in shipped.examples() if not about(name)] == [], "a row in examples/README.md"
    first_column = [line.partition("  ")[0].strip() for line in run("examples").stdout.splitlines()]
    assert set(shipped.examples()) <= set(first_column)


def test_a_row_for_a_folder_describes_its_files_and_an_own_row_wins() -> None:
    assert about("seed/text-to-video.sh").startswith("the calls of the API's own documentation")
    assert about("node/client.mjs").startswith("a client")
    assert about("nothing/of/the/kind") == ""


def test_an_example_is_written_as_it_is(folder: Path) -> None:
    done = run("examples", "node/client.mjs")
    assert (done.exit_code, done.stdout) == (0, "client.mjs\n")
    assert (folder / "client.mjs").read_bytes() == (ROOT / "examples" / "node" / "client.mjs").read_bytes()


def test_a_folder_of_examples_is_written_with_its_files(folder: Path) -> None:
    done = run("examples", "seed/", "--output", "deep/calls")
    written = [Path("deep", "calls", path.name) for path in sorted((ROOT / "examples" / "seed").iterdir())]
    assert done.stdout.splitlines() == [str(path) for path in written]
    assert all((folder / path).is_file() for path in written)


def test_an_example_is_printed_with_a_dash() -> None:
    assert run("examples", "seed/text-to-video.sh", "--output", "-").stdout.startswith("curl -X POST")


@pytest.mark.posix
def test_a_folder_with_a_hostile_name_is_one_harmless_line_for_each_file() -> None:
    name = "a\n::error::b\x1b]0;c\x07"
    assert run("examples", "node/client.mjs", "--output", name).stdout == "a�::error::b�]0;c�\n"
    assert run("examples", "node/client.mjs", "--output", "::error::b").stdout == ": :error::b\n"


@pytest.mark.posix
def test_a_script_may_be_run(folder: Path) -> None:
    run("examples", "curl/generate.sh")
    run("examples", "node/client.mjs")
    assert os.access(folder / "generate.sh", os.X_OK)
    assert not stat.S_IMODE((folder / "client.mjs").stat().st_mode) & 0o111


def test_an_existing_file_is_replaced_only_with_force(folder: Path) -> None:
    (folder / "client.mjs").write_text("mine")
    assert refusal("examples", "node/client.mjs") == "client.mjs exists already; give --force or another --output"
    assert (folder / "client.mjs").read_text() == "mine"
    assert run("examples", "node/client.mjs", "--force").exit_code == 0
    assert (folder / "client.mjs").read_text() != "mine"


def test_nothing_of_a_folder_is_written_if_a_file_of_it_exists(folder: Path) -> None:
    (folder / "node").mkdir()
    (folder / "node" / "client.mjs").write_text("mine")
    assert "exists already" in refusal("examples", "node")
    assert len(list((folder / "node").iterdir())) == 1


def test_a_file_that_cannot_be_written_is_named(folder: Path) -> None:
    (folder / "file").write_text("")
    target = Path("file", "client.mjs")
    assert refusal("examples", "node/client.mjs", "--output", str(target)).startswith(f"cannot write {target}: ")


def test_an_unknown_example_is_refused_with_the_nearest() -> None:
    assert "did you mean 'node/client.mjs'" in refusal("examples", "node/clent.mjs")
    assert "unknown example 'nod'" in refusal("examples", "nod")


def test_the_guides_are_listed_with_their_titles() -> None:
    there = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert there <= set(shipped.guides())
    titles = [shipped.title(path.read_text(encoding="utf-8")) for path in shipped.guides().values()]
    assert all(title and not title.startswith("#") for title in titles)
    listed = run("docs").stdout
    assert "make-it-fail" in listed
    assert "Make it fail" in listed
    assert "decisions" not in listed


@pytest.mark.parametrize("name", ["make-it-fail", "make-it-fail.md"])
def test_a_guide_is_printed(name: str) -> None:
    assert run("docs", name).stdout == (ROOT / "docs" / "make-it-fail.md").read_text(encoding="utf-8")


def test_an_unknown_guide_is_refused_with_the_nearest() -> None:
    assert "did you mean 'make-it-fail'" in refusal("docs", "make-it-fai")


def test_an_installation_has_its_own_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "one.sh").write_text("echo one")
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path)
    assert shipped.examples() == {"one.sh": tmp_path / "examples" / "one.sh"}
