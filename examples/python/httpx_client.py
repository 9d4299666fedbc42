"""Make a video with httpx, as one would in production: submit, wait as documented, download.

    APIXO_API_KEY=… python httpx_client.py PROMPT [OUTPUT.mp4]

Environment, with defaults: APIXO_BASE_URL (https://api.apixo.ai/api/v1), APIXO_FIRST_POLL_SECONDS (60),
APIXO_POLL_SECONDS (5), APIXO_GIVE_UP_SECONDS (900), APIXO_CALLBACK_URL (none: where to listen for a callback; it polls
if none comes in APIXO_CALLBACK_SECONDS, 240), APIXO_TIME_SCALE (1: what all waits are divided by, for tests).
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

BASE_URL = os.environ.get("APIXO_BASE_URL", "https://api.apixo.ai/api/v1").rstrip("/")
CALLBACK_URL = os.environ.get("APIXO_CALLBACK_URL", "")
FIRST_POLL_SECONDS = float(os.environ.get("APIXO_FIRST_POLL_SECONDS", "60"))
POLL_SECONDS = float(os.environ.get("APIXO_POLL_SECONDS", "5"))
CALLBACK_SECONDS = float(os.environ.get("APIXO_CALLBACK_SECONDS", "240"))
GIVE_UP_SECONDS = float(os.environ.get("APIXO_GIVE_UP_SECONDS", "900"))
SCALE = float(os.environ.get("APIXO_TIME_SCALE", "1"))
HTTP_SECONDS = max(60 / SCALE, 1.0)  # a network does not get faster
TRIES = 5

T = TypeVar("T")


class VideoError(Exception):
    """There is no video; the text says why."""


class PassingError(Exception):
    """It did not work this time; later it may."""

    def __init__(self, problem: str, retry_after: str = "") -> None:
        super().__init__(problem)
        self.retry_after = int(retry_after) if retry_after.isdecimal() else 0


def make_video(client: httpx.Client, request: dict[str, Any], output: Path) -> Path:
    """Return the path of the finished video, or raise `VideoError`."""
    if CALLBACK_URL:
        request |= {"request_type": "callback", "callback_url": CALLBACK_URL}
    with Inbox(CALLBACK_URL) as inbox:
        task_id = patiently(lambda: submit(client, request))
        print(f"{task_id} submitted", file=sys.stderr)
        task = wait_for(client, task_id, inbox)
        # resultJson is JSON inside a string.
        url = json.loads(task["resultJson"])["resultUrls"][0]
        return patiently(lambda: download(client, url, output))


def submit(client: httpx.Client, request: dict[str, Any]) -> str:
    """Return the id of a new task. Only 429 is tried again: a task costs money, and there is no idempotency key."""
    try:
        answer = call(client, "POST", "/generateTask/ltx-2-19b", json=request)
    except httpx.ConnectError as error:
        raise VideoError(f"cannot reach {BASE_URL}: {error}") from error
    except httpx.HTTPError as error:
        raise VideoError(f"whether a task was made is not known: {error!r}") from error
    if answer.status_code >= 500:
        raise VideoError(f"whether a task was made is not known: {problem_of(answer)}")
    return str(data_of(answer)["taskId"])


def wait_for(client: httpx.Client, task_id: str, inbox: Inbox) -> dict[str, Any]:
    """Return the task when it has succeeded. It is told by a callback, or asked for: after 60 s, then every 5 s."""
    began, waited = time.monotonic(), 0.0
    pause = CALLBACK_SECONDS if CALLBACK_URL else FIRST_POLL_SECONDS
    while waited + pause < GIVE_UP_SECONDS:
        task = inbox.get(task_id, pause) or patiently(lambda: status(client, task_id))
        if task["state"] == "success":
            return task
        if task["state"] == "failed":
            raise VideoError(f"{task_id} failed: {task.get('failCode')}: {task.get('failMsg')}")
        # pending, processing, or a state that is yet to be invented
        waited = max(waited + pause, time.monotonic() - began)
        pause = POLL_SECONDS
    raise VideoError(f"{task_id} is not finished after {GIVE_UP_SECONDS:g} s")


def status(client: httpx.Client, task_id: str) -> dict[str, Any]:
    """Return the task as it is now."""
    try:
        return data_of(call(client, "GET", "/statusTask/ltx-2-19b", params={"taskId": task_id}))
    except httpx.HTTPError as error:
        raise PassingError(f"no status of {task_id}: {error!r}") from error


def download(client: httpx.Client, url: str, output: Path) -> Path:
    """Fetch the file whole or not at all. Result URLs work for 15 days, so do not keep the URL: keep the file."""
    part = output.with_name(f"{output.name}.{os.getpid()}.part")  # clients that run at once may have one output
    try:
        # The URL leads to a file store: the API key has no business there.
        with client.stream("GET", url, follow_redirects=True) as answer:
            if answer.status_code != 200:
                answer.read()
                raise refusal(answer)
            with part.open("wb") as file:
                file.writelines(answer.iter_bytes())
            if answer.num_bytes_downloaded != int(answer.headers.get("Content-Length", answer.num_bytes_downloaded)):
                raise PassingError(f"{url} is cut off")
        return part.replace(output)
    except httpx.HTTPError as error:
        raise PassingError(f"cannot download {url}: {error!r}") from error
    finally:
        part.unlink(missing_ok=True)


def call(client: httpx.Client, method: str, path: str, **options: Any) -> httpx.Response:
    """Ask the API."""
    headers = {"Authorization": f"Bearer {os.environ['APIXO_API_KEY']}"}
    return client.request(method, BASE_URL + path, headers=headers, **options)


def data_of(answer: httpx.Response) -> dict[str, Any]:
    """Return `data` of a good answer."""
    if answer.status_code != 200:
        raise refusal(answer)
    data: dict[str, Any] = answer.json()["data"]
    return data


def refusal(answer: httpx.Response) -> Exception:
    """Return the error that an answer stands for: 429 and 5xx may pass, 400 and 401 do not get better by waiting."""
    if answer.status_code == 429 or answer.status_code >= 500:
        return PassingError(problem_of(answer), answer.headers.get("Retry-After", ""))
    return VideoError(problem_of(answer))


def problem_of(answer: httpx.Response) -> str:
    """Return the API's message; a proxy on the way may answer something that is no JSON."""
    try:
        message = answer.json()["message"]
    except (ValueError, KeyError, TypeError):
        message = answer.text[:200]
    return f"HTTP {answer.status_code}: {message}"


