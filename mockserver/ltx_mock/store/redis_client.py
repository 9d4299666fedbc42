"""Calls to a Redis server, or to the nodes of a Redis Cluster, in pipelines.

The connections are those of redis-py. Its clients are not used: that for a cluster repeats commands whose outcome is
unknown, and both need three times the processor time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from hashlib import sha1
from typing import Any, NamedTuple, TypeAlias

from ltx_mock.store.backend import BackendError, NotReachedError
from ltx_mock_contracts.extras import MissingExtraError

try:
    from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection, parse_url
except ModuleNotFoundError:
    raise MissingExtraError("redis", "redis") from None
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    MovedError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 3.0
KEPT_CONNECTIONS = 64
"""How many idle connections to a server stay open; during a burst of calls there are more."""
NO_TIMEOUTS = {"socket_timeout": None, "socket_connect_timeout": None}
"""For redis-py, whose own would end a wait for news."""
REFUSALS = (AuthenticationError, AuthorizationError, ResponseError, TypeError)
"""Errors that another try does not mend."""
REDIRECTS = 3
"""How often a call is sent again to the node that a cluster names instead."""

_Connection: TypeAlias = Connection | SSLConnection | UnixDomainSocketConnection
Word: TypeAlias = str | bytes | int


class Script(NamedTuple):
    """A Lua script and its digest, by which Redis knows it once it has run."""

    text: str
    digest: str


def script(text: str) -> Script:
    """Return a script with its digest."""
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


class Call(NamedTuple):
    """A command.

    Attributes:
        key: The key that decides which node of a cluster has to execute it.
        words: The command with its arguments; for a script, what follows its digest.
        script: The script to run; None for a command of Redis.
    """

    key: str
    words: Sequence[Word]
    script: Script | None = None

    def command(self, *, whole: bool = False) -> Sequence[Word]:
        """Return what is sent; `whole` sends the text of the script."""
        if self.script is None:
            return self.words
        return ["EVAL", self.script.text, *self.words] if whole else ["EVALSHA", self.script.digest, *self.words]


def call(name: str, key: str, *words: Word) -> Call:
    """Return a command whose first argument is its key."""
    return Call(key, [name, key, *words])


def run(code: Script, keys: Sequence[str], *words: Word) -> Call:
    """Return a run of a script."""
    return Call(keys[0], [len(keys), *keys, *words], code)


class RedisClient:
    """A server or a cluster at a URL of redis-py: `redis://[[USER]:[PASSWORD]@]HOST:PORT/N`, `rediss://…`, `unix://…`.

    Attributes:
        is_cluster: Whether the server is a node of a cluster, so that a script may touch the keys of one slot only.
    """

    def __init__(self, url: str) -> None:
        """Raises: BackendError: the URL is not valid."""
        self._options = _options(url)
        self._first = self._server(self._options)
        self._nodes = {self._first.address: self._first}
        self._slots: list[_Server] = []
        self._slots_changed = False
        self.is_cluster = False

    async def open(self) -> None:
        """Connect, and find out whether it is a cluster.

        Raises:
            BackendError: it is unreachable.
        """
        self._first.kept = KEPT_CONNECTIONS
        [reply] = await self._first.send([["CLUSTER", "SLOTS"]])
        self.is_cluster = not isinstance(reply, ResponseError)
        if self.is_cluster:
            if self._options.get("db"):
                raise BackendError(f"Redis at {self._first.address}: a cluster has only database 0")
            self._learn_slots(self._first, reply)

    async def close(self) -> None:
        """Disconnect."""
        for server in self._nodes.values():
            server.kept = 0
            await server.close(wait=True)

    async def call(self, *calls: Call, seconds: float = 0.0) -> list[Any]:
        """Return the replies to calls, in order. All calls to one server go in one pipeline.

        Args:
            calls: The calls. If one fails, others may have been executed.
            seconds: How long a call may block, in addition to the time for an answer.

        Raises:
            BackendError: a server does not answer, or refuses a call.
        """
        if self._slots_changed:
            await self._find_slots()
        by_server: dict[_Server, list[int]] = {}
        for position, each in enumerate(calls):
            by_server.setdefault(self._place(each), []).append(position)
        pipelines = [
            self._send(server, [calls[position].command() for position in positions], seconds)
            for server, positions in by_server.items()
        ]
        given = [await pipelines[0]] if len(pipelines) == 1 else await _all(pipelines)
        replies: list[Any] = [None] * len(calls)
        for positions, some in zip(by_server.values(), given, strict=True):
            for position, reply in zip(positions, some, strict=True):
                if isinstance(reply, ResponseError):
                    reply = await self._again(calls[position], reply, seconds)  # noqa: PLW2901
                replies[position] = reply
        return replies

    async def _again(self, each: Call, refusal: ResponseError, seconds: float) -> Any:
        """Return the reply to a call that another node, or the same one with the text of the script, will execute."""
        for _ in range(REDIRECTS):
            server, prelude = self._place(each), [["ASKING"]]
            if isinstance(refusal, MovedError):
                await self._find_slots()
                server, prelude = self._place(each), []
            elif isinstance(refusal, AskError):
                server = self._node(refusal.host, refusal.port)
            elif isinstance(refusal, NoScriptError):
                prelude = []
            else:
                break
            *_, reply = await self._send(server, [*prelude, each.command(whole=True)], seconds)
            if not isinstance(reply, ResponseError):
                return reply
            refusal = reply
        raise BackendError(f"Redis at {self._place(each).address}: {_line(refusal)}")

    def _place(self, each: Call) -> _Server:
        return self._slots[key_slot(each.key.encode())] if self.is_cluster else self._first

    async def _send(self, server: _Server, commands: Sequence[Sequence[Word]], seconds: float) -> list[Any]:
        try:
            return await server.send(commands, seconds)
        except BackendError:
            self._slots_changed = self.is_cluster  # another node may have taken its place
            raise

    async def _find_slots(self) -> None:
        """Ask the nodes, one after the other, who serves which slots; who does not answer is asked last next time."""
        error = BackendError()
        for address, node in list(self._nodes.items()):
            try:
                [reply] = await node.send([["CLUSTER", "SLOTS"]])
            except BackendError as unreachable:
                self._nodes[address] = self._nodes.pop(address)
                error = unreachable
            else:
                if isinstance(reply, ResponseError):
                    raise BackendError(f"Redis at {address}: {_line(reply)}")
                return self._learn_slots(node, reply)
        raise error

    def _learn_slots(self, node: _Server, ranges: Sequence[Any]) -> None:
        slots = [node] * REDIS_CLUSTER_HASH_SLOTS
        for first, last, (host, port, *_), *_ in ranges:
            slots[first : last + 1] = [self._node(host.decode() if host else node.host, port)] * (last + 1 - first)
        self._slots, self._slots_changed = slots, False

    def _node(self, host: str, port: int) -> _Server:
        node = self._server(self._options | {"host": host, "port": port})
        return self._nodes.setdefault(node.address, node)

    @staticmethod
    def _server(options: Mapping[str, Any]) -> _Server:
        host = options.get("host", "localhost")
        place = options.get("path") or f"{f'[{host}]' if ':' in host else host}:{options.get('port', 6379)}"
        return _Server(lambda: _connection(options), host, f"{place}/{options.get('db', 0)}")


class _Server:
    """The connections to one server: as many as calls are under way."""

    def __init__(self, connect: Callable[[], _Connection], host: str, address: str) -> None:
        self.host = host
        self.address = address
        self.kept = KEPT_CONNECTIONS
        self._connect = connect
        self._idle: list[_Connection] = []

    async def send(self, commands: Sequence[Sequence[Word]], seconds: float = 0.0) -> list[Any]:
        """Return the replies to commands; a refusal is a `ResponseError` among them.

        Raises:
            NotReachedError: the server is unreachable or too slow.
            BackendError: it refuses the connection. What was sent may have been executed or not.
        """
        try:
            connection = self._idle.pop() if self._idle else self._connect()
            try:
                if not connection.is_connected or await connection.can_read():
                    await _reconnect(connection)
                async with asyncio.timeout(ANSWER_SECONDS + seconds):
                    await connection.send_packed_command(b"".join(map(_packed, commands)))
                    replies = [await _reply(connection) for _ in commands]
            except BaseException:
                await connection.disconnect(nowait=True)
                raise
        except TimeoutError:
            await self.close()
            raise NotReachedError(f"Redis at {self.address} did not answer in time") from None
        except (RedisError, OSError, TypeError) as error:
            await self.close()
            kind = BackendError if isinstance(error, REFUSALS) else NotReachedError
            raise kind(f"Redis at {self.address}: {_line(error)}") from None
        if len(self._idle) < self.kept:
            self._idle.append(connection)
        else:
            await connection.disconnect(nowait=True)
        return replies

    async def close(self, *, wait: bool = False) -> None:
        """Close the connections that are not in use; `wait` for the end of those with TLS, which takes round trips."""
        idle, self._idle = self._idle, []
        for connection in idle:
            with contextlib.suppress(RedisError, OSError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    await connection.disconnect(nowait=not wait)


def _packed(command: Sequence[Word]) -> bytes:
    """Return a command in the protocol of Redis; that of redis-py needs three times the time."""
    pieces = [b"*%d\r\n" % len(command)]
    for word in command:
        value = word if isinstance(word, bytes) else str(word).encode()
        pieces.append(b"$%d\r\n%b\r\n" % (len(value), value))
    return b"".join(pieces)


async def _reconnect(connection: _Connection) -> None:
    """Connect; if the connection broke while it was idle, once more. Nothing was sent, so nothing is repeated."""
    async with asyncio.timeout(CONNECT_SECONDS):
        await connection.disconnect(nowait=True)
        await connection.connect()  # type: ignore[no-untyped-call]


async def _reply(connection: _Connection) -> Any:
    try:
        return await connection.read_response()
    except ReadOnlyError:
        raise  # a replica; a new connection may lead to the server that took over
    except ResponseError as refusal:
        return refusal


async def _all(pipelines: Sequence[Coroutine[Any, Any, list[Any]]]) -> list[list[Any]]:
    """Return the replies of several servers, after the last one has replied or failed."""
    given = await asyncio.gather(*pipelines, return_exceptions=True)
    for each in given:
        if isinstance(each, BaseException):
            raise each
    return [each for each in given if not isinstance(each, BaseException)]


def _options(url: str) -> dict[str, Any]:
    """Return the arguments of a connection."""
    try:
        options: dict[str, Any] = {"protocol": 2, "driver_info": None, **NO_TIMEOUTS, **parse_url(url)}
        _connection(options)
    except (RedisError, TypeError, ValueError) as error:
        raise BackendError(f"The URL of Redis is not valid: {_line(error)}") from None
    return options


def _connection(options: Mapping[str, Any]) -> _Connection:
    return options.get("connection_class", Connection)(  # type: ignore[no-any-return]
        **{name: value for name, value in options.items() if name != "connection_class"}
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
