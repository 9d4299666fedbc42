"""The guide "State that survives": its commands do what it says, with SQLite and with Redis."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from ltx_mock.core.setting_readers import STORES
from support.pages import blocks, page, run_commands
from support.processes import serving
from support.receivers import Receiver
from support.redis_servers import redis_server

GUIDE = page("stores.md")
BEFORE, AFTER = blocks(GUIDE, "sh")
SERVE = [line for block in blocks(GUIDE, "text") for line in block.splitlines() if line.startswith("ltx-mock serve ")]


def check_after_a_kill(options: list[str], folder: Path) -> None:
    """Run the guide's story, and check that all is there after the server was killed."""
    with Receiver(200) as receiver:
        for block in (BEFORE, AFTER):
            with serving(*options, cwd=folder) as served:
                script = block.replace("http://127.0.0.1:8219", served.url).replace(
                    "http://127.0.0.1:3000", receiver.root
                )
                printed = run_commands(f"export LTX_MOCK_URL={served.url}\n{script}", folder)
                assert served.end(signal.SIGKILL) == -signal.SIGKILL
        (received,) = receiver.take_all()
    story = r".*:50\.\d+\S* +manual\n.*\n.* (task_\w+) +processing .*\n.*\n\1 +scheduled .*\n(?s:.*) \1 +success .*\n"
    found = re.fullmatch(story, printed)
    assert found, printed
    assert found[1].encode() in received.body


@pytest.mark.slow
@pytest.mark.posix
@pytest.mark.curl
def test_after_a_kill_all_is_there_in_the_file(tmp_path: Path) -> None:
    check_after_a_kill(SERVE[0].split()[2:], tmp_path)
    assert (tmp_path / "state.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
@pytest.mark.posix
@pytest.mark.curl
@pytest.mark.redis
def test_after_a_kill_all_is_there_in_redis(tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis") as redis:
        options = SERVE[1].replace("redis://127.0.0.1:6379/0", redis.url).split()[2:]
        check_after_a_kill([*options, "--clock", "manual"], tmp_path)


def test_the_example_in_python_finds_its_task_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = blocks(GUIDE, "python")
    exec(compile(code, "stores.md", "exec"), {})
    assert (tmp_path / "state.db").exists()


def test_the_table_has_each_kind_of_store() -> None:
    named = re.findall(r"^\| `(\w+)[`:]", GUIDE, re.MULTILINE)
    assert named == re.findall(r"(memory|sqlite|redis)\b", STORES)