def patiently(work: Callable[[], T]) -> T:
    """Do something, and again while it fails in a way that may pass, each time twice as long after the last."""
    for attempt in range(TRIES):
        try:
            return work()
        except PassingError as error:
            problem = error
        if attempt + 1 < TRIES:
            time.sleep((problem.retry_after + 2 * 2**attempt) / SCALE)
    raise VideoError(f"{problem} (tried {TRIES} times)")


class Inbox:
    """Finished tasks that callbacks have told of. They may come twice, in any order, and before the id is known."""

    def __init__(self, url: str) -> None:
        self.path = urlsplit(url).path
        self._tasks: dict[str, dict[str, Any]] = {}  # a real application has a database
        self._changed = threading.Condition()
        self._server = None
        if url:
            handler = type("Handler", (Receiver,), {"inbox": self})
            self._server = ThreadingHTTPServer((urlsplit(url).hostname or "", urlsplit(url).port or 80), handler)
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Inbox:
        return self

    def __exit__(self, *_: object) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def put(self, task: dict[str, Any]) -> None:
        """Take a task; the same once more changes nothing."""
        with self._changed:
            self._tasks.setdefault(task["taskId"], task)
            self._changed.notify_all()

    def get(self, task_id: str, seconds: float) -> dict[str, Any] | None:
        """Wait until the task is told of, at most so long: one that takes callbacks gives the network a second."""
        least = 1.0 if self._server and seconds == CALLBACK_SECONDS else 0.0
        with self._changed:
            self._changed.wait_for(lambda: task_id in self._tasks, max(seconds / SCALE, least))
            return self._tasks.get(task_id)


class Receiver(BaseHTTPRequestHandler):
    """Answers at once, and leaves the work to others: after 30 s without a 200 the callback is sent again."""

    inbox: Inbox

    def do_POST(self) -> None:
        """Take one callback; one for a task of somebody else does no harm."""
        code = 404
        if self.path == self.inbox.path:
            try:
                length = min(int(self.headers.get("Content-Length", "0")), 1_000_000)
                self.inbox.put(json.loads(self.rfile.read(length))["data"])
                code = 200  # nothing but 200 counts
            except (ValueError, KeyError, TypeError):
                code = 400
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing for each request."""


def main() -> None:
    """Make the video that the command line asks for."""
    if len(sys.argv) not in {2, 3} or not os.environ.get("APIXO_API_KEY"):
        sys.exit(f"usage: APIXO_API_KEY=… {sys.argv[0]} PROMPT [OUTPUT.mp4]")
    output = Path(sys.argv[2] if len(sys.argv) == 3 else "video.mp4")
    request = {"input": {"mode": "text-to-video", "prompt": sys.argv[1], "resolution": "480p", "duration": 5}}
    with httpx.Client(timeout=HTTP_SECONDS) as client:
        try:
            print(make_video(client, request, output))
        except VideoError as problem:
            sys.exit(str(problem))


if __name__ == "__main__":
    main()
