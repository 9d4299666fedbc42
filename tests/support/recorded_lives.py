"""Recordings of the independent server, made in its own time: what `ltx-mock record` would have kept of a client."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from ltx_mock_contracts.recordings import Body, Recording, Recordings
from ltx_mock_contracts.trace.exchange import SIGNIFICANT_HEADERS
from support.independent_server import KEYS, MODEL, VIOLATING, IndependentServer
from support.lives import TASK

Change = Callable[["Reply"], "Reply | None"]
"""Changes what the server says; None breaks the connection."""


@dataclass(frozen=True)
class Reply:
    """What the server says to one request.

    Attributes:
        operation: `generateTask`, `statusTask` or `callback`.
        request: The body of the task's generateTask.
        age: Milliseconds since the task was created.
        status: The HTTP status.
        headers: The significant headers.
        body: The decoded body.
    """

    operation: str
    request: Any
    age: int
    status: int
    headers: dict[str, str]
    body: Any


def text(resolution: str = "480p", **more: Any) -> dict[str, Any]:
    given = {"mode": "text-to-video", "prompt": "a calm sea", "resolution": resolution, "duration": 5}
    return {"input": given | more}


def lora(resolution: str = "480p") -> dict[str, Any]:
    loras = [{"path": "https://files.example.com/style.safetensors", "scale": 1.0}]
    return text(resolution, mode="text-to-video-LoRA", loras=loras)


def image() -> dict[str, Any]:
    return text(mode="image-to-video", image_urls=["https://files.example.com/a.png"])


def callback() -> dict[str, Any]:
    return {"request_type": "callback", "callback_url": "https://app.example.com/hook", **text()}


def violating() -> dict[str, Any]:
    return text(prompt=f"this is {VIOLATING}")


USUAL = (
    *(text(prompt=f"wave {number}") for number in range(6)),
    *(text("1080p", prompt=f"city {number}") for number in range(6)),
    *(lora() for _ in range(4)),
    *(callback() for _ in range(2)),
    *(violating() for _ in range(2)),
    image(),
    text(duration=25),
    text(aspect_ratio="4:3"),
    text(prompt=""),
)
"""What an app asks for in a day: successes of several kinds, failures and refusals."""


def recorded(
    *dialects: str,
    bodies: Sequence[Any] = USUAL,
    change: Change = lambda reply: reply,
    rhythm: float = 5.0,
    seed: int = 0,
    slower: float = 1.0,
) -> list[Recording]:
    """Return the recordings of a client that sends these requests, and polls each task to its end.

    Args:
        dialects: Those of the server.
        bodies: The bodies of generateTask.
        change: What the server says otherwise.
        rhythm: The mean pause between two polls, in seconds.
        seed: What the pauses are drawn from.
        slower: Tasks take so many times longer.
    """
    rng = random.Random(seed)
    with IndependentServer(*dialects) as server:
        server.now += seed * 86_400
        return [_live(server, body, change, rhythm, rng, slower, number) for number, body in enumerate(bodies)]


def folder(recordings: Iterable[Recording], name: str = "recordings") -> Recordings:
    """Return recordings as `read_recordings` does."""
    return Recordings(Path(name), tuple(recordings))


def apart(recordings: Iterable[Recording], name: str = "recordings") -> Recordings:
    """Return recordings as `read_recordings` does, of tasks that are one another's copies but for their ids."""
    texts = [json.dumps(each.to_json()).replace(TASK, f"{TASK}{number}") for number, each in enumerate(recordings)]
    return folder((Recording.from_json(json.loads(each)) for each in texts), name)


def write(recordings: Iterable[Recording], to: Path) -> Path:
    """Write recordings to a folder."""
    to.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(recordings):
        (to / f"recording-{number:03}.json").write_text(json.dumps(each.to_json(), indent=2), encoding="utf-8")
    return to


def _live(
    server: IndependentServer,
    body: Any,
    change: Change,
    rhythm: float,
    rng: random.Random,
    slower: float,
    number: int,
) -> Recording:
    sent = server.now
    made = _changed(change, "generateTask", body, 0, _ask(server, "generateTask", body))
    data = made.body.get("data") if made and isinstance(made.body, dict) else None
    told = data.get("taskId") if isinstance(data, dict) else None
    task_id = told if isinstance(told, str) else None
    entry: dict[str, Any] = {
        "format": "ltx-mock-recording",
        "version": 1,
        "upstream": server.url,
        "model": MODEL,
        "recorded": datetime.fromtimestamp(sent, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "taskId": task_id,
        "request": {"headers": {"content-type": "application/json"}, "body": body},
        "response": {**_reply(made), "latency": 100},
        "answers": [],
        "end": None,
    }
    task = server.tasks.get(task_id or "")
    if task is not None:
        task.took = round(task.took * slower)
        task.due = None if task.due is None else task.created + task.took
    if task_id and task is not None:
        _poll_to_the_end(server, task_id, body, change, rhythm, rng, entry)
        if body.get("request_type") == "callback":
            view = server.envelope(server.view(task))
            told = _changed(change, "callback", body, task.took, (200, {"content-type": "application/json"}, view))
            entry["callbacks"] = [{**_reply(told), "after": task.took + 500, "status": 200}] if told else []
    return Recording.from_json(entry, task_id or f"refused-{number}")


def _poll_to_the_end(
    server: IndependentServer,
    task_id: str,
    body: Any,
    change: Change,
    rhythm: float,
    rng: random.Random,
    entry: dict[str, Any],
) -> None:
    start = server.now
    for _ in range(1000):
        age = round((server.now - start) * 1000)
        reply = _changed(change, "statusTask", body, age, _ask(server, "statusTask", task_id))
        told = {**_reply(reply), "after": age, "until": age}
        last = entry["answers"][-1] if entry["answers"] else None
        if last is not None and {**last, "after": 0, "until": 0} == {**told, "after": 0, "until": 0}:
            last["until"] = age
        else:
            entry["answers"].append(told)
        data = reply.body.get("data") if reply and isinstance(reply.body, dict) else None
        state = data.get("state") if isinstance(data, dict) else None
        if state in {"success", "failed"} or age > 600_000:
            entry["end"] = {"state": state, "after": age} if state in {"success", "failed"} else None
            return
        server.advance(rng.uniform(0.5, 1.5) * rhythm)


def _changed(change: Change, operation: str, request: Any, age: int, reply: tuple[int, Any, Any]) -> Reply | None:
    status, headers, body = reply
    return change(Reply(operation, request, age, status, headers, body))


def _reply(reply: Reply | None) -> dict[str, Any]:
    if reply is None:
        return {"status": None, "problem": "the connection was closed", "headers": {}}
    told = Body.of(json.dumps(reply.body).encode()) if not isinstance(reply.body, bytes) else Body.of(reply.body)
    return {"status": reply.status, "headers": reply.headers, **told.to_json()}


def _ask(server: IndependentServer, operation: str, what: Any) -> tuple[int, dict[str, str], Any]:
    url = f"{server.url}/api/v1/{operation}/{MODEL}"
    raw = json.dumps(what).encode() if operation == "generateTask" else None
    request = Request(url if raw else f"{url}?taskId={what}", raw, {"Authorization": f"Bearer {KEYS[0]}"})
    try:
        with urlopen(request, timeout=300) as response:
            return response.status, _significant(response.headers), json.loads(response.read())
    except HTTPError as error:
        with error:
            return error.code, _significant(error.headers), json.loads(error.read())


def _significant(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items() if name.lower() in SIGNIFICANT_HEADERS}
