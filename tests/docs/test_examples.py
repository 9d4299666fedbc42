"""Every example runs as it is printed, against the fake."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from ltx_mock import MockServer
from support.bodies import TEXT, post, request_body
from support.processes import Process, clean_environment
from support.waiting import SECONDS

pytestmark = pytest.mark.sample(3)  # each starts programs

EXAMPLES = Path(__file__).parents[2] / "examples"
CURL = pytest.param(["bash", str(EXAMPLES / "curl" / "generate.sh")], marks=pytest.mark.curl, id="curl")
HTTPX = pytest.param([sys.executable, str(EXAMPLES / "python" / "httpx_client.py")], id="httpx")
REQUESTS = pytest.param([sys.executable, str(EXAMPLES / "python" / "requests_client.py")], id="requests")
NODE = pytest.param(["node", str(EXAMPLES / "node" / "client.mjs")], marks=pytest.mark.node, id="node")
clients = pytest.mark.parametrize("client", [CURL, HTTPX, REQUESTS, NODE])
receivers = pytest.mark.parametrize(
    "receiver",
    [
        pytest.param([sys.executable, str(EXAMPLES / "python" / "callback_receiver.py")], id="python"),
        pytest.param(["node", str(EXAMPLES / "node" / "callback-receiver.mjs")], marks=pytest.mark.node, id="node"),
    ],
)


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(clock="auto") as running:
        yield running


def run(command: list[str], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run an example to its end without its waits."""
    waits = {"APIXO_FIRST_POLL_SECONDS": "0", "APIXO_POLL_SECONDS": "0"}
    return subprocess.run(
        command,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
        cwd=cwd,
        env=clean_environment(**(waits | environment)),
        timeout=300,
        check=False,
    )


def access(mock: MockServer) -> dict[str, str]:
    return {"APIXO_BASE_URL": mock.base_url, "APIXO_API_KEY": "example-key"}


@clients
def test_a_client_submits_polls_and_downloads(mock: MockServer, client: list[str], tmp_path: Path) -> None:
    done = run([*client, 'a "quoted" \\ city\nat süd 城市', "out.mp4"], tmp_path, **access(mock))
    assert (done.returncode, done.stdout) == (0, "out.mp4\n"), done.stderr
    assert (tmp_path / "out.mp4").read_bytes()[4:8] == b"ftyp"
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


@clients
def test_a_client_reports_a_failed_task_by_its_code(mock: MockServer, client: list[str], tmp_path: Path) -> None:
    done = run([*client, "[[content-violation]]"], tmp_path, **access(mock))
    assert done.returncode == 1
    assert "failed: CONTENT_VIOLATION: Content does not meet safety guidelines" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@clients
def test_clients_that_run_at_once_may_have_one_output(mock: MockServer, client: list[str], tmp_path: Path) -> None:
    unfinished = tmp_path / "out.mp4.part"
    unfinished.write_bytes(b"of another")
    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(run, [*client, "a city", "out.mp4"], tmp_path, **access(mock)) for _ in range(3)]
    assert [(each.result().returncode, each.result().stderr.count("HTTP")) for each in running] == [(0, 0)] * 3
    assert unfinished.read_bytes() == b"of another"
    assert {path.name for path in tmp_path.iterdir()} == {"out.mp4", "out.mp4.part"}


@clients
def test_a_client_keeps_the_rules_for_clients(client: list[str], tmp_path: Path) -> None:
    with MockServer(clock="auto", strict=True) as mock:
        assert run([*client, "a city"], tmp_path, **access(mock) | {"APIXO_API_KEY": mock.api_key}).returncode == 0
        asked = [(entry.operation, entry.status, entry.state) for entry in mock.requests]
    assert asked == [
        ("generateTask", 200, "pending"),
        ("statusTask", 200, "pending"),
        ("statusTask", 200, "processing"),
        ("statusTask", 200, "success"),
    ]


@clients
def test_a_client_gives_up_at_once_where_asking_again_is_no_use(client: list[str], tmp_path: Path) -> None:
    with MockServer(api_key="the-right-key") as mock:
        done = run([*client, "a city"], tmp_path, **access(mock))
        assert done.returncode == 1
        assert "HTTP 401: API key is not accepted" in done.stderr


@clients
def test_a_client_waits_out_a_429(client: list[str], tmp_path: Path) -> None:
    with MockServer(clock="real", rate_limit="1/second", speed=50, max_concurrent=1) as mock:
        done = run([*client, "[[content-violation]]"], tmp_path, **access(mock) | {"APIXO_API_KEY": mock.api_key})
        assert "CONTENT_VIOLATION" in done.stderr
        refused = [entry for entry in mock.requests if entry.status == 429]
    assert done.returncode == 1
    assert len(refused) < 5


