"""Children of the process that a server runs in: none of them keeps its port, and a fork of it says what it is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.sample, pytest.mark.posix]

PROGRAM = """
import json, multiprocessing, os, socket, subprocess, sys
from ltx_mock import CallbackReceiver, MockServer

def port_of(url):
    return int(url.split("/")[2].rpartition(":")[2])

def live_on(*events):
    for event in events:
        told.send(event())
    told.send("end")
    go_on.wait()

def text_of(look):
    def text():
        try:
            return look()
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return text

def over_http():
    with mock.client() as client:
        return client.get("/statusTask/ltx-2-19b").status_code

fork = multiprocessing.get_context("fork")
heard, told = fork.Pipe(duplex=False)
go_on = fork.Event()
mock, receiver = MockServer(clock="manual"), CallbackReceiver()
connected = socket.create_connection(("127.0.0.1", port_of(mock.url)))
connected.sendall(b"GET /__admin/health HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n")
assert connected.recv(10_000).startswith(b"HTTP/1.1 200")
looks = [text_of(lambda: mock.tasks), text_of(lambda: mock.clock.advance(1)), over_http, mock.stop, receiver.stop]
if sys.argv[1] == "os":
    child = os.fork()
    if child == 0:
        live_on(*looks)
        sys.exit(0)
    end = lambda: os.waitpid(child, 0)[1]
elif sys.argv[1] == "multiprocessing":
    process = fork.Process(target=live_on, args=looks)
    process.start()
    end = lambda: process.join() or process.exitcode
else:
    program = "import sys; sys.stdout.write('.'); sys.stdout.flush(); sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, close_fds=False)
    process.stdout.read(1)
    told.send("end")
    end = lambda: process.communicate() and process.returncode
seen = [*iter(heard.recv, "end")]
with mock.client() as client:  # what the child did has not stopped the parent's
    assert client.get("/statusTask/ltx-2-19b").status_code == 400
mock.stop()
receiver.stop()
connected.settimeout(10)
while connected.recv(10_000):  # the rest of the response, and then the end, which a child could hold up
    pass
again = MockServer(clock="manual", port=port_of(mock.url)).stop()
free = socket.create_server(("127.0.0.1", port_of(receiver.url))).close()
go_on.set()
print(json.dumps({"seen": seen, "end": end(), "pid": os.getpid(), "url": mock.url}))
"""


@pytest.mark.skipif(not hasattr(sys, "getdlopenflags"), reason="there is no fork here")
@pytest.mark.parametrize("how", ["os", "multiprocessing", "subprocess"])
def test_a_child_that_lives_on_keeps_no_port_and_no_connection(how: str) -> None:
    quiet = "ignore:This process:DeprecationWarning"  # what Python 3.12 and newer say of each fork beside a thread
    command = [sys.executable, "-W", quiet, "-c", PROGRAM, how]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert found["end"] == 0
    if how != "subprocess":
        tasks, advance, status, *stops = found["seen"]
        assert tasks == advance
        assert tasks.startswith(
            f"LtxMockError: this MockServer runs in process {found['pid']}, of which this one is a fork. "
            f"A child can call the API at {found['url']}"
        )
        assert (status, stops) == (400, [None, None])
