"""What a flood of bodies of nearly a mebibyte leaves in memory: `hostile_memory.py [KEYS]`, three for each key."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import httpx
from _load import resident

from support.bodies import GENERATE, IMAGE, TEXT, request_body
from support.processes import serving

KEYS = int(sys.argv[1]) if len(sys.argv) > 1 else 300
SIZE = 1024 * 1024 - 1000
BOUND_MIB = 1000
"""The journals may take 256 MiB, the tasks 512 MiB; then there is what Python takes for itself."""

REFUSED = b'"' + b"x" * SIZE + b'"'
PADDED = json.dumps(request_body(TEXT) | {"padding": "x" * SIZE}).encode()
REMARKED = json.dumps(request_body(TEXT) | {f"{n}" + "x" * 9000: 1 for n in range(100)}).encode()
LINKED = json.dumps(request_body(IMAGE, image_urls=["http://a/" + "x" * SIZE])).encode()
ONE_KEY = ["one-key"] * KEYS * 3
MANY_KEYS = [f"invented-{number}" for number in range(KEYS) for _ in range(3)]


def main() -> None:
    floods = {
        "refused, many keys": (REFUSED, MANY_KEYS),
        "tasks, many keys": (PADDED, MANY_KEYS),
        "a hundred remarks each, many keys": (REMARKED, MANY_KEYS),
        "tasks, one key": (PADDED, ONE_KEY),
        "long URLs, another key": (LINKED, ["another-key"] * KEYS * 3),
    }
    with (
        serving("--quiet", "--clock", "manual", "--no-fetch-assets") as fake,
        httpx.Client(base_url=f"{fake.url}/api/v1", timeout=300, trust_env=False, verify=False) as client,
    ):
        most = resident(fake.pid) >> 20
        print(f"{'at the start':36} {most:6} MiB")
        for name, (body, keys) in floods.items():
            answers: Counter[int] = Counter()
            for key in keys:
                headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
                answers[client.post(GENERATE, content=body, headers=headers).status_code] += 1
            used = resident(fake.pid) >> 20
            most = max(most, used)
            print(
                f"{name:36} {used:6} MiB  {len(keys) * len(body) >> 20:6} MiB sent, answers {dict(answers)}", flush=True
            )
    print(f"at most {most} MiB; {BOUND_MIB} MiB are allowed")
    sys.exit(most > BOUND_MIB)


if __name__ == "__main__":
    main()