@clients
def test_a_client_without_key_or_prompt_says_how_it_is_used(client: list[str], tmp_path: Path) -> None:
    assert run([*client, "a city"], tmp_path).returncode != 0
    done = run(client, tmp_path, APIXO_API_KEY="x")
    assert done.returncode != 0
    assert "usage:" in done.stderr


@pytest.mark.curl
@pytest.mark.parametrize("script", sorted((EXAMPLES / "seed").glob("*.sh")), ids=lambda path: path.stem)
def test_the_documents_own_curl_lines_work(mock: MockServer, script: Path, tmp_path: Path) -> None:
    done = run(["sh", str(script)], tmp_path, LTX_MOCK_URL=mock.url)
    assert done.returncode == 0
    assert done.stdout.startswith('{"code":200,"message":"success","data":{"taskId":"task_'), done.stdout


def test_there_are_three_curl_lines_and_each_calls_the_default_port() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (EXAMPLES / "seed").glob("*.sh")]
    assert len(texts) == 3
    assert all(text.startswith('curl -X POST "${LTX_MOCK_URL:-http://127.0.0.1:8219}/api/v1/') for text in texts)


@receivers
def test_a_receiver_takes_callbacks_each_once(mock: MockServer, receiver: list[str]) -> None:
    process = Process([*receiver, "0"])
    try:
        url = process.line().removeprefix("listening on ")
        with mock.client(verify=False) as client:
            ids = []
            for prompt in ("a city", "[[content-violation]]"):
                body = request_body(TEXT, prompt=prompt) | {"request_type": "callback", "callback_url": url}
                ids.append(post(client, body).json()["data"]["taskId"])
                told = process.line()
                assert told.startswith(ids[-1])
                assert (" success http://" in told) or ("failed CONTENT_VIOLATION" in told)
            again = client.get("/statusTask/ltx-2-19b", params={"taskId": ids[0]})
            assert client.post(url, content=again.content).status_code == 200
            assert client.post(url, content=b"[]").status_code == 400
            assert client.post(f"{url}s", content=b"{}").status_code == 404
        process.end()
        assert process.rest() == []
    finally:
        process.kill()


@pytest.fixture
def pages() -> Iterator[str]:
    """Serve the example page from another origin than the fake."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(EXAMPLES / "browser")))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://localhost:{server.server_port}/index.html"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        yield browser
        browser.close()


def test_the_guide_names_the_parameters_of_the_page_and_git_ignores_the_videos() -> None:
    guide = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    page = (EXAMPLES / "browser" / "index.html").read_text(encoding="utf-8")
    parameters = set(re.findall(r"options\.get\(\"(\w+)\"\)", page))
    assert parameters == {"base", "first", "poll"}
    assert [each for each in parameters if f"`{each}`" not in guide] == []
    assert "--directory examples/browser" in guide
    ignored = (EXAMPLES.parent / ".gitignore").read_text(encoding="utf-8").split()
    assert set(re.findall(r"\w+\.mp4", guide)) == {"city.mp4"}
    assert "/city.mp4" in ignored


@pytest.mark.browser
def test_the_page_plays_the_video_from_another_origin(mock: MockServer, pages: str, chromium: Any) -> None:
    page = chromium.new_page()
    problems: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{pages}?first=0&poll=0&base={quote(mock.base_url)}")
    page.get_by_role("button").click()
    page.wait_for_function("document.getElementById('video').currentTime > 0.2", timeout=SECONDS * 1000)
    size = page.evaluate("[video.videoWidth, video.videoHeight, Math.round(video.duration)]")
    assert size == [854, 480, 5]
    assert problems == []
    assert {urlsplit(url).hostname for url in asked if not url.startswith("data:")} == {"127.0.0.1", "localhost"}
    page.close()


@pytest.mark.browser
def test_the_page_tells_why_there_is_no_video(mock: MockServer, pages: str, chromium: Any) -> None:
    page = chromium.new_page()
    page.goto(f"{pages}?first=0&poll=0&base={quote(mock.base_url)}")
    page.get_by_label("Prompt").fill("[[content-violation]]")
    page.get_by_role("button").click()
    page.get_by_text("CONTENT_VIOLATION: Content does not meet safety guidelines").wait_for(timeout=SECONDS * 1000)
    assert page.locator("video").is_hidden()
    page.close()


def test_the_shell_example_can_be_run_as_it_is() -> None:
    assert os.access(EXAMPLES / "curl" / "generate.sh", os.X_OK)
