"""Servers of bytes: each answers every connection with what it was given, as slowly as it was told."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from support.waiting import SECONDS

DATA = Path(__file__).parents[1] / "data"
CERTIFICATE = DATA / "localhost-cert.pem"
"""For localhost and 127.0.0.1, signed by itself."""
JPEG = b"\xff\xd8\xff" + b"0" * 50


def answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """Return an HTTP answer; an underscore in a header's name stands for a hyphen."""
    named = {"content-length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in named.items()), "", ""]
    return "\r\n".join(lines).encode() + body


class Requests(list[bytes]):
    """The heads of the requests that came."""

    def headers(self, number: int = 0) -> dict[str, str]:
        """Return the headers of one of them, with lower-case names."""
        lines = self[number].decode("latin-1").split("\r\n\r\n")[0].split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _request(peer: socket.socket) -> bytes:
    """Read a request to its end: who hangs up earlier resets the connection."""
    read = b""
    while piece := peer.recv(65536):
        read += piece
        head, end, body = read.partition(b"\r\n\r\n")
        size = re.search(rb"(?i)content-length: *(\d+)", head)
        if end and len(body) >= (int(size[1]) if size else 0):
            break
    return read


@contextlib.contextmanager
def serving(pieces: Iterable[bytes], *, pause: float = 0.0, tls: bool = False) -> Iterator[tuple[int, Requests]]:
    """Answer each connection with some pieces and a pause after each, and give the port and what was asked."""
    pieces, requests, over = list(pieces), Requests(), threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, DATA / "localhost-key.pem")

    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            peer = context.wrap_socket(connection, server_side=True) if tls else connection
            with peer:
                requests.append(_request(peer))
                for piece in pieces:
                    peer.sendall(piece)
                    if over.wait(pause):
                        return

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listening.getsockname()[1], requests
    over.set()
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(SECONDS)
