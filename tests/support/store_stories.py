"""Requests to fakes that share a state, one after another, and all that comes back: to compare stores byte by byte."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from ltx_mock.asgi.in_process import BrokenError, call
from ltx_mock.core.settings import Settings
from ltx_mock.engine.engine import Engine
from ltx_mock.engine.outbound import Sender, Unanswered
from ltx_mock.server.app import build
from ltx_mock.store.interface import Store
from support.bodies import GENERATE, IMAGE_LORA, STATUS, TEXT, request_body

MAIN, SECOND, AUTO = KEYS = "main", "second", "auto"
NewStore = Callable[[Settings], Store]

SETTINGS = Settings(
    clock="manual",
    api_key=KEYS[:2],
    public_url="http://mock.test",
    credits=1000,
    max_concurrent=5,
    rate_limit="60/minute",  # type: ignore[arg-type]
    seed=7,
)


OPTIONS = (
    *("--clock", "manual", "--public-url", "http://mock.test", "--credits", "1000", "--max-concurrent", "5"),
    *("--rate-limit", "60/minute", "--seed", "7", "--api-key", MAIN, "--api-key", SECOND),
)
"""The same for `ltx-mock serve`."""


class Step(NamedTuple):
    """A request. A key's name in braces in its target stands for the newest task of this key."""

    method: str
    target: str
    body: Any = b""
    key: str = MAIN


def submit(key: str = MAIN, callback: str = "", **changes: Any) -> Step:
    """Return a generateTask, whose callback goes to a path of the receiver."""
    called = {"request_type": "callback", "callback_url": f"http://localhost:9{callback}"} if callback else {}
    return Step("POST", GENERATE, called | request_body(TEXT, **changes), key)


def status(key: str = MAIN) -> Step:
    """Return a statusTask for the newest task of a key."""
    return Step("GET", f"{STATUS}?taskId={{{key}}}", key=key)


def control(method: str, path: str, body: Any = b"", key: str | None = None) -> Step:
    """Return a request to the control plane, for all keys or for one."""
    parted = "&" if "?" in path else "?"
    return Step(method, f"/__admin{path}" + (f"{parted}key={key}" if key else ""), body)


def advance(seconds: float, key: str | None = None) -> Step:
    """Return an advance of one clock or of all."""
    return control("POST", "/clock/advance", {"seconds": seconds}, key)


SHOW = [
    control("GET", path)
    for path in (
        *("/requests?kind=all", "/tasks", "/callbacks", "/tenants", "/clock", "/scenarios", "/settings"),
        *("/tasks/{main}", "/tasks/{second}", "/tasks/{auto}"),
    )
]
WORK = [
    control("POST", "/scenarios", {"chance": 0.5, "times": "forever", "failCode": "MODEL_UNAVAILABLE"}),
    submit(callback="/refuses-twice"),
    submit(callback="/silent"),
    submit(SECOND, callback="/ok", seed=5),
    Step("POST", GENERATE, request_body(IMAGE_LORA, seed=5)),
    submit(prompt="[[invalid-lora-url]]"),
    submit(prompt="[[duplicate-callback]]", callback="/ok"),
    submit(SECOND, callback="/ok", prompt="[[callback-before-response]]"),
    submit(duration=99),
    submit(resolution="1080p", duration=20),
    Step("POST", GENERATE, b"{"),
    control("POST", "/scenarios", {"operation": "statusTask", "nth": 2, "times": 2, "status": 503}, MAIN),
    control("POST", "/scenarios", {"name": "connection-reset"}, SECOND),
    control("POST", "/scenarios", {"operation": "callback", "chance": 0.5, "times": 3, "drift": {"nulls": True}}),
    control("POST", "/tenants", {"key": AUTO, "settings": {"clock": "auto", "credits": 60, "scenario": ["slow"]}}),
    submit(AUTO, callback="/refuses-twice"),
    submit(AUTO, callback="/ok"),
    *(status(key) for key in KEYS * 3),
    Step("GET", "/apikeys/current-balance"),
    Step("GET", STATUS + "?taskId=none", key="x"),
    advance(7.5),
    advance(20, SECOND),
    advance(40, MAIN),
    advance(100, MAIN),
    control("POST", "/tasks/{main}/finish", {"state": "failed"}),
    advance(600),
    *(Step("GET", f"/files/results/{{{key}}}.mp4", key=key) for key in KEYS),
    submit(callback="/ok"),
    control("POST", "/tasks/{main}/finish", {"state": "success"}),
    control("POST", "/callbacks/{main_callback}/redeliver"),
    control("POST", "/settings", {"allow_callback_host": ["app.test"]}),
    control("POST", "/clock", {"mode": "auto"}, SECOND),
    *SHOW,
]
CLEAR = [
    control("DELETE", "/scenarios"),
    control("DELETE", "/requests", key=MAIN),
    control("POST", "/reset", key=SECOND),
    control("DELETE", "/tenants", key=AUTO),
    *(status(AUTO) for _ in range(3)),
    control("POST", "/reset"),
    advance(16 * 86_400),
    *SHOW,
]
STEPS = [*WORK, *CLEAR]
"""Everything that changes a fake or shows its state. Each also works alone, perhaps with an error."""
STORY = [*WORK, *CLEAR, *WORK]


