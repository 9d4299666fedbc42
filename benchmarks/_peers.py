"""The peers: other mock servers with the same two endpoints and constant answers, or examples of the schema."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from _requests import GENERATE, STATUS
from _servers import Server, free_port, script
from bare_starlette import CREATED
from bare_starlette import STATUS as STATUS_ANSWER

from ltx_mock_schemas import openapi

STATUS_PATH = STATUS.partition("?")[0]
INSTALL = "npm install wiremock stubby @stoplight/prism-cli  (put node_modules/.bin on PATH; WireMock needs java)"
JSON = {"Content-Type": "application/json"}


def peers() -> Iterator[Server]:
    """Yield the peers that are installed; print a line for each other one."""
    wiremock = shutil.which("wiremock")
    if wiremock and shutil.which("java"):
        jar = next(Path(wiremock).resolve().parent.glob("build/*.jar"))
        yield Server("WireMock", lambda port, folder: _wiremock(jar, port, folder))
    else:
        _missing("WireMock", INSTALL)
    if shutil.which("prism"):
        yield Server("Prism", _prism)
    else:
        _missing("Prism", INSTALL)
    if shutil.which("stubby"):
        yield Server("stubby", _stubby)
    else:
        _missing("stubby", INSTALL)
    if importlib.util.find_spec("pytest_httpserver"):
        yield script("pytest-httpserver", "httpserver.py")
    else:
        _missing("pytest-httpserver", "pip install pytest-httpserver")


def _missing(name: str, command: str) -> None:
    print(f"{name} is left out, it is not installed: {command}", flush=True)


def _wiremock(jar: Path, port: int, folder: Path) -> Sequence[str]:
    """Two stubs, and the last 10,000 requests are kept, as in the fake."""
    mappings = folder / "mappings"
    mappings.mkdir()
    for method, path, answer in (("POST", GENERATE, CREATED), ("GET", STATUS_PATH, STATUS_ANSWER)):
        stub = {
            "request": {"method": method, "urlPath": path},
            "response": {"status": 200, "jsonBody": answer, "headers": JSON},
        }
        (mappings / f"{method}.json").write_text(json.dumps(stub))
    kept = ("--max-request-journal-entries", "10000", "--disable-banner")
    return "java", "-jar", str(jar), "--port", str(port), "--root-dir", str(folder), *kept


def _stubby(port: int, folder: Path) -> Sequence[str]:
    """Two stubs that match method and path only."""
    stubs = [
        {
            "request": {"method": method, "url": f"^{path}$"},
            "response": {"status": 200, "headers": JSON, "body": json.dumps(answer)},
        }
        for method, path, answer in (("POST", GENERATE, CREATED), ("GET", STATUS_PATH, STATUS_ANSWER))
    ]
    (folder / "stubs.json").write_text(json.dumps(stubs))
    others = ("--admin", str(free_port()), "--tls", str(free_port()))
    return "stubby", "--quiet", "--location", "127.0.0.1", "--data", "stubs.json", "--stubs", str(port), *others


def _prism(port: int, folder: Path) -> Sequence[str]:
    """The OpenAPI document of the API: Prism validates requests by it and answers with its examples."""
    document = folder / "openapi.json"
    document.write_text(json.dumps(openapi()))
    return "prism", "mock", str(document), "--port", str(port), "--verboseLevel", "silent"
