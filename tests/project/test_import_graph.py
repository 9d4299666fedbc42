"""Who imports whom: one way between packages, no circles between modules, nothing heavy before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "ltx_mock": "mockserver",
    "ltx_mock_contracts": "contracts",
    "ltx_mock_fixtures": "fixtures",
    "ltx_mock_schemas": "schemas",
}
MAY_IMPORT = {
    "ltx_mock": {"ltx_mock", "ltx_mock_contracts", "ltx_mock_fixtures", "ltx_mock_schemas"},
    "ltx_mock_contracts": {"ltx_mock_contracts", "ltx_mock_fixtures", "ltx_mock_schemas"},
    "ltx_mock_fixtures": {"ltx_mock_fixtures"},
    "ltx_mock_schemas": {"ltx_mock_schemas"},
}
LAYERS: dict[str, list[tuple[str, ...]]] = {
    "ltx_mock": [
        ("errors", "version", "collector"),
        ("fields",),
        ("scenarios",),
        ("asgi", "core"),
        ("store",),
        ("engine",),
        ("api", "upstream", "control"),
        ("dashboard",),
        ("server",),
        ("testing",),
        ("drift",),
        ("client_checks",),
        ("agents",),
        ("cli",),
        ("pytest_plugin", "__main__", "clients", "testcontainer"),
    ],
    "ltx_mock_contracts": [
        ("rules", "api", "model", "request_fields", "lazy", "extras", "polling"),
        ("failure", "verdicts", "dialects", "request", "needs_hypothesis"),
        ("validation",),
        ("io",),
        ("reporting", "strategies"),
        ("trace", "control_client", "receiver"),
        ("stateful", "fuzzing", "recordings"),
        ("conformance", "machine"),
    ],
}
"""Folders and top modules, from the ground up: each imports only what stands in rows above its own."""
HEAVY = [
    "httpx",
    "hypothesis",
    "jsonschema",
    "jsonschema_rs",
    "mcp",
    "pytest",
    "redis",
    "starlette",
    "tqdm",
    "uvicorn",
    "wcwidth",
]


def modules() -> dict[str, Path]:
    """Return every module of the four packages by its dotted name."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in (ROOT / folder / package).rglob("*.py"):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


@cache
def imported(module: str, *, at_import_time: bool) -> frozenset[str]:
    """Return what a module imports: everything, or only what runs when it is itself imported."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in _statements(tree) if at_import_time else ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{module} imports relatively"
            found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return frozenset(found)


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Give the statements that run at import: no function bodies, nothing under TYPE_CHECKING."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from _statements(node)


@pytest.mark.parametrize("package", FOLDERS)
def test_packages_import_one_way(package: str) -> None:
    for module in MODULES:
        if module.partition(".")[0] == package:
            ours = {name.partition(".")[0] for name in imported(module, at_import_time=False)} & set(FOLDERS)
            assert ours <= MAY_IMPORT[package], f"{module} imports {ours - MAY_IMPORT[package]}"


def test_no_module_needs_itself_to_be_imported() -> None:
    needs = {name: imported(name, at_import_time=True) & set(MODULES) - {name} for name in MODULES}
    while free := [name for name, others in needs.items() if not others & set(needs)]:
        for name in free:
            del needs[name]
    # A package's __init__ is run before its modules, whoever asks for them.
    assert not needs, f"a circle runs through {sorted(needs)}"


@pytest.mark.parametrize("package", LAYERS)
def test_layers_import_downward(package: str) -> None:
    floor = {name: number for number, row in enumerate(LAYERS[package]) for name in row}
    wrong = set()
    for module in MODULES:
        top, _, rest = module.partition(".")
        if top != package or not rest:
            continue
        mine = rest.split(".")[0]
        for name in imported(module, at_import_time=False) & set(MODULES):
            other = name.removeprefix(f"{package}.").split(".")[0]
            if name.startswith(f"{package}.") and other != mine and floor[other] >= floor[mine]:
                wrong.add(f"{module} imports {name}")
    assert not wrong


def test_every_folder_and_top_module_is_in_a_layer() -> None:
    for package, rows in LAYERS.items():
        there = {module.split(".")[1] for module in MODULES if module.startswith(f"{package}.")}
        assert there <= {name for row in rows for name in row}


def loaded_after(code: str) -> set[str]:
    """Return the modules, and the packages above them, that a fresh interpreter has loaded after running some code."""
    report = "import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("package", FOLDERS)
def test_importing_a_package_imports_nothing_heavy(package: str) -> None:
    assert not loaded_after(f"import {package}") & set(HEAVY)


def test_serving_does_not_wait_for_the_lab() -> None:
    loaded = loaded_after("import ltx_mock.cli.serve")
    assert {"uvicorn", "starlette"} <= loaded
    assert not loaded & {"httpx", "hypothesis", "jsonschema", "pytest", "redis", "tqdm", "wcwidth"}


FIRST_ANSWER = """
import asyncio
from ltx_mock.asgi.in_process import call
from ltx_mock.cli.serve import MODEL, Settings, json, new_engine
from ltx_mock.server.http import build, _connection

async def main():
    _connection()
    engine = new_engine(Settings())
    await engine.open()
    headers = [(b"authorization", b"Bearer key"), (b"content-type", b"application/json")]
    body = json.dumps(MODEL.example()).encode()
    reply = await call(build(engine), "POST", MODEL.generate_path, headers=headers, body=body)
    assert reply.status == 200, reply
    await engine.close()

asyncio.run(main())
"""


def test_the_first_answer_of_a_quiet_server_waits_for_nothing_that_it_does_not_need() -> None:
    loaded = loaded_after(FIRST_ANSWER)
    assert "jsonschema_rs" in loaded
    assert not loaded & {"difflib", "h11", "tomllib"}
    assert not loaded & {
        "ltx_mock.cli.console",
        "ltx_mock.control.routes",
        "ltx_mock.control.to_json",
        "ltx_mock.dashboard",
        "ltx_mock.engine.single_request",
        "ltx_mock_contracts.io.http_client",
        "ltx_mock_contracts.reporting.redaction",
        "ltx_mock_contracts.verdicts",
    }


def test_a_test_with_a_server_of_its_own_process_waits_for_no_other_client() -> None:
    loaded = loaded_after("from ltx_mock import MockServer\nwith MockServer() as mock:\n    mock.tenant('key').close()")
    assert "ltx_mock.control.routes" in loaded
    assert not loaded & {"difflib", "h11", "httpx", "tomllib", "ltx_mock_contracts.io.http_client"}
