"""Throughput and latency of both endpoints beside bare Starlette with constant answers, in one run.

Five rounds, each server in turn; the figures are the medians. A ratio is bare Starlette's cost to ours, by time and
by processor time; the latter is steadier on a machine that is busy otherwise. The fake runs with access, limits,
validation and journal. `lines` adds a line for each request: ours, and for bare Starlette uvicorn's access log.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from statistics import median

from _load import Load, drive, post, request, serving, serving_script

ROUNDS = 5
REQUESTS = 10_000
GENERATE = "/api/v1/generateTask/ltx-2-19b"
STATUS = "/api/v1/statusTask/ltx-2-19b?taskId="
BODY = json.dumps(
    {
        "request_type": "async",
        "input": {
            "mode": "text-to-video",
            "prompt": "a futuristic city with flying cars at sunset",
            "resolution": "1080p",
            "duration": 10,
            "aspect_ratio": "16:9",
            "seed": 54248617,
        },
    }
).encode()
OPEN = ("--rate-limit", "999999999/minute", "--max-concurrent", "999999999")


def measure(port: int, pid: int, task_id: str) -> dict[str, Load]:
    generate, status = request("POST", GENERATE, BODY), request("GET", STATUS + task_id)
    return {
        "generateTask": drive(port, pid, lambda: generate, REQUESTS),
        "statusTask": drive(port, pid, lambda: status, REQUESTS),
    }


def row(name: str, rounds: list[Load], base: list[Load]) -> str:
    def middle(pick: Callable[[Load], float], loads: list[Load]) -> float:
        return median(pick(load) for load in loads)

    rate = middle(lambda load: load.rate, rounds)
    ratio = median(mine.rate / theirs.rate for mine, theirs in zip(rounds, base, strict=True))
    cpu = middle(lambda load: load.cpu, rounds)
    cpu_ratio = median(theirs.cpu / mine.cpu for mine, theirs in zip(rounds, base, strict=True)) if cpu else 0
    p50, p99 = middle(lambda load: load.p50, rounds), middle(lambda load: load.p99, rounds)
    return f"{name:<38} {rate:>9.0f} {ratio:>7.2f} {cpu:>9.0f} {cpu_ratio:>7.2f} {p50:>9.2f} {p99:>9.2f}"


def main() -> None:
    names = ("bare Starlette", "bare Starlette, lines", "ltx-mock --quiet", "ltx-mock, lines")
    results: dict[str, list[dict[str, Load]]] = {name: [] for name in names}
    with (
        serving_script("bare_starlette.py") as bare,
        serving_script("bare_starlette.py", "--lines") as bare_lines,
        serving("--quiet", *OPEN) as quiet,
        serving(*OPEN) as lines,
    ):
        for _round in range(ROUNDS):
            for name, (port, pid) in zip(results, (bare, bare_lines, quiet, lines), strict=True):
                task_id = post(port, GENERATE, BODY)["data"]["taskId"]  # type: ignore[index]
                results[name].append(measure(port, pid, task_id))
    print(f"{'':<38} {'req/s':>9} {'ratio':>7} {'cpu µs':>9} {'ratio':>7} {'p50 ms':>9} {'p99 ms':>9}")
    for endpoint in ("generateTask", "statusTask"):
        base = [measured[endpoint] for measured in results["bare Starlette"]]
        for name, rounds in results.items():
            print(row(f"{endpoint}, {name}", [measured[endpoint] for measured in rounds], base))


if __name__ == "__main__":
    main()
