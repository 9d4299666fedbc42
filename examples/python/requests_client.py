"""Make a video with requests: submit, poll as documented, download.

    APIXO_API_KEY=… python requests_client.py PROMPT [OUTPUT.mp4]

Environment: APIXO_BASE_URL (default https://api.apixo.ai/api/v1), APIXO_FIRST_POLL_SECONDS (60),
APIXO_POLL_SECONDS (5), APIXO_GIVE_UP_SECONDS (900). For tests, APIXO_TIME_SCALE divides all waits (1).
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

BASE_URL = os.environ.get("APIXO_BASE_URL", "https://api.apixo.ai/api/v1").rstrip("/")
FIRST_POLL_SECONDS = float(os.environ.get("APIXO_FIRST_POLL_SECONDS", "60"))
POLL_SECONDS = float(os.environ.get("APIXO_POLL_SECONDS", "5"))
GIVE_UP_SECONDS = float(os.environ.get("APIXO_GIVE_UP_SECONDS", "900"))
SCALE = float(os.environ.get("APIXO_TIME_SCALE", "1"))
TIMEOUT = 60
DOWNLOADS = 4


class VideoError(Exception):
    """There is no video; the text says why."""


def patient_session() -> requests.Session:
    """Return a session that waits and tries again, longer each time, and obeys Retry-After.

    Polls and downloads are tried again after 429, 5xx and broken connections. A POST is tried again after 429 only:
    a task costs money, and after a broken connection nobody knows whether it was made.
    """
    session = requests.Session()
    gets = Retry(total=5, backoff_factor=1 / SCALE, status_forcelist=(429, 500, 502, 503, 504), allowed_methods={"GET"})
    posts = Retry(
        total=5, connect=0, read=0, other=0, backoff_factor=1 / SCALE, status_forcelist=(429,), allowed_methods=None
    )
    session.mount("http://", HTTPAdapter(max_retries=gets))
    session.mount("https://", HTTPAdapter(max_retries=gets))
    session.mount(f"{BASE_URL}/generateTask/", HTTPAdapter(max_retries=posts))
    return session


class Videos:
    """The API, with one key."""

    def __init__(self, api_key: str) -> None:
        self._session = patient_session()
        self._headers = {"Authorization": f"Bearer {api_key}"}

    def make(self, request: dict[str, Any], output: Path) -> Path:
        """Return the path of the finished video, or raise `VideoError`."""
        task_id = self._call("POST", "generateTask", json=request)["taskId"]
        print(f"{task_id} submitted", file=sys.stderr)
        task = self._wait_for(task_id)
        # resultJson is JSON inside a string.
        return self._download(json.loads(task["resultJson"])["resultUrls"][0], output)

    def _wait_for(self, task_id: str) -> dict[str, Any]:
        """Return the task when it has succeeded: first asked after 60 s, then every 5 s."""
        waited, pause = 0.0, FIRST_POLL_SECONDS
        while waited + pause <= GIVE_UP_SECONDS:
            time.sleep(pause / SCALE)
            waited += pause
            task = self._call("GET", "statusTask", params={"taskId": task_id})
            if task["state"] == "success":
                return task
            if task["state"] == "failed":
                raise VideoError(f"{task_id} failed: {task['failCode']}: {task['failMsg']}")
            pause = POLL_SECONDS  # pending, processing, or a state that is yet to be invented
        raise VideoError(f"{task_id} is not finished after {GIVE_UP_SECONDS:g} s")

    def _call(self, method: str, operation: str, **options: Any) -> dict[str, Any]:
        """Return `data` of a good answer; 400 and 401 will not get better by asking again."""
        url = f"{BASE_URL}/{operation}/ltx-2-19b"
        try:
            answer = self._session.request(method, url, headers=self._headers, timeout=TIMEOUT, **options)
        except requests.RequestException as error:
            raise VideoError(f"{operation}: {error}") from error
        if answer.status_code != 200:
            raise VideoError(f"{operation}: HTTP {answer.status_code}: {message_of(answer)}")
        data: dict[str, Any] = answer.json()["data"]
        return data

    def _download(self, url: str, output: Path) -> Path:
        """Fetch the file whole or not at all. Result URLs work for 15 days, so keep the file, not the URL."""
        for attempt in range(1, DOWNLOADS):
            try:
                return self._download_once(url, output)
            except VideoError as problem:
                print(problem, file=sys.stderr)
                time.sleep(2**attempt / SCALE)
        return self._download_once(url, output)

    def _download_once(self, url: str, output: Path) -> Path:
        part = output.with_name(f"{output.name}.{os.getpid()}.part")  # clients that run at once may have one output
        try:
            # The URL leads to a file store: the API key has no business there.
            with self._session.get(url, stream=True, timeout=TIMEOUT) as answer, part.open("wb") as file:
                answer.raise_for_status()
                for chunk in answer.iter_content(64 * 1024):
                    file.write(chunk)
            return part.replace(output)
        except requests.RequestException as error:
            raise VideoError(f"cannot download {url}: {error}") from error
        finally:
            part.unlink(missing_ok=True)


def message_of(answer: requests.Response) -> str:
    """Return the API's message; a proxy on the way may answer something that is no JSON."""
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]


def main() -> None:
    """Make the video that the command line asks for."""
    if len(sys.argv) not in {2, 3} or not os.environ.get("APIXO_API_KEY"):
        sys.exit(f"usage: APIXO_API_KEY=… {sys.argv[0]} PROMPT [OUTPUT.mp4]")
    request = {"input": {"mode": "text-to-video", "prompt": sys.argv[1], "resolution": "480p", "duration": 5}}
    output = Path(sys.argv[2] if len(sys.argv) == 3 else "video.mp4")
    try:
        print(Videos(os.environ["APIXO_API_KEY"]).make(request, output))
    except VideoError as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
