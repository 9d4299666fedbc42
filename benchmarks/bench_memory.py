"""Memory per task with 100,000 of them, and what a large table does to the latency of a status.

The journal is bounded and filled before the first reading, so the difference is the tasks alone.
"""

from __future__ import annotations

from pathlib import Path

from _load import drive, post, request, serving
from bench_server import BODY, GENERATE, OPEN, STATUS

TASKS = 100_000
WARM_UP = 12_000


def resident(pid: int) -> int:
    """Return the resident memory of a process in bytes (Linux)."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def main() -> None:
    generate = request("POST", GENERATE, BODY)
    with serving("--quiet", *OPEN) as (port, pid):
        drive(port, pid, lambda: generate, WARM_UP)
        before = resident(pid)
        making = drive(port, pid, lambda: generate, TASKS)
        grown = resident(pid) - before
        task_id = post(port, GENERATE, BODY)["data"]["taskId"]  # type: ignore[index]
        status = request("GET", STATUS + task_id)
        reading = drive(port, pid, lambda: status, 20_000)
    print(f"{TASKS} tasks: {grown / TASKS:.0f} bytes each, {grown / 2**20:.0f} MiB in all")
    print(f"generateTask while they are made: p99 {making.p99:.1f} ms, worst {making.worst:.1f} ms")
    print(f"statusTask with all of them there: p99 {reading.p99:.1f} ms, worst {reading.worst:.1f} ms")


if __name__ == "__main__":
    main()
