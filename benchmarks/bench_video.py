"""What a result video costs: the time to make it and its size.

Run: python benchmarks/bench_video.py
"""

from __future__ import annotations

import time
from statistics import median

from ltx_mock.api.video import dimensions, render

ROUNDS = 50


def milliseconds(resolution: str, aspect_ratio: str, seconds: int) -> tuple[float, float]:
    """Return the time of the first video, which loads the fragments, and the median of new pictures after it."""
    times = []
    for number in range(ROUNDS + 1):
        start = time.perf_counter()
        render(resolution=resolution, aspect_ratio=aspect_ratio, seconds=seconds, picture=number.to_bytes(16))
        times.append((time.perf_counter() - start) * 1e3)
    return times[0], median(times[1:])


def main() -> None:
    print(f"{'size':>10} {'seconds':>8} {'first ms':>9} {'ms':>7} {'bytes':>10}")
    for resolution in ("480p", "720p", "1080p"):
        for aspect_ratio in ("16:9", "9:16"):
            for seconds in (5, 20):
                first, later = milliseconds(resolution, aspect_ratio, seconds)
                content = render(resolution=resolution, aspect_ratio=aspect_ratio, seconds=seconds, picture=b"size")
                width, height = dimensions(resolution, aspect_ratio)
                print(f"{f'{width}x{height}':>10} {seconds:8} {first:9.1f} {later:7.2f} {len(content):10,}")


if __name__ == "__main__":
    main()
