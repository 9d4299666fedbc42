"""Between the fake and its clients: an ASGI wrapper that makes one small mistake, over a real socket."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from inspect import isabstract
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self
from unittest.mock import patch
from urllib.parse import parse_qs, parse_qsl, urlencode

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from ltx_mock import MockServer
from ltx_mock.asgi.in_process import Reply, call
from ltx_mock.engine import outbound
from ltx_mock.testing.tenant import World
from ltx_mock_contracts import MalformedBody, parse_body, validate_request

KEY = "broken-server-key"
Data = dict[str, Any]
Outcome = Literal["broken", "observed"]
OPERATIONS = {"generateTask": "generateTask", "statusTask": "statusTask", "apikeys": "balance"}
NO_JSON = ...
"""Stands for a body that is not JSON."""


class Ask(NamedTuple):
    """A request as a client sent it."""

    method: str
    path: str
    query: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    server: tuple[str, int | None]

    @property
    def operation(self) -> str:
        """`generateTask`, `statusTask`, `balance`, `file`, `admin` or `other`."""
        if self.path.startswith("/__admin"):
            return "admin"
        if self.path.startswith("/files/"):
            return "file"
        return OPERATIONS.get(self.path.split("/")[-2], "other")

    @property
    def authorization(self) -> str | None:
        return next((value.decode("latin-1") for name, value in self.headers if name == b"authorization"), None)

    @property
    def key(self) -> str:
        return (self.authorization or "").rpartition(" ")[2]

    @property
    def task_id(self) -> str:
        return parse_qs(self.query).get("taskId", [""])[0]

    def with_key(self, key: str) -> Ask:
        others = [header for header in self.headers if header[0] != b"authorization"]
        return self._replace(headers=[*others, (b"authorization", f"Bearer {key}".encode())])

    def about(self, task_id: str) -> Ask:
        others = [pair for pair in parse_qsl(self.query, keep_blank_values=True) if pair[0] != "taskId"]
        return self._replace(query=urlencode([*others, ("taskId", task_id)]))

    def saying(self, body: object) -> Ask:
        return self._replace(body=json.dumps(body).encode())


def decoded(raw: bytes) -> Any:
    try:
        return parse_body(raw)
    except MalformedBody:
        return NO_JSON


def encoded(body: object) -> bytes:
    """Write JSON as the fake writes it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def saying(reply: Reply, envelope: object, status: int | None = None) -> Reply:
    return reply._replace(status=status or reply.status, body=encoded(envelope))


def error(status: int, message: str, **headers: str) -> Reply:
    """Return an error as it should be."""
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    body = encoded({"code": status, "message": message, "data": None})
    return Reply(status, [(b"content-type", b"application/json"), *named], body)


def is_wrong(body: object) -> bool:
    """Tell whether a request is to be refused."""
    return body is NO_JSON or any(finding.severity == "violation" for finding in validate_request(body))


class Deliver(Protocol):
    """Makes one attempt at a callback and returns the status."""

    async def __call__(
        self, url: str, body: bytes, *, method: str = "POST", content_type: str = "application/json"
    ) -> int: ...


