"""HAR files as a browser or a proxy writes them while an application makes videos."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ltx_mock_contracts import validate_request
from ltx_mock_contracts.model import MODEL

API = "https://api.apixo.ai/api/v1"
APP = "https://studio.example"
BEGIN_MS = 1_767_965_610_000
EXAMPLES = tuple(name for name in MODEL.examples if not validate_request(MODEL.example(name, root=f"{APP}/samples")))
SCRIPT = "export const palette = ['#0b1020', '#16213e'];\nfunction render(props) { return draw(props.canvas); }\n" * 100
REQUEST_HEADERS = {
    "Accept": "application/json, text/plain, */*",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en-US,en;q=0.9",
    "Authorization": "Bearer sk-studio-5f0c2a7b9d1e4c36",
    "Cache-Control": "no-cache",
    "Origin": APP,
    "Pragma": "no-cache",
    "Referer": f"{APP}/",
    "Sec-Ch-Ua": '"Chromium";v="142", "Not_A Brand";v="99"',
    "Sec-Ch-Ua-Mobile": "?0",
    "Sec-Ch-Ua-Platform": '"Linux"',
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "cross-site",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
}
RESPONSE_HEADERS = {
    "access-control-allow-origin": APP,
    "cache-control": "no-store",
    "content-encoding": "br",
    "date": "Fri, 09 Jan 2026 13:33:30 GMT",
    "server": "cloudflare",
    "strict-transport-security": "max-age=31536000",
    "vary": "Origin, Accept-Encoding",
}


def write_har(path: Path, megabytes: float, *, page: bool) -> int:
    """Write a HAR of this size and return the number of its entries.

    Each task is submitted and polled to its end, by its age in seconds: at 60, 65 and so on. Tasks overlap.

    Args:
        path: The file.
        megabytes: Its size, in 1,000,000 bytes.
        page: Whether it has the other traffic of a page too, as a browser records it: preflights, a script, a picture.
    """
    size, entries = 0, 0
    with path.open("w", encoding="utf-8") as file:
        size += file.write('{"log":{"version":"1.2","creator":{"name":"WebInspector","version":"537.36"},"entries":[')
        number = 0
        while size < megabytes * 1_000_000:
            for entry in _task(number, page=page):
                size += file.write("," * (entries > 0) + json.dumps(entry, ensure_ascii=False))
                entries += 1
            number += 1
        file.write("]}}")
    return entries


def _task(number: int, *, page: bool) -> Iterator[dict[str, Any]]:
    created = BEGIN_MS + number * 1700
    task_id = f"task_{number:012x}"
    body = MODEL.example(EXAMPLES[number % len(EXAMPLES)], root=f"{APP}/samples")
    body["input"]["prompt"] += f", take {number}"
    if page:
        yield _entry(f"{APP}/assets/editor-{number % 7}.js", created - 300, text=SCRIPT, kind="text/javascript")
        yield _entry(f"{APP}/gallery/{number}.webp", created - 200, text="UklGR" * 900 + "==", kind="image/webp")
        yield _entry(f"{API}/generateTask/{MODEL.id}", created - 80, method="OPTIONS", status=204)
    yield _entry(f"{API}/generateTask/{MODEL.id}", created, method="POST", sent=body, answer={"taskId": task_id})
    span = MODEL.generation_ms(body["input"]["mode"], body["input"]["resolution"])
    took = span.low + (span.high - span.low) * (number % 10) // 10
    poll = f"{API}/statusTask/{MODEL.id}?taskId={task_id}"
    data: dict[str, Any] = {"taskId": task_id, "state": "processing", "createTime": created + 50}
    age = 60_000
    while age < took + 1000:
        yield _entry(poll, created + age, answer=data)
        age += 5000
    results = json.dumps({"resultUrls": [f"https://r2.apixo.ai/{task_id}.mp4"]})
    ended = {"state": "success", "resultJson": results, "completeTime": created + 50 + took, "costTime": took}
    yield _entry(poll, created + age, answer=data | ended)


def _entry(
    url: str,
    at: int,
    *,
    method: str = "GET",
    status: int = 200,
    sent: Any = None,
    answer: Any = None,
    text: str = "",
    kind: str = "application/json",
) -> dict[str, Any]:
    if answer is not None:
        text = json.dumps({"code": 200, "message": "success", "data": answer})
    size = len(text.encode())
    request = {
        "method": method,
        "url": url,
        "httpVersion": "http/2.0",
        "headers": _pairs(REQUEST_HEADERS),
        "queryString": [],
        "cookies": [],
        "headersSize": -1,
        "bodySize": 0,
    }
    if sent is not None:
        posted = json.dumps(sent, ensure_ascii=False)
        request |= {"bodySize": len(posted.encode()), "postData": {"mimeType": "application/json", "text": posted}}
    return {
        "startedDateTime": datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds"),
        "time": 84.31700000000001,
        "request": request,
        "response": {
            "status": status,
            "statusText": "",
            "httpVersion": "http/2.0",
            "headers": _pairs(RESPONSE_HEADERS | {"content-type": kind}),
            "cookies": [],
            "content": {"size": size, "mimeType": kind, "text": text},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
            "_transferSize": size + 211,
        },
        "cache": {},
        "timings": {"blocked": 1.2, "dns": -1, "connect": -1, "ssl": -1, "send": 0.4, "wait": 81.9, "receive": 0.8},
        "serverIPAddress": "104.21.5.9",
        "connection": "443",
        "_resourceType": "fetch",
    }


def _pairs(headers: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items()]
