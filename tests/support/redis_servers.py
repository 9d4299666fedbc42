"""Real Redis servers, and a cluster of three, on loopback."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ltx_mock.client_checks.programs import free_port
from support.waiting import SECONDS, until

SLOTS = 16_384
NODES = 3


class RedisServer:
    """A `redis-server` that keeps its data in a folder; running when it is made.

    Attributes:
        url: Where it answers, with its password if it has one.
    """

    def __init__(self, folder: Path, *options: str, password: str = "") -> None:
        folder.mkdir(exist_ok=True)
        self._log = folder / "log"
        self._options = ["--dir", str(folder), "--logfile", str(self._log), "--save", ""]
        self._options += [
            "--appendonly",
            "yes",
            "--appendfsync",
            "no",
        ]  # written before the reply, for the system to keep
        self._options += ["--bind", "127.0.0.1", *options, *(["--requirepass", password] if password else [])]
        self._process: subprocess.Popen[bytes] | None = None
        while True:
            self.port = free_port()
            self.url = f"redis://:{password}@127.0.0.1:{self.port}/0"
            try:
                self.start()
            except ChildProcessError as error:
                if "Address already in use" not in str(error):
                    raise
            else:
                return

    def start(self, *options: str) -> None:
        """Start, with the data and on the port of before; return when it answers."""
        self.begin(*options)
        try:
            until(self._answers)
        except BaseException:
            self.kill()
            raise

    def begin(self, *options: str) -> None:
        """Start without waiting for an answer."""
        self._process = subprocess.Popen(["redis-server", "--port", str(self.port), *self._options, *options])

    def kill(self) -> None:
        """End at once, as `kill -9` does. What was acknowledged is in the append-only file."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(SECONDS)
            self._process = None

    def pause(self) -> None:
        """Accept connections but answer nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Answer again."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def command(self, *words: str | int) -> Any:
        """Return the reply to a command."""
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        with redis.Redis.from_url(self.url, protocol=2, socket_timeout=SECONDS, retry=Retry(NoBackoff(), 0)) as client:
            return client.execute_command(*words)

    def _answers(self) -> bool:
        import redis

        assert self._process
        if self._process.poll() is not None:
            raise ChildProcessError(self._log.read_text())
        try:
            return bool(self.command("PING"))
        except redis.ConnectionError:
            return False


@contextmanager
def redis_server(folder: Path, *options: str, password: str = "") -> Iterator[RedisServer]:
    """Run a server for a while."""
    server = RedisServer(folder, *options, password=password)
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def shared_stores() -> Iterator[dict[str, str]]:
    """Make a SQLite file and run a Redis server for a while; yield the `--store` of each by its name."""
    with TemporaryDirectory() as folder, redis_server(Path(folder) / "redis") as server:
        yield {"SQLite": f"sqlite:{Path(folder) / 'state.db'}", "Redis": server.url}


@contextmanager
def redis_cluster(folder: Path) -> Iterator[Sequence[RedisServer]]:
    """Run three nodes for a while, each with a third of the slots."""
    nodes: list[RedisServer] = []
    try:
        for number in range(NODES):
            bus = free_port()
            node = RedisServer(folder / str(number), "--cluster-enabled", "yes", "--cluster-port", str(bus))
            nodes.append(node)
            first, last = SLOTS * number // NODES, SLOTS * (number + 1) // NODES - 1
            node.command("CLUSTER ADDSLOTSRANGE", first, last)
            node.command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            nodes[0].command("CLUSTER MEET", "127.0.0.1", node.port, bus)
        until(lambda: all(_knows_all(node) for node in nodes))
        yield nodes
    finally:
        for node in nodes:
            node.kill()


_shared = ExitStack()


@cache
def shared_server() -> RedisServer:
    """Return a server that all tests may use which leave it as it was; start it for the first."""
    return _shared.enter_context(redis_server(Path(_shared.enter_context(TemporaryDirectory()))))


@cache
def shared_cluster() -> Sequence[RedisServer]:
    """Return a cluster that all tests may use which leave it as it was; start it for the first."""
    return _shared.enter_context(redis_cluster(Path(_shared.enter_context(TemporaryDirectory()))))


def stop_shared() -> None:
    """Stop what is shared."""
    _shared.close()


def _knows_all(node: RedisServer) -> bool:
    return node.command("CLUSTER INFO")["cluster_state"] == "ok" and len(node.command("CLUSTER SLOTS")) == NODES
