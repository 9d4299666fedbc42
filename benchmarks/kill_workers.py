"""Kill workers under load, again and again, and check that nothing is lost, doubled or wrongly counted.

    kill_workers.py [KILLS]

prints what happened with a SQLite file and with a Redis server.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.kills import killed_workers
from support.redis_servers import shared_stores

KILLS = 100


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else KILLS
    with shared_stores() as stores:
        for name, store in stores.items():
            report(name, store, kills)


def report(name: str, store: str, kills: int) -> None:
    begun = time.perf_counter()
    outcome = killed_workers(store, kills)
    print(f"{name}: {kills} workers killed in {time.perf_counter() - begun:.0f} s; {outcome._asdict()}", flush=True)


if __name__ == "__main__":
    main()
