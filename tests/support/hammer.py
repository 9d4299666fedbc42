"""Many requests at once, to count how many of them are within a limit."""

from __future__ import annotations

import threading
from collections import Counter
from secrets import token_hex

from support.bodies import GENERATE, STATUS, TEXT, request_body
from support.load import Connection
from support.waiting import SECONDS

REFUSED = 429


def tasks_within_limit(url: str, requests: int) -> int:
    """Submit tasks with a new key from many connections, and return how many were made."""
    counts = _statuses(url, "POST", GENERATE, request_body(TEXT), requests)
    assert counts.keys() == {200, REFUSED}, counts
    return counts[200]


def requests_within_limit(url: str, requests: int) -> int:
    """Ask for an unknown task with a new key from many connections, and return how often the server looked for it."""
    counts = _statuses(url, "GET", f"{STATUS}?taskId=task_0", None, requests)
    assert counts.keys() == {404, REFUSED}, counts
    return counts[404]


def _statuses(url: str, method: str, path: str, body: object, requests: int, clients: int = 16) -> Counter[int]:
    key, left, counts = token_hex(8), iter(range(requests)), Counter[int]()
    lock = threading.Lock()

    def send() -> None:
        with Connection(url, key) as connection:
            while True:
                with lock:
                    if next(left, None) is None:
                        return
                answer = connection.call(method, path, body)
                with lock:
                    counts[answer.status if answer else 0] += 1

    threads = [threading.Thread(target=send, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert counts.total() == requests
    return counts
