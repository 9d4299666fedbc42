"""`ltx-mock mcp` as a process, and who talks to it: the SDK's own client, or a test line by line."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self, TypeVar

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from support.processes import LTX_MOCK, clean_environment
from support.waiting import SECONDS

T = TypeVar("T")
INITIALIZE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


class Agent:
    """A session of an agent with `ltx-mock mcp`."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.progress: list[tuple[float, float | None, str | None]] = []

    async def use(self, tool: str, /, **arguments: object) -> dict[str, Any]:
        """Call a tool that succeeds, and return its data."""
        called = await self.client.call_tool(tool, arguments, progress_callback=self._note)
        assert not called.is_error, called.content
        assert isinstance(called.structured_content, dict)
        return called.structured_content

    async def refused(self, tool: str, /, **arguments: object) -> str:
        """Call a tool that fails, and return the text of its error."""
        called = await self.client.call_tool(tool, arguments)
        assert called.is_error, called.content
        [content] = called.content
        assert content.type == "text"
        return content.text

    async def _note(self, progress: float, total: float | None, message: str | None) -> None:
        self.progress.append((progress, total, message))


def with_agent(work: Callable[[Agent], Awaitable[T]], *options: str, env: Mapping[str, str] | None = None) -> T:
    """Start `ltx-mock mcp`, do some work as an agent and end the session."""

    async def session() -> T:
        program, *arguments = LTX_MOCK
        parameters = StdioServerParameters(
            command=program, args=[*arguments, "mcp", *options], env=clean_environment(**(env or {}))
        )
        async with Client(stdio_client(parameters, errlog=sys.stderr)) as client:
            return await work(Agent(client))

    return asyncio.run(session())


class RawSession:
    """A session whose lines a test writes and reads itself. It kills nothing and waits for the end."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [*LTX_MOCK, "mcp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=clean_environment(),
        )
        self._sent = 0
        self.rest = ""

    def write(self, line: str) -> None:
        """Write a line."""
        assert self._process.stdin
        print(line, file=self._process.stdin, flush=True)

    def send(self, method: str, params: object) -> int:
        """Send a request and return its number."""
        self._sent += 1
        self.write(json.dumps({"jsonrpc": "2.0", "id": self._sent, "method": method, "params": params}))
        return self._sent

    def ask(self, method: str, params: object) -> dict[str, Any]:
        """Send a request and return the next line, which must be its response."""
        number = self.send(method, params)
        answer = self.read()
        assert answer["id"] == number
        return answer

    def read(self) -> dict[str, Any]:
        """Return the next line."""
        assert self._process.stdout
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def leave(self) -> int:
        """Close stdin, wait for the end and return the exit code; `rest` is what else was on stdout."""
        self.rest, _ = self._process.communicate(timeout=SECONDS)
        return self._process.returncode

    def end_with(self, number: signal.Signals) -> int:
        """Send a signal, wait for the end and return the exit code; stdin stays open."""
        self._process.send_signal(number)
        return self._process.wait(SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.__exit__(None, None, None)
