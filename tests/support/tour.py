"""A tour of a server over a socket: what a client may do and see, in parts, as a recording that can be judged."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

from ltx_mock_contracts import Report, check_trace
from mutants.servers import BrokenServer, Mutant
from mutants.unhealthy import Asked, Handler, Told, _Http, _serving
from support.bodies import DAY, IMAGE, LORAS, TEXT, TEXT_LORA, request_body
from support.traces import Entry, trace
from support.waiting import SECONDS

API = "/api/v1"
GENERATE, STATUS = f"{API}/generateTask/ltx-2-19b", f"{API}/statusTask/ltx-2-19b"
BALANCE = f"{API}/apikeys/current-balance"
OPERATIONS = {GENERATE: "generateTask", STATUS: "statusTask", BALANCE: "balance"}
VIOLATION = "[[content-violation]]"
NO_LORA = "https://nothing.invalid/a.safetensors?download=true"
LINK = "https://example.com/a"

BODIES: dict[str, list[Any]] = {
    "GEN-1": [b"nope", [], "text"],
    "GEN-2": [request_body(TEXT) | {"request_type": kind} for kind in ("async", "sync", None)],
    "GEN-3": [request_body(TEXT) | {"request_type": "callback"}, request_body(TEXT) | {"callback_url": LINK}],
    "GEN-4": [request_body(TEXT) | {"callback_url": url} for url in ("/path", "ftp://example.com/")],
    "GEN-5": [request_body(TEXT) | {"provider": name} for name in ("auto", "value", "official", "cheap")],
    "GEN-6": [{}, {"input": []}, {"input": None}],
    "GEN-7": [request_body(TEXT, mode=mode) for mode in ("TEXT-TO-VIDEO", "text-to-video-lora", "video", ...)],
    "GEN-8": [request_body(TEXT, prompt=text) for text in (*("x" * n for n in (5000, 5001, 9000, 1, 0)), 7, ...)]
    + [request_body(TEXT, prompt="é" * 3000)],
    "GEN-9": [request_body(TEXT, resolution=name) for name in ("480P", "720p", "1080p", "4k", "360p", ...)],
    "GEN-10": [request_body(TEXT, duration=length) for length in (5, 20, 4, 21, 10.5, "10", True, ...)],
    "GEN-11": [request_body(TEXT, aspect_ratio=ratio) for ratio in ("16:9", "9:16", "1:1")]
    + [request_body(IMAGE), request_body(IMAGE, aspect_ratio="16:9")],
    "GEN-12": [request_body(IMAGE, image_urls=urls) for urls in ([LINK, LINK], [], ["a.jpg"], LINK, ...)],
    "GEN-13": [request_body(TEXT, seed=seed) for seed in (1, 2**31 - 1, 2**31, 0, -1, -2, "7")],
    "GEN-14": [request_body(TEXT, loras=LORAS)]
    + [request_body(TEXT_LORA, loras=LORAS * count) for count in (3, 4)]
    + [request_body(TEXT_LORA, loras=[LORAS[0] | change]) for change in ({"path": "a"}, {"scale": "1"})],
    "GEN-16": [
        request_body(TEXT, image_urls=[LINK]),
        request_body(TEXT, style="noir"),
        request_body(TEXT_LORA, loras=[{"path": LORAS[0]["path"]}]),
    ],
}
"""What to ask for to see whether a rule about the request is kept."""


class Tour:
    """Walks through one server and writes down what it sees."""

    def __init__(self, server: BrokenServer, callbacks: Callbacks) -> None:
        self.server, self.callbacks = server, callbacks
        self.entries: list[Entry] = []
        parts = urlsplit(server.url)
        self._way = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
        self.key = ""
        self.now = 0

    def close(self) -> None:
        self._way.close()

    def opens(self, key: str, **settings: Any) -> None:
        """Begin a new world and stay in it."""
        settings = {"clock": "manual", "max_concurrent": 900, "rate_limit": "90000/minute"} | settings
        self._send("POST", "/__admin/tenants", {}, json.dumps({"key": key, "settings": settings}).encode())
        self.key = key
        self.advance(0)

    def advance(self, seconds: float) -> None:
        sent = json.dumps({"seconds": seconds}).encode()
        told = json.loads(self._send("POST", f"/__admin/clock/advance?key={self.key}", {}, sent)[2])
        self.now = told["now"]
        self.entries += self.callbacks.take(self.key)

    def makes(self, body: Any, **more: Any) -> Any:
        """Ask for a task and return its id, if there is one."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.asks("POST", GENERATE, content, **more)
        data = answer.get("data") if isinstance(answer, dict) else None
        return data.get("taskId") if isinstance(data, dict) else None

    def polls(self, task_id: object, **more: Any) -> Any:
        return self.asks("GET", f"{STATUS}?taskId={task_id}", **more)

    def asks(self, method: str, target: str, body: bytes = b"", **more: str | None) -> Any:
        """Make a request; `key` is another key, `authorization` a whole header, or None for none."""
        key = more.get("key", self.key)
        authorization = more.get("authorization", f"Bearer {key}")
        headers = {"content-type": "application/json"} if body else {}
        if authorization is not None:
            headers["authorization"] = authorization
        status, told, raw = self._send(method, target, headers, body)
        answer = _decoded(raw)
        operation = OPERATIONS.get(target.partition("?")[0], "other")
        known = {"at": self.now, "operation": operation, "method": method, "target": target, "status": status}
        shown = {name: told[name] for name in ("retry-after", "allow", "content-type") if name in told}
        self.entries.append(
            {**known, "key": f"…{key}", "request": _decoded(body), "answer": answer, "headers": shown}
            | ({"cause": "access"} if authorization != f"Bearer {self.key}" else {})
        )
        return answer

    def downloads(self, told: Any, method: str = "GET") -> None:
        """Fetch the result in an answer of statusTask, if it has one."""
        try:
            (url,) = json.loads(told["data"]["resultJson"])["resultUrls"]
        except (KeyError, TypeError, ValueError):
            return
        status, headers, body = self._send(method, urlsplit(url).path, {}, b"")
        seen = {"status": status, "type": headers.get("content-type"), "body": blake2b(body).hexdigest()}
        self.entries.append({"file": method, "at": self.now} | seen)

    def _send(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        self._way.request(method, target, body or None, headers)
        response = self._way.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw.decode("utf-8", "replace")


Part = Callable[[Tour], None]


def access(tour: Tour) -> None:
    """Ask with and without keys of all kinds."""
    tour.opens("guest-key-of-another")
    tour.opens("guest-key")
    task_id = tour.makes(request_body(TEXT))
    given: list[str | None] = [
        None,
        "guest-key",
        "Basic guest-key",
        "Bearer",
        "Bearer no-key-at-all",
        "bearer guest-key",
    ]
    for authorization in given:
        tour.makes(request_body(TEXT), authorization=authorization)
        tour.makes(request_body(TEXT, duration=99), authorization=authorization)
        tour.polls(task_id, authorization=authorization)
    tour.polls(task_id, key="guest-key-of-another")


def shapes(tour: Tour) -> None:
    """Ask for what is not there."""
    tour.opens("shape-key")
    tour.asks("GET", f"{API}/nothing/at/all")
    tour.asks("PUT", GENERATE)
    tour.asks("POST", GENERATE, b'"' + b"x" * 1_100_000 + b'"')
    tour.asks("GET", STATUS)
    tour.polls("nobodys")
    tour.makes(request_body(TEXT, duration=99))
    tour.polls(tour.makes(request_body(TEXT)))
    tour.advance(6)


def requests(tour: Tour, rules: Iterable[str] = BODIES) -> None:
    """Ask for tasks well and badly."""
    tour.opens("request-key")
    for rule in rules:
        for body in BODIES[rule]:
            tour.makes(body)


@cache
def about(rule: str) -> Part:
    """Return that part, as far as it is about one rule."""
    return partial(requests, rules=[rule])


def money(tour: Tour) -> None:
    """Spend all credits, and ask what is left."""
    tour.opens("poor-key", credits=10)
    tour.asks("GET", BALANCE)
    for duration in (99, 5, 5, 5):
        tour.makes(request_body(TEXT, duration=duration))
    tour.asks("GET", BALANCE)


def lives(tour: Tour) -> None:
    """See tasks of all kinds from the beginning to long after the end."""
    tour.opens("other-life-key")
    tour.makes(request_body(TEXT))
    tour.opens("life-key")
    bodies = [
        *(request_body(TEXT, seed=7), request_body(TEXT, seed=7), request_body(TEXT, duration=7, aspect_ratio="9:16")),
        *(request_body(TEXT, resolution="1080p"), request_body(TEXT_LORA), request_body(TEXT)),
        *(request_body(TEXT, prompt=VIOLATION), request_body(TEXT_LORA, loras=[{"path": NO_LORA, "scale": 1}])),
        request_body(IMAGE, image_urls=["https://nothing.invalid/a.jpg"]),
    ]
    ids = [tour.makes(body) for body in bodies]
    for seconds in (0, 1, 15, 15, 110, 1):
        tour.advance(seconds)
        told = [tour.polls(task_id) for task_id in ids]
    for answer in told:
        tour.downloads(answer)
    tour.downloads(told[0])
    tour.downloads(told[0], "HEAD")
    for days in (2, 12.5, 2):
        tour.advance(days * DAY)
        tour.downloads(told[1])


def images(tour: Tour) -> None:
    """Point at images that are no good."""
    tour.opens("image-key")
    root = f"{tour.server.url}/files/images"
    bodies = [request_body(IMAGE, image_urls=[f"{root}/{name}"]) for name in ("animation.gif", "too-large.jpg")]
    ids = [tour.makes(body) for body in bodies]
    tour.advance(60)
    for task_id in ids:
        tour.polls(task_id)


def calls(tour: Tour) -> None:
    """Have tasks call back to receivers of all kinds."""
    tour.opens("call-key")
    bodies = [request_body(TEXT, seed=3), request_body(TEXT, prompt=VIOLATION)]
    wanted: list[tuple[str, int, dict[str, Any]]] = [
        *(("callback", status, bodies[0]) for status in (200, 202, 500)),
        *(("callback", 200, bodies[1]), ("async", 200, bodies[0])),
        ("callback", 200, request_body(TEXT, duration=99)),
    ]
    ids = []
    for kind, status, body in wanted:
        ids.append(tour.makes(body | {"request_type": kind, "callback_url": tour.callbacks.url_of(status, tour.key)}))
    for seconds in (0, 200, 5000, 5000, 5000, 20_000):
        tour.advance(seconds)
        for task_id in filter(None, ids):
            tour.polls(task_id)


def limits(tour: Tour) -> None:
    """Go over the limits."""
    tour.opens("rate-key", rate_limit="3/minute")
    for seconds in (0, 0, 0, 0, 60, 0):
        tour.advance(seconds)
        tour.polls("nobodys")
    tour.opens("slot-key", max_concurrent=2)
    for seconds in (0, 0, 0, 60, 0):
        tour.advance(seconds)
        tour.makes(request_body(TEXT))


PARTS: tuple[Part, ...] = (access, shapes, requests, money, lives, images, calls, limits)
WHERE: dict[str, Part] = {
    **dict.fromkeys(("ENV", "TASK-11"), shapes),
    "AUTH": access,
    **dict.fromkeys(("BAL", "GEN-15", "refused-yet-paid"), money),
    **dict.fromkeys(("TASK", "FAIL", "GEN-17", "aspect-ratio-is-tall"), lives),
    **dict.fromkeys(("other-size", "one-length", "longer", "landscape"), lives),
    **dict.fromkeys(("any-kind", "any-size"), images),
    **dict.fromkeys(("CB", "GEN-18"), calls),
    "LIM": limits,
}


def part_of(mutant: Mutant) -> Part:
    """Return the part in which a mistake shows."""
    names = (mutant.name, mutant.rule, mutant.rule.partition("-")[0])
    return next((WHERE[name] for name in names if name in WHERE), None) or about(mutant.rule)


class Callbacks:
    """A receiver that answers what its URL says, and knows when it was called by the clock of the fake."""

    def __init__(self, server: BrokenServer) -> None:
        self._server = server
        self._entries: list[Entry] = []
        self.url = ""

    def url_of(self, status: int, key: str) -> str:
        return f"{self.url}/{status}/{key}"

    def clear(self) -> None:
        self._entries = []

    def take(self, key: str) -> list[Entry]:
        """Return what came for a key since the last time."""
        taken = [entry for entry in self._entries if entry["key"] == f"…{key}"]
        self._entries = [entry for entry in self._entries if entry not in taken]
        return taken

    def answer(self, handler: Handler, asked: Asked) -> None:
        _, status, key = asked.path.split("/")
        tenant = self._server.mock._server_thread.engine.store.find(key)
        at = tenant.clock.now() if tenant is not None else 0
        entry = {"at": at, "ended": at, "operation": "callback", "method": asked.method, "target": asked.path}
        kind = asked.headers.get("content-type")
        told = {"status": int(status), "key": f"…{key}", "request": _decoded(asked.body), "answer": None, "type": kind}
        self._entries.append(entry | told)
        handler.tell(Told(int(status), [("connection", "close")], b""))


@contextmanager
def callbacks_of(server: BrokenServer) -> Iterator[Callbacks]:
    callbacks = Callbacks(server)
    manner = partial(Callbacks.answer, callbacks)
    kind = type("CallbackHandler", (Handler,), {"upstream": server.url, "manner": staticmethod(manner)})
    with _serving(_Http(kind)) as callbacks.url:
        yield callbacks


def walked(server: BrokenServer, callbacks: Callbacks, part: Part) -> list[Entry]:
    """Return what is seen on one part of the tour."""
    tour = Tour(server, callbacks)
    try:
        part(tour)
        return tour.entries
    finally:
        tour.close()
        callbacks.clear()


def judged(entries: list[Entry]) -> Report:
    """Judge what was seen as a recording."""
    exchanges = [entry for entry in entries if "file" not in entry]
    return check_trace(trace({name: value for name, value in entry.items() if name != "type"} for entry in exchanges))