class Behaviour:
    """A server that does all as the fake does; a subclass changes one thing. Each is used for one run.

    Attributes:
        inner: sends a request to the fake.
        asked: the body with which a task was made, by the id that the client knows.
        owners: the key with which it was made.
        memory: for what a mistake has to remember.
    """

    inner: Callable[[Ask], Awaitable[Reply]]

    def __init__(self) -> None:
        self.asked: dict[str, Data] = {}
        self.owners: dict[str, str] = {}
        self.memory: Counter[object] = Counter()

    def opens(self, key: str, settings: Data) -> None:
        """Change the settings of a world that is opened."""

    def enters(self, ask: Ask) -> Ask:
        """Return the request to the API that the fake gets."""
        return ask

    def asks(self, body: Any) -> Any:
        """Return the body of generateTask that the fake gets."""
        return body

    def makes(self, data: Data) -> None:
        """Change what is told of a new task."""

    def tells(self, data: Data) -> None:
        """Change what is told of a task, by a poll and by a callback."""

    def polls(self, data: Data) -> None:
        """Change what a poll tells of a task."""
        self.tells(data)

    def balance(self, credit: float) -> object:
        """Return what is answered for the credits that are left."""
        return credit

    def fails(self, ask: Ask, reply: Reply) -> Reply:  # noqa: ARG002 - for those that look at the request
        """Return the error that the client gets."""
        return reply

    def serves(self, reply: Reply) -> Reply:
        """Return the answer about a result file that the client gets."""
        return reply

    async def calls(self, deliver: Deliver, url: str, body: bytes) -> int:
        """Make one attempt at a callback and return the status that the fake takes for the answer."""
        envelope = json.loads(body)
        self.tells(envelope["data"])
        return await deliver(url, encoded(envelope))

    async def answer(self, ask: Ask) -> Reply:
        """Answer a request of whatever kind."""
        if ask.operation == "admin":
            return await self.inner(self._opening(ask))
        if ask.operation == "file":
            reply = await self.inner(ask)
            return self.serves(reply) if ask.path.startswith("/files/results/") else reply
        ask = self.enters(ask)
        reply = await (self.generate(ask) if ask.operation == "generateTask" else self.inner(ask))
        return self.leaves(ask, reply)

    async def generate(self, ask: Ask) -> Reply:
        """Have the fake answer generateTask."""
        body = decoded(ask.body)
        wanted = self.asks(copy.deepcopy(body))
        reply = await self.inner(ask if repr(wanted) == repr(body) else ask.saying(wanted))
        if reply.status == 200:
            task_id = json.loads(reply.body)["data"]["taskId"]
            self.asked[task_id] = body if isinstance(body, dict) else {}
            self.owners[task_id] = ask.key
        return reply

    def leaves(self, ask: Ask, reply: Reply) -> Reply:
        """Return the answer of the API that the client gets."""
        if not reply.body:
            return reply
        if reply.status != 200:
            return self.fails(ask, reply)
        envelope = json.loads(reply.body)
        if ask.operation == "balance":
            return saying(reply, envelope | {"data": self.balance(envelope["data"])})
        change = self.makes if ask.operation == "generateTask" else self.polls
        change(envelope["data"])
        return saying(reply, envelope)

    def is_async(self, data: Data) -> bool:
        """Tell whether a task is one that does not call back."""
        return bool(self.asked.get(data["taskId"], {}).get("request_type") != "callback")

    def _opening(self, ask: Ask) -> Ask:
        wish = decoded(ask.body) if (ask.method, ask.path) == ("POST", "/__admin/tenants") else None
        if not isinstance(wish, dict) or not isinstance(wish.get("key"), str):
            return ask
        self.opens(wish["key"], wish.setdefault("settings", {}))
        return ask.saying(wish)


class Mutant(NamedTuple):
    """One mistake: it breaks one rule, or is another choice than the fake's.

    Attributes:
        name: its name.
        rule: the rule that it breaks, or the choice that it makes in another way.
        text: what is wrong, in a sentence.
        behaviour: makes what does it.
        outcome: what a check is to say of the rule.
        patches: values of the fake that are other values as long as it is broken, by their full names.
        also: rules that a judge may name beside this one, or in its place, for what he sees breaks them too.
    """

    name: str
    rule: str
    text: str
    behaviour: Callable[[], Behaviour] = Behaviour
    outcome: Outcome = "broken"
    patches: Mapping[str, object] = {}
    also: tuple[str, ...] = ()


class Broken(Behaviour):
    """A mistake that is a class: its docstring says which."""

    rule: ClassVar[str]
    outcome: ClassVar[Outcome] = "broken"
    also: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def mutant(cls) -> Mutant:
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=[0-9])", "-", cls.__name__).lower()
        return Mutant(name, cls.rule, cls.__doc__ or "", cls, cls.outcome, also=cls.also)


def mistakes(module: str, kind: type[Broken] = Broken) -> list[type[Broken]]:
    """Return the mistakes that are concrete classes of a module."""
    below = [each for child in kind.__subclasses__() for each in (child, *mistakes(module, child))]
    return [each for each in below if each.__module__ == module and hasattr(each, "rule") and not isabstract(each)]


