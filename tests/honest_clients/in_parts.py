"""An honest client in another style: asks for the balance first, downloads in many parts at once, and asks again for a
result that is missing or gone."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx

BASE = os.environ["APIXO_BASE_URL"].rstrip("/").removesuffix("/api/v1") + "/api/v1"
SCALE = float(os.environ.get("APIXO_TIME_SCALE", "1"))
HEADERS = {"Authorization": f"Bearer {os.environ['APIXO_API_KEY']}"}
REQUEST = {"mode": "text-to-video", "prompt": "a city", "resolution": "480p", "duration": 5}
PASSING = {429, 500, 502, 503, 504}
PART = 200_000

http = httpx.Client(timeout=60, headers={"User-Agent": "parts/1"})


def pause(seconds: float) -> None:
    time.sleep(seconds / SCALE)


def advised(response: httpx.Response) -> float:
    given = response.headers.get("retry-after", "")
    if given.isdecimal():
        return float(given)
    return max(0.0, parsedate_to_datetime(given).timestamp() - time.time()) if given else 0.0


def tries() -> Iterator[int]:
    """Yield numbers, with growing waits between them."""
    for attempt in range(6):
        yield attempt
        pause(2**attempt)


def ask(method: str, path: str, **options: Any) -> Any:
    for _ in tries():
        try:
            response = http.request(method, f"{BASE}{path}", headers=HEADERS, **options)
        except httpx.TransportError as error:
            if method == "POST":
                sys.exit(f"nobody knows whether there is a task: {error}")
            continue
        if response.status_code == 200:
            return response.json()["data"]
        if response.status_code not in PASSING or (method == "POST" and response.status_code != 429):
            sys.exit(f"HTTP {response.status_code}: {response.text}")
        pause(advised(response))
    sys.exit(f"{path} does not get better")


def part(url: str, start: int, size: int) -> bytes:
    """Return a part of a file; it raises `FileNotFoundError` if there is none."""
    span = f"bytes={start}-{start + size - 1}"
    for _ in tries():
        try:
            response = http.get(url, headers={"Range": span})
        except httpx.TransportError:
            continue
        if response.status_code == 206:
            return response.content
        if response.status_code not in PASSING:
            break
    raise FileNotFoundError(url)


def download(url: str) -> bytes:
    size = int(http.head(url).headers["content-length"])
    part(url, 0, 1)
    with ThreadPoolExecutor(4) as pool:
        return b"".join(pool.map(lambda at: part(url, at, min(PART, size - at)), range(0, size, PART)))


def result_of(task: dict[str, Any]) -> bytes | None:
    try:
        return download(json.loads(task["resultJson"])["resultUrls"][0])
    except (LookupError, FileNotFoundError):
        return None


def main() -> None:
    print(ask("GET", "/apikeys/current-balance"), "credits", file=sys.stderr)
    body = {"request_type": "async", "source": "parts", "input": REQUEST}
    task_id = ask("POST", "/generateTask/ltx-2-19b", json=body)["taskId"]
    asked_again, wait = 0, 60
    for _ in range(120):
        pause(wait)
        task, wait = ask("GET", "/statusTask/ltx-2-19b", params={"taskId": task_id}), 5
        if task["state"] == "failed":
            sys.exit(f"{task['failCode']}: {task['failMsg']}")
        if task["state"] != "success":
            continue
        if (video := result_of(task)) is not None:
            Path("video.mp4").write_bytes(video)
            return
        asked_again += 1
        if asked_again > 2:
            break
    sys.exit("there is no video")


main()
