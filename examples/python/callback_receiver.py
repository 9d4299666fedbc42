"""Receive callbacks with nothing but the standard library.

    python callback_receiver.py [PORT]        # default 3000; 0 takes a free port

Give `http://localhost:3000/callback` as `callback_url`. Each finished task is printed as one line.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAX_BYTES = 1024 * 1024

finished: queue.Queue[dict[str, Any]] = queue.Queue()


class Callback(BaseHTTPRequestHandler):
    """Answers at once and leaves the work to `work`: after 30 s without a 200 the callback is sent again."""

    def do_POST(self) -> None:
        """Take one callback."""
        length = self.headers.get("Content-Length", "")
        if self.path != "/callback" or not length.isdecimal() or int(length) > MAX_BYTES:
            self._answer(404 if self.path != "/callback" else 400)
            return
        try:
            task = json.loads(self.rfile.read(int(length)))["data"]
            task["taskId"], task["state"]
        except (ValueError, KeyError, TypeError):
            self._answer(400)
            return
        finished.put(task)
        self._answer(200)  # nothing but 200 counts

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing for each request."""


def work() -> None:
    """Handle finished tasks, each once: the same callback may come twice, and they come in any order."""
    seen: set[str] = set()  # a real application asks its database
    while True:
        task = finished.get()
        if task["taskId"] in seen:
            continue
        seen.add(task["taskId"])
        handle(task)


def handle(task: dict[str, Any]) -> None:
    """Put your own work here: download the file (it is kept for 15 days), tell the user."""
    if task["state"] == "success":
        # resultJson is JSON inside a string.
        print(f"{task['taskId']} success {json.loads(task['resultJson'])['resultUrls'][0]}", flush=True)
    else:
        print(f"{task['taskId']} {task['state']} {task.get('failCode')}: {task.get('failMsg')}", flush=True)


def main() -> None:
    """Serve until Ctrl-C."""
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 3000), Callback)
    threading.Thread(target=work, daemon=True).start()
    print(f"listening on http://127.0.0.1:{server.server_port}/callback", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
