"""Programs in which gevent has patched the standard library: the fake works there, or says at once why it does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ltx_mock import MockServer

pytestmark = pytest.mark.sample(2)

REFUSAL = """\
a MockServer needs a thread of its own, but gevent has patched threads in this process. Run the fake in another \
process (ltx-mock serve --clock manual) and use RemoteServer(url), or pytest --ltx-base-url=URL; or leave threads as \
they are: monkey.patch_all(thread=False)
"""
USE = """
import urllib.request
with mock:
    assert b'"ok"' in urllib.request.urlopen(mock.url + "/__admin/health", timeout=300).read()
    assert mock.tasks == [] and mock.clock.advance(5) == []
    with mock.client() as client:
        assert client.get("/statusTask/ltx-2-19b").status_code == 400
    print(len(mock.requests), "request")
"""


def run(*parts: str) -> str:
    """Run a program of these parts and return what it prints on stdout."""
    command = [sys.executable, "-c", "\n".join(parts)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


START = "from ltx_mock import MockServer, LtxMockError"
PATCH = "from gevent import monkey; monkey.patch_all()"


@pytest.mark.sample
@pytest.mark.parametrize("parts", [(PATCH, START), (START, PATCH), (START, "MockServer().stop()", PATCH)])
def test_where_threads_are_no_threads_a_server_says_so_and_what_to_do(parts: tuple[str, ...]) -> None:
    told = run(*parts, "try: MockServer()", "except LtxMockError as error: print(error)")
    assert told == REFUSAL


def test_a_server_that_runs_already_is_still_of_use() -> None:
    assert run(START, "mock = MockServer(clock='manual')", PATCH, USE) == "1 request\n"


def test_the_advice_holds() -> None:
    patch = "from gevent import monkey; monkey.patch_all(thread=False)"
    assert run(patch, START, "mock = MockServer(clock='manual')", USE) == "1 request\n"


def test_a_patched_program_drives_a_server_elsewhere() -> None:
    with MockServer(clock="manual") as real:
        world = f"mock = RemoteServer({real.url!r})"
        use = USE.replace("with mock:", "if mock:")
        assert run(PATCH, "from ltx_mock import RemoteServer", world, use) == "1 request\n"