class Receiver(Sender):
    """Receives the callbacks of all fakes: a path says how it responds.

    Attributes:
        posts: What came: URL, body and content type.
    """

    def __init__(self) -> None:
        super().__init__()
        self.posts: list[tuple[str, bytes, str]] = []
        self._attempts: Counter[bytes] = Counter()

    async def post(self, url: str, body: bytes, timeout_s: float, content_type: str, *_: object, **__: object) -> int:  # noqa: ARG002
        """See `Sender`."""
        self.posts.append((url, body, content_type))
        self._attempts[body] += 1
        if url.endswith("/silent"):
            raise Unanswered("no response within 5 s", "silent")
        return 500 if url.endswith("/refuses-twice") and self._attempts[body] <= 2 else 200


class Tasks:
    """The newest task of each key, which later steps name."""

    def __init__(self) -> None:
        self._newest = dict.fromkeys(KEYS, "task_none")

    def request(self, step: Step) -> tuple[str, str, bytes, dict[str, str]]:
        """Return method, target, body and headers of a step."""
        target = step.target.format(**self._newest, main_callback=self._newest[MAIN].replace("task", "cb"))
        body = step.body if isinstance(step.body, bytes) else json.dumps(step.body).encode()
        return step.method, target, body, {"authorization": f"Bearer {step.key}", "host": "localhost"}

    def note(self, step: Step, status: int, body: bytes) -> None:
        """Remember the task that a step has created."""
        if step.target == GENERATE and status == 200:
            self._newest[step.key] = json.loads(body)["data"]["taskId"]


class Told(NamedTuple):
    """All that came back: an answer for each step, and the callbacks."""

    answers: list[Any]
    posts: list[tuple[str, bytes, str]]


class Fakes:
    """Fakes over one state, in one event loop, which take turns.

    Args:
        stores: what makes the store of each; they open the same state.
        settings: their settings.
    """

    def __init__(self, *stores: NewStore, settings: Settings = SETTINGS) -> None:
        self._stores, self._settings = stores, settings
        self._engines: list[Engine] = []
        self.receiver = Receiver()
        self._tasks = Tasks()

    async def start(self) -> None:
        """Start all."""
        self._engines = [Engine(self._settings, new(self._settings), self.receiver) for new in self._stores]
        self._apps = [build(engine) for engine in self._engines]
        for engine in self._engines:
            await engine.open()
        await self._rest()

    async def stop(self) -> None:
        """Stop all; their state stays."""
        for engine in self._engines:
            await engine.close()

    async def ask(self, turn: int, step: Step) -> Any:
        """Send a request to the one whose turn it is, and wait until nothing is under way any more."""
        app = self._apps[turn % len(self._apps)]
        method, target, body, headers = self._tasks.request(step)
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        try:
            reply = await call(app, method, target, headers=raw, body=body)
        except BrokenError as broken:
            return step, broken.fault
        finally:
            await self._rest()
        self._tasks.note(step, reply.status, reply.body)
        return step, reply

    async def _rest(self) -> None:
        while any(each.callbacks._running or each.callbacks._alarms for each in self._engines):  # noqa: ASYNC110
            await asyncio.sleep(0)


async def tell(fakes: Fakes, story: Sequence[Step] = STORY, restarts: Collection[int] = ()) -> Told:
    """Send the requests of a story, and stop and start the fakes before those of these numbers."""
    await fakes.start()
    try:
        answers = []
        for turn, step in enumerate(story):
            if turn in restarts:
                await fakes.stop()
                await fakes.start()
            answers.append(await fakes.ask(turn, step))
        return Told(answers, fakes.receiver.posts)
    finally:
        await fakes.stop()
