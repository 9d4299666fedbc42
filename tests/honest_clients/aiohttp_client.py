"""An honest client in another style: asyncio and aiohttp, gives up by the number of its polls, prints the URL."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from typing import Any

import aiohttp

BASE = os.environ["APIXO_BASE_URL"]
SCALE = float(os.environ.get("APIXO_TIME_SCALE", "1"))
HEADERS = {"Authorization": f"Bearer {os.environ['APIXO_API_KEY']}"}
PASSING = {429, 500, 502, 503, 504}


class NoVideoError(Exception):
    pass


async def pause(seconds: float) -> None:
    await asyncio.sleep(seconds / SCALE)


async def ask(session: aiohttp.ClientSession, method: str, path: str, **options: Any) -> dict[str, Any]:
    """Return `data`; polls are tried again whatever breaks, a submission only after a clear 429."""
    for attempt in range(6):
        wait = 2**attempt + random.random()
        try:
            async with session.request(method, BASE + path, **options) as response:
                if response.status == 200:
                    return dict((await response.json())["data"])
                text = await response.text()
                if response.status not in PASSING or (method == "POST" and response.status != 429):
                    raise NoVideoError(f"HTTP {response.status}: {text}")
                asked = response.headers.get("Retry-After", "")
                wait = max(wait, float(asked) if asked.isdigit() else 0.0)
        except (aiohttp.ClientError, TimeoutError) as error:
            if method == "POST":
                raise NoVideoError(f"the task may have been made: {error!r}") from error
        await pause(wait)
    raise NoVideoError("it does not get better")


async def make_video() -> str:
    timeout = aiohttp.ClientTimeout(total=35)
    async with aiohttp.ClientSession(headers=HEADERS, timeout=timeout) as session:
        given = {"mode": "text-to-video", "prompt": "a calm sea", "resolution": "720p", "duration": 8}
        task = await ask(session, "POST", "/generateTask/ltx-2-19b", json={"input": given})
        await pause(60)
        for _ in range(200):
            status = await ask(session, "GET", "/statusTask/ltx-2-19b", params={"taskId": task["taskId"]})
            if status["state"] == "success":
                return str(json.loads(status["resultJson"])["resultUrls"][0])
            if status["state"] == "failed":
                raise NoVideoError(f"{status.get('failCode')}: {status.get('failMsg')}")
            await pause(6)
        raise NoVideoError("the task does not end")


try:
    print(asyncio.run(make_video()))
except (NoVideoError, LookupError) as problem:
    sys.exit(f"no video: {problem}")
