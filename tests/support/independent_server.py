"""A server of the API written from the documents alone: it shares no code with the fake and imports nothing of ours.

It is what somebody would write in an afternoon with `http.server` and `json`. Where the documents leave room it can be
told to read them in another way: `IndependentServer("null-is-absent", "strict-json")`. None of these dialects is wrong.
Its time stands and is moved with `advance`, which also makes the callbacks that are due by then.
"""

from __future__ import annotations

import gzip
import json
import math
import re
import struct
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

KEYS = ("independent-key-1", "independent-key-2")
VIOLATING = "something forbidden"
MODEL = "ltx-2-19b"
MODES = ("text-to-video", "image-to-video", "text-to-video-LoRA", "image-to-video-LoRA")
SIZES = {"480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080)}
SECONDS = {"480p": (40, 60), "720p": (60, 90), "1080p": (90, 120)}
RETRIES = (30, 60, 120)
IMAGE_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF")

DIALECTS = (
    "strict-json", "first-json-value", "json-with-comments", "replaced-bytes", "framework-404", "framework-405",
    "null-is-absent", "empty-is-absent", "trimmed", "default-mode", "unused-is-unread", "strict-integers",
    "true-is-one", "loose-urls", "https-only", "prompt-in-utf-16", "no-blank-prompt", "id-format", "looks-first",
    "redirects", "octet-stream", "dated-videos", "says-more", "text-html", "no-unknown-fields", "no-create-time",
    "new-fail-codes", "failures-have-times", "never-pending", "keys-share-tasks", "body-before-key", "data-urls",
    "null-for-nothing", "zero-for-nothing", "signed-urls", "chunked", "gzipped", "closes-connections",
    "more-fields", "hex-ids", "other-words", "late-callbacks", "json-charset",
)  # fmt: skip
"""Everything that this server may do in another way."""


FIELDS = ("taskId", "state", "resultJson", "createTime", "completeTime", "costTime", "failCode", "failMsg")
"""The fields of a task in any state."""


class Refused(Exception):  # noqa: N818
    """The request is refused."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Task:
    """A task: what was asked for, and how it will end."""

    id: str
    key: str
    body: dict[str, Any]
    created: int
    took: int
    failure: tuple[str, str] | None
    attempts: int = 0
    due: int | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class IndependentServer:
    """The server on a free port of this machine. Use it as a context manager.

    Attributes:
        url: Its root.
        now: Its time in Unix seconds.
        tasks: What was made, by id.
    """

    def __init__(self, *dialects: str) -> None:
        assert set(dialects) <= set(DIALECTS), set(dialects) - set(DIALECTS)
        self.dialects = frozenset(dialects)
        self.now = 1_700_000_000.0
        self.tasks: dict[str, Task] = {}
        self._lock = threading.Lock()
        self._signatures = count(1)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def has(self, dialect: str) -> bool:
        return dialect in self.dialects

    # Time

    def advance(self, seconds: float) -> None:
        """Move time on, and make the callbacks that are due on the way at their moments."""
        end = self.now + seconds
        while True:
            due = [task for task in self.tasks.values() if task.due is not None and task.due <= end * 1000]
            if not due:
                break
            task = min(due, key=lambda each: each.due or 0)
            self.now = max(self.now, (task.due or 0) / 1000)
            self._call_back(task)
        self.now = end

    def _call_back(self, task: Task) -> None:
        url, status = task.body["callback_url"], 200  # nobody outside this machine is called
        if url.startswith("http://127.0.0.1:"):
            told = json.dumps(self.envelope(self.view(task))).encode()
            kind = "application/json; charset=utf-8" if self.has("json-charset") else "application/json"
            request = urllib.request.Request(url, told, {"Content-Type": kind})
            try:
                with urllib.request.urlopen(request, timeout=300) as answer:
                    status = answer.status
            except (urllib.error.URLError, OSError) as error:
                status = getattr(error, "code", 0)
        due = (task.due or 0) + RETRIES[task.attempts] * 1000 if task.attempts < len(RETRIES) else None
        task.due = None if status == 200 else due
        task.attempts += 1

    # The API

    def envelope(self, data: Any) -> dict[str, Any]:
        return {"code": 200, "message": "success", "data": data}

    def error(self, status: int, message: str) -> dict[str, Any]:
        message = "请求失败，请检查参数" if self.has("other-words") else message
        return {"code": status, "message": message, "data": {"error": message} if self.has("says-more") else None}

    def key_of(self, headers: Any) -> str:
        scheme, _, key = (headers.get("Authorization") or "").partition(" ")
        if scheme != "Bearer" or key not in KEYS:
            raise Refused(401, "Invalid or missing API key")
        return str(key)

    def generate(self, key: str, raw: bytes) -> dict[str, Any]:
        body = self.read(raw)
        self.validate(body)
        given = body["input"]
        failure = self.outcome(given)
        if failure is not None and self.has("looks-first"):
            raise Refused(400, failure[1])
        low, high = SECONDS[given["resolution"]]
        if given["mode"].endswith("LoRA"):
            low, high = low + 10, high + 20
        digest = sha256(raw).digest()
        with self._lock:
            number = len(self.tasks)
            task = Task(
                id=self._id(f"{key} {number}"),
                key=key,
                body=body,
                created=math.floor(self.now * 1000),
                took=round((low + (high - low) * digest[0] / 255) * 1000),
                failure=failure,
            )
            self.tasks[task.id] = task
        if body.get("request_type") == "callback":
            task.due = task.created + task.took + (4000 if self.has("late-callbacks") else 0)
        return self.envelope({"taskId": task.id})

    def _id(self, name: str) -> str:
        digest = sha256(name.encode()).hexdigest()
        return digest[:32] if self.has("hex-ids") else f"task_{digest[:16]}"

    def status(self, key: str, query: str) -> dict[str, Any]:
        wanted = parse_qs(query).get("taskId", [""])[0]
        if not wanted:
            raise Refused(400, "taskId is required")
        if self.has("id-format") and not re.fullmatch(r"task_[a-z0-9]{8,24}", wanted):
            raise Refused(400, "taskId is malformed")
        task = self.tasks.get(wanted)
        if task is None or (task.key != key and not self.has("keys-share-tasks")):
            raise Refused(404, "Task not found")
        return self.envelope(self.view(task))

    def view(self, task: Task) -> dict[str, Any]:
        data = self._fields(task)
        if self.has("more-fields"):
            data |= {"model": MODEL, "progress": 50, "input": task.body["input"], "workerId": None}
        if self.has("zero-for-nothing"):
            return {name: 0 if name.endswith("Time") else "" for name in FIELDS} | data
        return dict.fromkeys(FIELDS) | data if self.has("null-for-nothing") else data

    def _fields(self, task: Task) -> dict[str, Any]:
        age = math.floor(self.now * 1000) - task.created
        data: dict[str, Any] = {"taskId": task.id}
        if age < task.took:
            pending = age < 3000 and not self.has("never-pending")
            data["state"] = "pending" if pending else "processing"
            return data if self.has("no-create-time") else data | {"createTime": task.created}
        times = {"createTime": task.created, "completeTime": task.created + task.took, "costTime": task.took}
        if task.failure is not None:
            data |= {"state": "failed", "failCode": task.failure[0], "failMsg": task.failure[1]}
            return data | times if self.has("failures-have-times") else data
        signature = f"?Expires={self.now:.0f}&Signature={next(self._signatures):x}" if self.has("signed-urls") else ""
        result = json.dumps({"resultUrls": [f"{self.url}/results/{task.id}.mp4{signature}"]})
        return data | {"state": "success", "resultJson": result} | times

    def outcome(self, given: dict[str, Any]) -> tuple[str, str] | None:
        if VIOLATING in given["prompt"]:
            code = "SensitiveContentDetected" if self.has("new-fail-codes") else "CONTENT_VIOLATION"
            return code, "Content does not meet safety guidelines"
        if given["mode"].startswith("image"):
            image = _fetched(given["image_urls"][0])
            if image is None or not image.startswith(IMAGE_MAGIC) or len(image) > 10 * 1024 * 1024:
                return "INVALID_IMAGE_URL", "The image cannot be used"
        for lora in given.get("loras") or [] if given["mode"].endswith("LoRA") else []:
            if _fetched(lora["path"]) is None:
                return "INVALID_LORA_URL", "The LoRA cannot be downloaded"
        return None

    # The request

    def read(self, raw: bytes) -> dict[str, Any]:
        try:
            body = self._decoded(raw)
        except (ValueError, RecursionError):
            raise Refused(400, "The body is not JSON") from None
        if not isinstance(body, dict):
            raise Refused(400, "The body must be a JSON object")
        return body

    def _decoded(self, raw: bytes) -> Any:
        if self.has("strict-json"):
            return json.loads(raw.decode(), parse_constant=_never, object_pairs_hook=_unique)
        if self.has("replaced-bytes"):
            raw = raw.decode(errors="replace").lstrip("\ufeff").encode()
        text = raw.decode(json.detect_encoding(raw), "surrogatepass")
        if self.has("json-with-comments"):
            text = re.sub(r"^\s*//.*$|/\*.*?\*/", "", text, flags=re.MULTILINE)
            text = re.sub(r",\s*([}\]])", r"\1", text)
        if self.has("first-json-value"):
            return json.JSONDecoder().raw_decode(text.strip())[0]
        return json.loads(text)

    def validate(self, body: dict[str, Any]) -> None:
        self._tidy(body)
        given = body.get("input")
        if not isinstance(given, dict):
            raise Refused(400, "input is required and must be an object")
        self._tidy(given)
        if self.has("default-mode"):
            given.setdefault("mode", "text-to-video")
        self._top(body)
        mode = given.get("mode")
        self._word("mode", mode, MODES)
        prompt = given.get("prompt")
        if not isinstance(prompt, str) or not 1 <= self._length(prompt) <= 5000:
            raise Refused(400, "prompt must have 1 to 5000 characters")
        self._word("resolution", given.get("resolution"), tuple(SIZES))
        if not self._whole(given.get("duration"), strict_bool=True) or not 5 <= given["duration"] <= 20:
            raise Refused(400, "duration must be 5 to 20 seconds")
        if "seed" in given and not (
            self._whole(given["seed"]) and (given["seed"] == -1 or 1 <= given["seed"] <= 2147483647)
        ):
            raise Refused(400, "seed must be 1 to 2147483647, or -1")
        self._files(given, str(mode))
        if self.has("no-unknown-fields"):
            known = {"mode", "prompt", "resolution", "duration", "aspect_ratio", "image_urls", "seed", "loras"}
            if set(given) - known or set(body) - {"request_type", "callback_url", "provider", "input"}:
                raise Refused(400, "unknown field")

    def _tidy(self, fields: dict[str, Any]) -> None:
        if self.has("trimmed"):
            fields |= {name: value.strip() for name, value in fields.items() if isinstance(value, str)}
        for name, value in list(fields.items()):
            empty = self.has("empty-is-absent") and value in ("", [], {}) and not isinstance(value, bool)
            if (self.has("null-is-absent") and value is None) or empty:
                del fields[name]

    def _top(self, body: dict[str, Any]) -> None:
        kind = body.get("request_type", "async")
        self._word("request_type", kind, ("async", "callback"))
        self._word("provider", body.get("provider", "auto"), ("auto", "value", "official"))
        if kind == "callback" and "callback_url" not in body:
            raise Refused(400, "callback_url is required")
        read = kind == "callback" or not self.has("unused-is-unread")
        if "callback_url" in body and read and not self._url(body["callback_url"]):
            raise Refused(400, "callback_url must be a URL")

    def _files(self, given: dict[str, Any], mode: str) -> None:
        if "aspect_ratio" in given:
            if not mode.startswith("text"):
                raise Refused(400, "aspect_ratio is for text-to-video only")
            self._word("aspect_ratio", given["aspect_ratio"], ("16:9", "9:16"))
        images, loras = given.get("image_urls"), given.get("loras")
        if mode.startswith("image"):
            if not isinstance(images, list) or len(images) != 1 or not self._url(images[0], image=True):
                raise Refused(400, "image_urls must have one URL")
        elif "image_urls" in given and not self.has("unused-is-unread") and not isinstance(images, list):
            raise Refused(400, "image_urls must be an array")
        if "loras" not in given:
            return
        if not mode.endswith("LoRA"):
            raise Refused(400, "loras is for LoRA modes only")
        if not isinstance(loras, list) or len(loras) > 3 or not all(map(self._lora, loras)):
            raise Refused(400, "loras must be at most 3 objects with path and scale")

    def _lora(self, lora: Any) -> bool:
        if not isinstance(lora, dict) or not self._url(lora.get("path"), image=True):
            return False
        scale = lora.get("scale", 1.0)
        if scale is None or (scale is True and not self.has("true-is-one")):
            return scale is None and self.has("null-is-absent")
        return isinstance(scale, (int, float)) or (scale == "" and self.has("empty-is-absent"))

    def _word(self, name: str, value: Any, allowed: tuple[str, ...]) -> None:
        if not isinstance(value, str) or value not in allowed:
            raise Refused(400, f"{name} must be one of {', '.join(allowed)}")

    def _whole(self, value: Any, *, strict_bool: bool = False) -> bool:
        if isinstance(value, bool):
            return self.has("true-is-one") and not strict_bool
        return isinstance(value, int) or (
            isinstance(value, float) and value.is_integer() and not self.has("strict-integers")
        )

    def _length(self, prompt: str) -> int:
        if self.has("no-blank-prompt") and not prompt.strip():
            return 0
        return len(prompt.encode("utf-16-le", "surrogatepass")) // 2 if self.has("prompt-in-utf-16") else len(prompt)

    def _url(self, value: Any, *, image: bool = False) -> bool:
        if not isinstance(value, str):
            return False
        if self.has("data-urls") and image and value.startswith("data:"):
            return True
        if self.has("loose-urls"):
            return value.strip().lower().startswith(("http:", "https:"))
        if self.has("https-only") and not value.startswith(("https://", "http://127.0.0.1")):
            return False
        try:
            parts = urlsplit(value)
            return parts.scheme in {"http", "https"} and bool(parts.hostname) and " " not in value.strip("\n")
        except ValueError:
            return False


def video(task: Task, *, dated: bool) -> bytes:
    """Return a video whose headers say its size and length: it has the boxes of an MP4 file and no pictures."""
    given = task.body["input"]
    width, height = SIZES[given["resolution"]]
    if given.get("aspect_ratio") == "9:16":
        width, height = height, width
    seconds = round(given["duration"])
    written = task.created if dated else 0
    header = struct.pack(">IIIII", 0, written % 2**32, 0, 1000, seconds * 1000) + b"\0" * 80
    track = b"\0" * 76 + struct.pack(">II", width << 16, height << 16)
    seed = given.get("seed", -1)
    told = {name: given.get(name) for name in ("mode", "prompt", "resolution", "duration", "aspect_ratio")}
    pictures = sha256(json.dumps([told, task.id if seed == -1 else seed]).encode()).digest()
    moov = _box(b"mvhd", header) + _box(b"trak", _box(b"tkhd", track))
    return _box(b"ftyp", b"isom\0\0\0\0isom") + _box(b"moov", moov) + _box(b"mdat", pictures)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def _fetched(url: str) -> bytes | None:
    """Return what is at a URL of this machine; the rest of the world is taken for good."""
    if not url.startswith("http://127.0.0.1:"):
        return b"\xff\xd8\xff"
    try:
        with urllib.request.urlopen(url, timeout=300) as answer:
            found: bytes = answer.read()
            return found
    except (urllib.error.URLError, OSError):
        return None


def _never(name: str) -> Any:
    raise ValueError(name)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def _handler(server: IndependentServer) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - a class with small methods
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer is sent in one piece

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer("POST", raw)

        def do_GET(self) -> None:
            self._answer("GET", b"")

        do_PUT = do_DELETE = do_POST  # noqa: N815

        def _answer(self, method: str, raw: bytes) -> None:
            method = self.command
            path, _, query = self.path.partition("?")
            if path.startswith(("/results/", "/cdn/")):
                self._serve(path)
                return
            status, body = self._api(method, path, query, raw)
            kind = "text/html; charset=utf-8" if server.has("text-html") else "application/json"
            kind += "; charset=utf-8" if server.has("json-charset") else ""
            self._send(status, json.dumps(body).encode(), kind)

        def _api(self, method: str, path: str, query: str, raw: bytes) -> tuple[int, Any]:
            endpoints = {f"/api/v1/generateTask/{MODEL}": "POST", f"/api/v1/statusTask/{MODEL}": "GET"}
            if path not in endpoints:
                found = {"detail": "Not Found"} if server.has("framework-404") else server.error(404, "Not found")
                return 404, found
            if method != endpoints[path]:
                wrong = {"detail": "Method Not Allowed"}
                return 405, wrong if server.has("framework-405") else server.error(405, "Method not allowed")
            try:
                if method == "POST":
                    if server.has("body-before-key"):
                        server.validate(server.read(raw))
                    return 200, server.generate(server.key_of(self.headers), raw)
                return 200, server.status(server.key_of(self.headers), query)
            except Refused as problem:
                return problem.status, server.error(problem.status, str(problem))

        def _serve(self, path: str) -> None:
            task = server.tasks.get(path.rpartition("/")[2].removesuffix(".mp4"))
            if task is None:
                self._send(404, b"", "text/plain")
            elif server.has("redirects") and path.startswith("/results/"):
                self.send_response(302)
                self.send_header("Location", path.replace("/results/", "/cdn/"))
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                kind = "application/octet-stream" if server.has("octet-stream") else "video/mp4"
                self._send(200, video(task, dated=server.has("dated-videos")), kind)

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if server.has("gzipped") and "gzip" in self.headers.get("Accept-Encoding", ""):
                body = gzip.compress(body)
                self.send_header("Content-Encoding", "gzip")
            if server.has("closes-connections"):
                self.send_header("Connection", "close")
            elif server.has("chunked"):
                self.send_header("Transfer-Encoding", "chunked")
                parts = [part for part in (body[:7], body[7:]) if part]
                body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
            else:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    return Handler
