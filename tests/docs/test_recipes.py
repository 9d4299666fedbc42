"""The page "Recipes": each recipe runs as it is printed, with the tools of its language."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import ltx_mock_schemas
from ltx_mock import MockServer
from ltx_mock.client_checks.programs import free_port
from ltx_mock.testcontainer import TO_THE_MACHINE, serve_options
from support.container_engine import engine
from support.pages import BIN, blocks, page
from support.processes import Process, clean_environment
from support.waiting import SECONDS

GUIDE = page("recipes.md")
NAMED = re.compile(r"^```\w+\n(?://|#|<!--) (\w[\w.-]+\.\w+)(?: -->)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILES = dict(NAMED.findall(GUIDE))
JUNIT = sorted(
    str(each)
    for each in Path("/usr/share/java").glob("*.jar")  # Debian's package junit5
    if re.match(r"junit|opentest4j|apiguardian|picocli", each.name)
)
MILLISECONDS = int(SECONDS * 1000)


def written(folder: Path, *names: str) -> Path:
    """Write files of the page into a folder."""
    for name in names:
        (folder / name).write_text(FILES[name], encoding="utf-8")
    return folder


def run(folder: Path, *command: str, **env: str) -> str:
    """Run a command to its end and return what it prints."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env=clean_environment(PATH=path, **env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=2 * SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def with_packages(folder: Path) -> Path:
    """Give a folder the installed packages, and the type of module that the recipes have."""
    vitest = shutil.which("vitest")
    assert vitest
    (folder / "node_modules").symlink_to(Path(vitest).parents[1])
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def test_every_file_of_the_page_is_run() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in FILES if f'"{name}"' not in source] == []


@pytest.mark.slow
def test_python_with_containers(tmp_path: Path) -> None:
    settings = {"TESTCONTAINERS_RYUK_DISABLED": "true", "TESTCONTAINERS_CONNECTION_MODE": "docker_host"}
    written(tmp_path, "test_video.py")
    with engine() as docker:
        said = run(tmp_path, "pytest", "-q", "-p", "no:asyncio", "test_video.py", DOCKER_HOST=docker.url, **settings)
        assert docker.created["Cmd"] == [
            "serve",
            "--clock=manual",
            *serve_options({"callback_rewrite": TO_THE_MACHINE}),
        ]
    assert "1 passed" in said


@pytest.mark.recipes
def test_vitest(tmp_path: Path) -> None:
    written(with_packages(tmp_path), "vitest.config.js", "ltx-mock.setup.js", "video.js", "video.test.js")
    said = run(tmp_path, "vitest", "run", "--testTimeout=0", f"--teardownTimeout={MILLISECONDS}", NO_COLOR="1")
    assert re.search(r"Tests +2 passed", said), said


@pytest.fixture
def vite(tmp_path: Path) -> Iterator[str]:
    """Vite in front of a fake, on a host that only it has."""
    written(with_packages(tmp_path), "vite.config.js", "index.html", "app.js", "video.js")
    with MockServer(clock="auto") as mock:
        url = f"http://127.0.0.1:{free_port()}"
        command = ["vite", "--host", "127.0.0.1", "--port", url.rpartition(":")[2], "--strictPort"]
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        running = Process(command, env={"LTX_MOCK_URL": mock.url, "NO_COLOR": "1", "PATH": path}, cwd=tmp_path)
        try:
            while "Local:" not in running.line():
                pass
            yield url
        finally:
            running.kill()


@pytest.mark.recipes
def test_vite_passes_on_the_video_from_where_the_page_is(vite: str) -> None:
    body = {"input": {"mode": "text-to-video", "prompt": "a sea", "resolution": "480p", "duration": 5}}
    headers = {"authorization": "Bearer any-key"}
    with httpx.Client(base_url=vite, headers=headers, timeout=SECONDS) as client:
        task = client.post("/api/v1/generateTask/ltx-2-19b", json=body).json()["data"]["taskId"]
        polls = (client.get(f"/api/v1/statusTask/ltx-2-19b?taskId={task}").json()["data"] for _ in range(3))
        *_, done = polls
        assert f"{vite}/files/results/{task}.mp4" in done["resultJson"]
        assert client.get(f"/files/results/{task}.mp4").content[4:8] == b"ftyp"


@pytest.mark.recipes
@pytest.mark.browser
def test_playwright(tmp_path: Path) -> None:
    names = ("playwright.config.js", "index.html", "app.js", "video.js", "video.spec.js", "vite.config.js")
    written(with_packages(tmp_path), *names)
    config = FILES["playwright.config.js"]
    for port in ("8219", "5173"):
        config = config.replace(port, str(free_port()))
    launch = f"launchOptions: {{ executablePath: {str(shutil.which('chromium'))!r}, args: ['--no-sandbox'] }}"
    patient = f"timeout: 0, expect: {{ timeout: {MILLISECONDS} }}, use: {{ {launch}, "
    config = config.replace("use: { ", patient).replace("url:", f"timeout: {MILLISECONDS}, url:")
    (tmp_path / "playwright.config.js").write_text(config, encoding="utf-8")
    said = run(tmp_path, "node_modules/.bin/playwright", "test", "--reporter=line", "--workers=1", NO_COLOR="1")
    assert "2 passed" in said, said


@pytest.mark.generators
def test_typescript(tmp_path: Path) -> None:
    written(tmp_path, "client.ts")
    compiler = shutil.which("tsc")
    assert compiler
    (tmp_path / "node_modules").symlink_to(Path(compiler).parents[1])
    [script] = [block for block in blocks(GUIDE, "sh") if "openapi-typescript" in block]
    shipped = Path(ltx_mock_schemas.__file__).with_name("api.d.ts").read_text(encoding="utf-8")
    types = tmp_path / "api.d.ts"
    with MockServer() as mock:
        for command in script.replace("http://127.0.0.1:8219", mock.url).splitlines():
            run(tmp_path, "bash", "-c", command)
            assert types.read_text(encoding="utf-8") == shipped
            types.write_text("")
        types.write_text(shipped, encoding="utf-8")
    options = ("--noEmit", "--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler")
    run(tmp_path, "tsc", *options, "client.ts")


@pytest.mark.java
def test_java(tmp_path: Path) -> None:
    if not JUNIT:
        assert not os.environ.get("REQUIRE_TOOLS"), "CI must install junit5"
        pytest.skip("needs JUnit 5 (Debian: junit5)")
    written(tmp_path, "VideoTest.java")
    classes = os.pathsep.join([*JUNIT, str(tmp_path)])
    run(tmp_path, "javac", "-cp", classes, "VideoTest.java")
    launcher = "org.junit.platform.console.ConsoleLauncher"
    said = run(tmp_path, "java", "-cp", classes, launcher, "--select-class", "VideoTest", "--disable-ansi-colors")
    assert "2 tests successful" in said, said


@pytest.mark.go
def test_go(tmp_path: Path) -> None:
    written(tmp_path, "video_test.go")
    (tmp_path / "go.mod").write_text("module video\n\ngo 1.19\n")
    said = run(tmp_path, "go", "test", "-v", "-timeout", "0", GOPROXY="off", CGO_ENABLED="0")
    assert len(re.findall(r"^--- PASS", said, re.MULTILINE)) == 2, said


@pytest.mark.curl
@pytest.mark.jq
@pytest.mark.posix
@pytest.mark.slow
def test_shell(tmp_path: Path) -> None:
    written(tmp_path, "video.sh")
    assert run(tmp_path, "bash", "video.sh").splitlines()[-2:] == ["processing", "success"]
    assert (tmp_path / "video.mp4").read_bytes()[4:8] == b"ftyp"
