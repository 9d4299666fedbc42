"""A real nginx on loopback, with the configuration of the repository."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ltx_mock.client_checks.programs import free_port
from support.waiting import SECONDS, until

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx.conf"
TEMPORARY = ("client_body", "proxy", "fastcgi", "scgi", "uwsgi")


@contextmanager
def nginx(folder: Path, replicas: Sequence[str]) -> Iterator[str]:
    """Run nginx before replicas, each `HOST:PORT`, and yield its URL."""
    port = free_port()
    text = CONFIGURATION.read_text(encoding="utf-8")
    text = re.sub(r"\blisten 8219;", f"listen 127.0.0.1:{port};", text)
    for number, replica in enumerate(replicas, 1):
        text = text.replace(f"ltx-mock-{number}:8219", replica)
    paths = "".join(f"{each}_temp_path {folder}/{each};\n" for each in TEMPORARY)
    file = folder / "nginx.conf"
    file.write_text(text.replace("http {\n", f"http {{\n{paths}", 1), encoding="utf-8")
    own = f"daemon off; master_process off; error_log stderr; pid {folder}/nginx.pid;"
    process = subprocess.Popen(["nginx", "-e", "stderr", "-c", str(file), "-g", own])
    try:
        until(lambda: process.poll() is not None or _accepts(port))
        assert process.poll() is None
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(SECONDS)


def _accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False