class Mutating:
    """ASGI middleware: the application behind it as a behaviour shows it, or as it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.behaviour: Behaviour | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        behaviour = self.behaviour
        if behaviour is None or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            return
        path = scope["raw_path"].decode("latin-1")
        ask = Ask(
            scope["method"], path, scope["query_string"].decode("latin-1"), scope["headers"], body, scope["server"]
        )
        status, headers, content = await behaviour.answer(ask)
        headers = [(name, value) for name, value in headers if name != b"content-length" or ask.method == "HEAD"]
        length = [] if ask.method == "HEAD" else [(b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": status, "headers": headers + length})
        await send({"type": "http.response.body", "body": content})

    async def ask(self, ask: Ask) -> Reply:
        """Send a request to the application."""
        target = f"{ask.path}?{ask.query}" if ask.query else ask.path
        return await call(self._app, ask.method, target, headers=ask.headers, body=ask.body, server=ask.server)


async def _read(receive: Receive) -> bytes | None:
    """Return the body of a request, or None when the client has gone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


class BrokenServer:
    """A fake on a real socket that can be broken in one way after the other.

    It accepts `KEY` and the keys of worlds that are opened through `/__admin/tenants`; its clock stands.

    Attributes:
        url: the root of the server.
        key: the key that it accepts.
        mock: the fake itself. What goes through `mock`, and not through the socket or `transport`, is not mutated.

    Args:
        **settings: of the fake.
    """

    def __init__(self, **settings: Any) -> None:
        self.mock = MockServer(**({"clock": "manual", "api_key": KEY} | settings))
        self.url, self.key = self.mock.url, self.mock.api_key
        server = self.mock._server_thread._server
        assert server is not None
        self._mutating = Mutating(server.config.loaded_app)
        server.config.loaded_app = self._mutating  # uvicorn takes it from there for each new connection
        _hook(self.mock._server_thread.engine.sender, self._mutating)

    @property
    def transport(self) -> httpx.BaseTransport:
        """An httpx transport that reaches the broken server without a socket."""

        def send(request: httpx.Request) -> httpx.Response:
            target, headers = request.url.raw_path.decode("ascii"), request.headers.raw
            asked = call(self._mutating, request.method, target, headers=headers, body=request.read())
            status, given, body = self.mock._server_thread.wait_for(asked)
            return httpx.Response(status, headers=given, content=body)

        return httpx.MockTransport(send)

    def tenant(self, key: str, **settings: Any) -> World:
        """Return a world that begins anew, with what the mistake makes of its settings."""
        if self._mutating.behaviour is not None:
            self._mutating.behaviour.opens(key, settings)
        return self.mock.tenant(key, **settings)

    @contextmanager
    def broken_by(self, mutant: Mutant) -> Iterator[str]:
        """Make a mistake as long as this lasts; gives the URL. Before and after it all worlds begin anew."""
        self.forget()
        with ExitStack() as stack:
            for target, value in mutant.patches.items():
                stack.enter_context(patch(target, value))
            self.begin(mutant)
            try:
                yield self.url
            finally:
                self._mutating.behaviour = None
                self.forget()

    def begin(self, mutant: Mutant) -> None:
        """Make a mistake from now on, with nothing remembered of what was done before."""
        self._mutating.behaviour = mutant.behaviour()
        self._mutating.behaviour.inner = self._mutating.ask

    def forget(self) -> None:
        """Close the worlds that were opened and forget what happened in the others."""
        server_thread = self.mock._server_thread

        async def forget() -> None:
            engine = server_thread.engine
            await asyncio.gather(*(engine.tenants.close(each.key) for each in engine.store.tenants() if each.opened))
            await engine.tenants.reset()

        server_thread.wait_for(forget())

    def stop(self) -> None:
        self.mock.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _hook(sender: Any, mutating: Mutating) -> None:
    """Let callbacks go through the behaviour of the moment."""
    true_post = sender.post

    async def deliver(
        patience: float, url: str, body: bytes, *, method: str = "POST", content_type: str = "application/json"
    ) -> int:
        target = outbound._target(url)
        headers = outbound._named(target, [("content-type", content_type), ("content-length", str(len(body)))])
        async with outbound._Limited(target, patience):
            connection = await sender._connect(target)
            try:
                return int((await connection.ask(method, target.path, headers, body)).status_code)
            finally:
                connection.close()

    async def post(url: str, body: bytes, timeout_s: float, *more: Any, **options: Any) -> int:
        behaviour = mutating.behaviour
        if behaviour is None:
            return int(await true_post(url, body, timeout_s, *more, **options))
        return await behaviour.calls(partial(deliver, timeout_s), url, body)

    sender.post = post
