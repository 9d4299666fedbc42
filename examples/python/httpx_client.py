"""Make a video with httpx: submit, poll as documented, download.

    APIXO_API_KEY=… python httpx_client.py PROMPT [OUTPUT.mp4]

Environment: APIXO_BASE_URL (default https://api.apixo.ai/api/v1), APIXO_FIRST_POLL_SECONDS (60),
APIXO_POLL_SECONDS (5), APIXO_GIVE_UP_SECONDS (900).
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import httpx

BASE_URL = os.environ.get("APIXO_BASE_URL", "https://api.apixo.ai/api/v1").rstrip("/")
FIRST_POLL_SECONDS = float(os.environ.get("APIXO_FIRST_POLL_SECONDS", "60"))
POLL_SECONDS = float(os.environ.get("APIXO_POLL_SECONDS", "5"))
GIVE_UP_SECONDS = float(os.environ.get("APIXO_GIVE_UP_SECONDS", "900"))
TRIES = 5


class VideoError(Exception):
    """There is no video; the text says why."""


def make_video(client: httpx.Client, request: dict[str, Any], output: Path) -> Path:
    """Return the path of the finished video, or raise `VideoError`."""
    task_id = submit(client, request)
    print(f"{task_id} submitted", file=sys.stderr)
    task = wait_for(client, task_id)
    # resultJson is JSON inside a string.
    return download(json.loads(task["resultJson"])["resultUrls"][0], output)


def submit(client: httpx.Client, request: dict[str, Any]) -> str:
    """Return the id of a new task. Only 429 is tried again: a task costs money, and there is no idempotency key."""
    for attempt in range(TRIES):
        try:
            answer = client.post("/generateTask/ltx-2-19b", json=request)
        except httpx.ConnectError as error:
            raise VideoError(f"cannot reach {BASE_URL}: {error}") from error
        except httpx.HTTPError as error:
            raise VideoError(f"the connection broke; whether a task was made is not known: {error}") from error
        if answer.status_code != 429:
            return str(data_of(answer)["taskId"])
        time.sleep(delay(attempt, answer))
    raise VideoError(f"still HTTP 429 after {TRIES} tries: {message_of(answer)}")


def wait_for(client: httpx.Client, task_id: str) -> dict[str, Any]:
    """Return the task when it has succeeded: first asked after 60 s, then every 5 s."""
    give_up = time.monotonic() + GIVE_UP_SECONDS
    pause = FIRST_POLL_SECONDS
    while time.monotonic() + pause < give_up:
        time.sleep(pause)
        task = status(client, task_id)
        if task["state"] == "success":
            return task
        if task["state"] == "failed":
            raise VideoError(f"{task_id} failed: {task['failCode']}: {task['failMsg']}")
        pause = POLL_SECONDS  # pending, processing, or a state that is yet to be invented
    raise VideoError(f"{task_id} is not finished after {GIVE_UP_SECONDS:g} s")


def status(client: httpx.Client, task_id: str) -> dict[str, Any]:
    """Return the task as it is now. What passes (429, 5xx, a broken connection) is tried again, ever later."""
    problem = ""
    for attempt in range(TRIES):
        answer = None
        try:
            answer = client.get("/statusTask/ltx-2-19b", params={"taskId": task_id})
        except httpx.HTTPError as error:
            problem = str(error) or type(error).__name__
        else:
            if answer.status_code != 429 and answer.status_code < 500:
                return data_of(answer)
            problem = f"HTTP {answer.status_code}: {message_of(answer)}"
        time.sleep(delay(attempt, answer))
    raise VideoError(f"no status of {task_id} in {TRIES} tries: {problem}")


def download(url: str, output: Path) -> Path:
    """Fetch the file whole or not at all. Result URLs work for 15 days, so do not keep the URL: keep the file."""
    part = output.with_name(output.name + ".part")
    problem = ""
    for attempt in range(TRIES):
        answer = None
        try:
            # The URL leads to a file store: the API key has no business there.
            with httpx.stream("GET", url, follow_redirects=True, timeout=60) as answer, part.open("wb") as file:
                if answer.status_code == 200:
                    for chunk in answer.iter_bytes():
                        file.write(chunk)
                    break
            problem = f"HTTP {answer.status_code}"
            if answer.status_code != 429 and answer.status_code < 500:
                raise VideoError(f"cannot download {url}: {problem}")
        except httpx.HTTPError as error:
            problem = str(error) or type(error).__name__
        time.sleep(delay(attempt, answer))
    else:
        raise VideoError(f"cannot download {url}: {problem}")
    return part.replace(output)


def data_of(answer: httpx.Response) -> dict[str, Any]:
    """Return `data` of a good answer; 400 and 401 will not get better by asking again."""
    if answer.status_code != 200:
        raise VideoError(f"HTTP {answer.status_code}: {message_of(answer)}")
    data: dict[str, Any] = answer.json()["data"]
    return data


def message_of(answer: httpx.Response) -> str:
    """Return the API's message; a proxy on the way may answer something that is no JSON."""
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]


def delay(attempt: int, answer: httpx.Response | None) -> float:
    """Return the seconds to wait: what the server asks for, or twice as long each time."""
    asked = "" if answer is None else answer.headers.get("retry-after", "")
    return float(asked) if asked.isdecimal() else 2.0**attempt


def main() -> None:
    """Make the video that the command line asks for."""
    if len(sys.argv) not in {2, 3} or not os.environ.get("APIXO_API_KEY"):
        sys.exit(f"usage: APIXO_API_KEY=… {sys.argv[0]} PROMPT [OUTPUT.mp4]")
    headers = {"Authorization": f"Bearer {os.environ['APIXO_API_KEY']}"}
    output = Path(sys.argv[2] if len(sys.argv) == 3 else "video.mp4")
    request = {"input": {"mode": "text-to-video", "prompt": sys.argv[1], "resolution": "480p", "duration": 5}}
    with httpx.Client(base_url=BASE_URL, headers=headers, timeout=60) as client:
        try:
            print(make_video(client, request, output))
        except VideoError as problem:
            sys.exit(str(problem))


if __name__ == "__main__":
    main()
