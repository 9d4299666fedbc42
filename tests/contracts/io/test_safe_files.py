"""Files that we read may be anything, and where we write somebody may have put something first."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from contracts.trace.test_load import har, har_entry
from ltx_mock.cli import cli
from ltx_mock.cli.ready_file import check_ready_file, remove_ready_file, write_ready_file
from ltx_mock.errors import LtxMockError
from ltx_mock_contracts import check_trace, read_har
from ltx_mock_contracts.io.safe_files import read_file, write_file

PRECIOUS = "precious"
URL = "http://127.0.0.1:1"


def run(*arguments: object) -> str:
    """Run a command that must fail, and return the one line that it says."""
    ran = CliRunner().invoke(cli, [str(each) for each in arguments])
    assert isinstance(ran.exception, LtxMockError), ran.exception
    assert "\n" not in str(ran.exception)
    return str(ran.exception)


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    path = tmp_path / PRECIOUS
    path.write_text(PRECIOUS)
    return path


@pytest.fixture
def link(tmp_path: Path, precious: Path) -> Path:
    path = tmp_path / "link"
    path.symlink_to(precious)
    return path


def test_a_ready_file_replaces_one_of_ours_or_an_empty_one_and_is_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    for before in (None, "", '{"url": "http://127.0.0.1:8219", "pid": 1}\n'):
        if before is not None:
            path.write_text(before)
        write_ready_file(path, URL)
        assert json.loads(path.read_text()) == {"url": URL, "pid": os.getpid()}
        assert [each.name for each in tmp_path.iterdir()] == ["ready.json"]
        remove_ready_file(path)
        assert not path.exists()


@pytest.mark.parametrize("content", [PRECIOUS, "{}", '{"url": "x"}', '{"url": "x", "pid": 1, "more": 1}', "[" * 10**5])
def test_a_ready_file_never_replaces_the_file_of_somebody(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mine"
    path.write_text(content)
    with pytest.raises(LtxMockError, match="another file exists there; give another path"):
        write_ready_file(path, URL)
    remove_ready_file(path)
    assert path.read_text() == content


@pytest.mark.posix
def test_a_ready_file_is_no_link_folder_device_or_pipe(tmp_path: Path, link: Path, precious: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for path in (link, tmp_path, tmp_path / "pipe", tmp_path / "dangling", Path("/dev/null"), Path("/dev/full")):
        with pytest.raises(LtxMockError, match="cannot write the ready file"):
            check_ready_file(path)
        remove_ready_file(path)
        assert os.path.lexists(path)
    assert precious.read_text() == PRECIOUS
    assert not (tmp_path / "nowhere").exists()


def test_a_ready_file_of_another_process_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    write_ready_file(path, URL)
    path.write_text(json.dumps({"url": URL, "pid": os.getpid() + 1}))
    remove_ready_file(path)
    assert path.exists()


def test_serve_says_before_it_starts_that_it_will_not_write_there(link: Path, precious: Path) -> None:
    for path in (link, precious):
        assert run("serve", "--port", 0, "--ready-file", path).startswith(f"cannot write the ready file {path}: ")
    assert precious.read_text() == PRECIOUS


def test_a_report_is_written_through_no_link(tmp_path: Path, link: Path, precious: Path) -> None:
    trace = tmp_path / "trace"
    trace.write_text("")
    told = run("check-trace", trace, "--sarif", link)
    assert told == f"cannot write {link}: it is a symbolic link; name the file itself"
    report = link.rename(tmp_path / "link.json")
    assert "symbolic link" in run("check", URL, "--json", report)
    assert "symbolic link" in run("check-client", "--json", report, "--", "true")
    assert precious.read_text() == PRECIOUS


def test_a_corpus_is_written_through_no_link(tmp_path: Path, precious: Path) -> None:
    folder = tmp_path / "corpus"
    for name in ("index.json.part", "0001-valid-x.json", "index.json"):
        folder.mkdir(exist_ok=True)
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(precious)
        CliRunner().invoke(cli, ["fuzz", "--kind", "valid", "--out", str(folder), "--count", "2", "--force"])
        assert precious.read_text() == PRECIOUS
    (tmp_path / "planted").symlink_to(tmp_path)
    told = run("fuzz", "--kind", "valid", "--out", tmp_path / "planted", "--force")
    assert told == f"{tmp_path}/planted is a symbolic link; give --output the folder itself"


def test_a_file_is_written_whole_keeps_its_mode_and_can_be_added_to(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, "one")
    path.chmod(0o640)
    write_file(path, "two")
    write_file(path, "three", append=True)
    assert path.read_text() == "twothree"
    assert path.stat().st_mode & 0o777 == 0o640
    write_file(os.devnull, "nothing")
    assert Path(os.devnull).exists()


@pytest.mark.parametrize("command", [["check-trace"], ["serve", "--port", "0", "--scenario"]])
def test_what_is_no_file_is_one_line(tmp_path: Path, command: list[str]) -> None:
    for path in ("/dev/zero", tmp_path, tmp_path / "nowhere.json"):
        assert str(path) in run(*command, path)


@pytest.mark.posix
def test_a_pipe_is_read_to_its_end_and_a_large_file_is_not(tmp_path: Path) -> None:
    pipe, size = tmp_path / "pipe", 3 * 1024 * 1024
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"x" * size))
    writer.start()
    assert len(read_file(pipe, most=size)) == size
    writer.join()
    (tmp_path / "large").write_bytes(b"x" * size)
    with pytest.raises(OSError, match="it has more than 2 MiB"):
        read_file(tmp_path / "large", most=size - 1)


@pytest.mark.posix
def test_a_pipe_without_a_writer_is_an_error_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ltx_mock_contracts.io.safe_files._FIRST_BYTE_SECONDS", 0.01)
    os.mkfifo(tmp_path / "pipe")
    told = run("check-trace", tmp_path / "pipe")
    assert told == f"{tmp_path}/pipe: it cannot be read: it is a pipe to which nobody writes"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", "scenarios = " + "[" * 50_000),
        ("a.toml", "a." * 400 + "a = 1"),
        ("a.toml", "a = " + "9" * 5000),
        ("a.json", "[" * 50_000),
        ("a.json", "[" * 200 + "]" * 200),
    ],
    ids=["deep", "dotted", "digits", "deep JSON", "200 levels"],
)
def test_a_file_of_scenarios_that_is_nested_too_deep_is_one_line(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    told = run("serve", "--port", 0, "--scenario", tmp_path / name)
    assert told.startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize("text", ["port = " + "[" * 50_000, "a." * 400 + "a = 1"], ids=["deep", "dotted"])
def test_a_config_file_that_is_nested_too_deep_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "ltx-mock.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert run("serve") == "cannot read ltx-mock.toml: it is nested deeper than 100 levels"


@pytest.mark.sample
@pytest.mark.parametrize(
    "text",
    [
        "[" * 50_000,
        '{"log": {"entries": ' + "[" * 500 + "]" * 500 + "}}",
        '{"a":1}\n' * 100_000,
        "[1," * 10 + "1" * 5000,
    ],
    ids=["deep", "deep HAR", "100,000 broken entries", "digits"],
)
def test_a_recording_that_is_none_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "trace").write_text(text)
    assert run("check-trace", tmp_path / "trace").startswith(f"{tmp_path}/trace")


@pytest.mark.slow
def test_the_work_of_reading_a_recording_grows_with_its_length_and_not_with_its_square() -> None:
    few, many = (calls_of_reading(count) for count in (100, 1000))
    assert many < 15 * few


def calls_of_reading(count: int) -> int:
    """Return how many functions are called while a recording with so many keys is read and judged."""
    entries = []
    for number in range(count):
        entry = har_entry(f"https://h.example/api/v1/statusTask/ltx-2-19b?taskId=sk-proj-{number:05d}")
        entry["request"]["headers"] = [{"name": "Authorization", "value": f"Bearer sk-proj-{number:05d}"}]
        entries.append(entry)
    text, calls = har(*entries), 0

    def count_call(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count_call)
    try:
        trace = read_har(text)
        check_trace(trace)
    finally:
        sys.setprofile(before)
    assert len(trace) == count
    assert "sk-proj" not in str(list(trace))
    return calls
