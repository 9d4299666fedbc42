"""A peer of the fake: pytest-httpserver with both endpoints and constant answers, on the given port."""

import sys
from threading import Event

from bare_starlette import CREATED, STATUS
from pytest_httpserver import HTTPServer

if __name__ == "__main__":
    server = HTTPServer(port=int(sys.argv[1]), threaded=True)
    server.expect_request("/api/v1/generateTask/ltx-2-19b", method="POST").respond_with_json(CREATED)
    server.expect_request("/api/v1/statusTask/ltx-2-19b", method="GET").respond_with_json(STATUS)
    server.start()
    Event().wait()
