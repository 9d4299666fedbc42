"""The line that a report quotes from the output of a program that failed."""

from __future__ import annotations

import pytest

from ltx_mock.client_checks.error_messages import message_of

PYTHON = """\
attempt 1
Traceback (most recent call last):
  File "x.py", line 1, in <module>
    f()
    ^^^
OSError: gone
"""
PYTHON_CHAIN = """\
Traceback (most recent call last):
  File "x.py", line 2, in f
    g()
KeyError: 'state'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "x.py", line 4, in <module>
    f()
client.VideoError: no video
  it has no state
"""
PYTHON_LINES = """\
Traceback (most recent call last):
  File "x.py", line 1, in <module>
    f()
ValueError: no video:
the state is unknown
"""
PYTHON_GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "x.py", line 1, in <module>
  |     f()
  | ExceptionGroup: two (1 sub-exception)
  +-+---------------- 1 ----------------
    | OSError: gone
    +------------------------------------
"""
NODE = """\
/x/client.mjs:3
async function main() { throw new Error("failed: GPU"); }
                              ^

Error: failed: GPU
    at main (x.mjs:1:2)
    at y (z:1:1)

Node.js v20.20.2
"""
NODE_MODULE = """\
node:internal/modules/cjs/loader:1210
  throw err;
  ^

Error: Cannot find module '/x/undici'
Require stack:
- /x/client.cjs
    at Module._resolveFilename (node:internal/modules/cjs/loader:1207:15)
    at node:internal/main/run_main_module:28:49 {
  code: 'MODULE_NOT_FOUND',
  requireStack: []
}

Node.js v20.20.2
"""
NODE_SOCKET = """\
node:internal/deps/undici/undici:14976
      Error.captureStackTrace(err);
            ^

TypeError: fetch failed
    at node:internal/deps/undici/undici:14976:13
    at async main (file:///x/client.mjs:4:10) {
  [cause]: SocketError: other side closed
      at Socket.<anonymous> (node:internal/deps/undici/undici:6287:28)
      at endReadableNT (node:internal/streams/readable:1698:12) {
    code: 'UND_ERR_SOCKET',
    socket: {
      bytesRead: 0
    },
    [Symbol(undici.error.UND_ERR_SOCKET)]: true
  }
}

Node.js v20.20.2
"""
NODE_CODE = """\
Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/x/nope.mjs' imported from /x/client.mjs
    at finalizeResolution (node:internal/modules/esm/resolve:283:11) {
  code: 'ERR_MODULE_NOT_FOUND',
  url: 'file:///x/nope.mjs'
}
"""
NODE_GOES_ON = "TypeError: fetch failed\n    at main (x.mjs:1:2)\ngave up after 3 attempts\n"
JAVA = """\
submitted
Exception in thread "main" java.lang.IllegalStateException: no video
\tat Client.main(Client.java:3)
"""
JAVA_CAUSE = """\
Exception in thread "main" java.lang.RuntimeException: java.net.ConnectException
\tat Client.main(Client.java:3)
Caused by: java.net.ConnectException: Connection refused
\tat java.base/sun.nio.ch.Net.connect(Net.java:9)
\t... 9 more
"""
CURL = "  % Total    % Received\n\ncurl: (7) Failed to connect to 127.0.0.1 port 9\n"
SHELL = "submitting\nclient.sh: line 3: jq: command not found\n"


@pytest.mark.parametrize(
    ("output", "message"),
    [
        pytest.param("one\nSeaError: no sea\n", "SeaError: no sea", id="plain"),
        pytest.param("Error: attempt 1\nno video: gave up\n", "no video: gave up", id="log"),
        pytest.param("result:\n  failCode: WORKER_LOST\n}\n", "failCode: WORKER_LOST", id="indented"),
        pytest.param(PYTHON, "OSError: gone", id="python"),
        pytest.param(PYTHON_CHAIN, "client.VideoError: no video", id="python-chain"),
        pytest.param(PYTHON_LINES, "ValueError: no video:", id="python-lines"),
        pytest.param(PYTHON_GROUP, "| OSError: gone", id="python-group"),
        pytest.param(NODE, "Error: failed: GPU", id="node"),
        pytest.param(NODE_MODULE, "Error: Cannot find module '/x/undici'", id="node-module"),
        pytest.param(NODE_SOCKET, "TypeError: fetch failed", id="node-socket"),
        pytest.param(NODE_CODE, NODE_CODE.partition("\n")[0], id="node-code"),
        pytest.param(NODE_GOES_ON, "gave up after 3 attempts", id="node-goes-on"),
        pytest.param(JAVA, 'Exception in thread "main" java.lang.IllegalStateException: no video', id="java"),
        pytest.param(JAVA_CAUSE, "Caused by: java.net.ConnectException: Connection refused", id="java-cause"),
        pytest.param("Exception in thread: gone\n\tat A.main(A.java:3)\n", "Exception in thread: gone", id="java-old"),
        pytest.param(CURL, CURL.splitlines()[-1], id="curl"),
        pytest.param(SHELL, "client.sh: line 3: jq: command not found", id="shell"),
        pytest.param("没有视频\n===\n", "没有视频", id="chinese"),
        pytest.param("1234\n", "1234", id="no-words"),
        pytest.param("    at main (x.mjs:1:2)\n", "at main (x.mjs:1:2)", id="only-a-frame"),
        pytest.param("\n \n", "", id="blank"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_the_message_is_the_line_that_names_the_error(output: str, message: str) -> None:
    assert message_of(output) == message
