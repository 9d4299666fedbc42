"""`check-client` for a session: the command in a process of its own, which ends when the call or the session ends."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from subprocess import DEVNULL
from typing import TYPE_CHECKING, Any, Final

import anyio

from ltx_mock.agents.arguments import CheckClient
from ltx_mock.agents.fakes import Session
from ltx_mock.errors import LtxMockError, SettingsError
from ltx_mock.fields import value_text

if TYPE_CHECKING:
    from anyio.abc import Process

_PROGRESS: Final = re.compile(r"ltx-mock: (\d+)/(\d+) (.*)")

Report = Callable[[float, float, str], Awaitable[None]]
"""Is called after each case with its number, the number of cases, and what happened."""


async def check_client(session: Session, wanted: CheckClient, report: Report) -> dict[str, Any]:
    """Run the client in each case and return a summary of the report.

    Raises:
        SettingsError: an argument is not allowed.
        LtxMockError: the checks cannot run.
    """
    if not await anyio.Path(wanted.folder).is_dir():
        raise SettingsError(f"folder must be a folder that exists, not {value_text(wanted.folder)}", "folder")
    checks = [sys.executable, "-m", "ltx_mock", "check-client", "--json", *_options(wanted)]
    output: list[bytes] = []
    said: list[str] = []
    process = await anyio.open_process([*checks, "--", *wanted.command], stdin=DEVNULL, cwd=wanted.folder)
    session.checks.add(process)
    try:
        async with anyio.create_task_group() as readers:
            readers.start_soon(_collect, process, output)
            readers.start_soon(_follow, process, said, report)
        code = await process.wait()
    finally:
        await _end(process)
        session.checks.discard(process)
    if not output:
        raise LtxMockError(said[-1].removeprefix("ltx-mock: ") if said else f"check-client ended with {code}")
    return summary(json.loads(b"".join(output)))


def _options(wanted: CheckClient) -> list[str]:
    cases = [option for case in wanted.cases for option in ("--case", case)]
    env = [option for name, value in (wanted.env or {}).items() for option in ("--env", f"{name}={value}")]
    callback = ["--callback"] if wanted.callback else []
    scale = [] if wanted.scale is None else ["--scale", f"{wanted.scale:g}"]
    timeout = [] if wanted.timeout is None else ["--timeout", f"{wanted.timeout:g}"]
    return [*cases, *env, *scale, *timeout, *callback]


async def _collect(process: Process, output: list[bytes]) -> None:
    if process.stdout is not None:
        async for piece in process.stdout:
            output.append(piece)  # noqa: PERF401 - it is kept also when the reading is cancelled


async def _follow(process: Process, said: list[str], report: Report) -> None:
    rest = ""
    if process.stderr is not None:
        async for piece in process.stderr:
            *lines, rest = (rest + piece.decode(errors="replace")).split("\n")
            for line in lines:
                if found := _PROGRESS.fullmatch(line):
                    await report(float(found[1]), float(found[2]), found[3])
                elif line:
                    said.append(line)


async def _end(process: Process) -> None:
    """End the checks if they still run. They are never killed, since only they can end the client."""
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            process.terminate()
            await process.wait()
        await process.aclose()


def summary(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an agent needs of the report of `check-client --json`."""
    broken = [
        {
            "rule": rule["rule"],
            "text": rule["text"],
            "deviations": [
                {name: each[name] for name in ("title", "expected", "actual", "checks") if each.get(name)}
                for each in rule["departures"]
            ],
        }
        for rule in found["report"]["rules"]
        if rule["outcome"] == "broken"
    ]
    failed = [
        {name: case[name] for name in ("case", "about", "expected", "how", "broken", "output")}
        for case in found["cases"]
        if case["broken"]
    ]
    return {
        "ok": found["ok"],
        "cases": len(found["cases"]),
        "timing": found["timing"],
        "hint": found["hint"],
        "counts": found["report"]["counts"],
        "broken": broken,
        "failedCases": failed,
    }
