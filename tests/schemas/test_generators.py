"""Clients that other people's generators make of the OpenAPI document: each submits, polls and reads an error."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import ltx_mock_schemas
from ltx_mock import MockServer
from ltx_mock.testing.options import DriftFields

pytestmark = pytest.mark.generators

CLIENTS = Path(__file__).parents[1] / "generated_clients"
TYPES = Path(ltx_mock_schemas.__file__).with_name("api.d.ts")
TSC = ("--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--types", "node")
ARAZZO = Path(__file__).parents[2] / "examples" / "arazzo"
PATIENCE = 600


def run(command: Sequence[str | Path], cwd: Path, **env: str) -> str:
    """Run a program to its end and return what it printed; what it complained of is the message of a failure."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def tool(name: str) -> Path:
    """Return where a program is, without following the links to it."""
    found = shutil.which(name)
    assert found is not None
    return Path(found)


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(ltx_mock_schemas.openapi()), encoding="utf-8")
    return path


@pytest.fixture
def drifting() -> Iterator[dict[str, str]]:
    """A fake whose task goes through an unknown state, with null for times, and fails with an unknown code."""
    with MockServer(clock="auto") as mock:
        world = mock.tenant()
        world.scenarios.add(fail_code="SensitiveContentDetected")
        drift: DriftFields = {
            "state": "processing_r2",
            "extra": {"progress": 42},
            "omit": ["createTime"],
            "nulls": True,
        }
        world.scenarios.add(drift=drift, operation="statusTask", times="forever")
        world.scenarios.add("extra-fields")
        yield {"BASE_URL": mock.url, "API_KEY": world.api_key}


def lives_with_drift(printed: str) -> None:
    told = json.loads(printed)
    assert told["states"] == ["pending", "processing_r2", "failed"]
    assert (told["failCode"], told["error"]) == ("SensitiveContentDetected", 404)


def compiled(tmp_path: Path, client: str) -> Path:
    """Compile a client in TypeScript, strictly, into one folder that Node can run."""
    modules = tool("openapi-typescript").parent.parent
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    source = tmp_path / client
    shutil.copy(CLIENTS / client, source)
    run([tool("tsc"), *TSC, "--noEmit", "--skipLibCheck", "--allowImportingTsExtensions", source], tmp_path)
    bundle = tmp_path / "bundle.mjs"
    run(
        [modules / ".bin" / "esbuild", source, "--bundle", "--format=esm", "--platform=node", f"--outfile={bundle}"],
        tmp_path,
    )
    return bundle


def test_openapi_typescript_and_openapi_fetch(tmp_path: Path, document: Path, drifting: dict[str, str]) -> None:
    run([tool("openapi-typescript"), document, "-o", tmp_path / "api.d.ts"], tmp_path)
    lives_with_drift(run(["node", compiled(tmp_path, "openapi_fetch.ts")], tmp_path, **drifting))


def test_the_types_that_are_shipped_are_those_of_the_document(tmp_path: Path, document: Path) -> None:
    made = tmp_path / "api.d.ts"
    run([tool("openapi-typescript"), document, "-o", made], tmp_path)
    assert made.read_text("utf-8") == TYPES.read_text("utf-8"), "run schemas/make_types.sh"


def test_hey_api(tmp_path: Path, document: Path, drifting: dict[str, str]) -> None:
    run([tool("openapi-ts"), "-i", document, "-o", tmp_path / "client"], tmp_path)
    lives_with_drift(run(["node", compiled(tmp_path, "hey_api.ts")], tmp_path, **drifting))


@pytest.mark.java
def test_typescript_fetch(tmp_path: Path, document: Path, drifting: dict[str, str]) -> None:
    run([tool("openapi-generator-cli"), "generate", "-g", "typescript-fetch", "-i", document, "-o", "client"], tmp_path)
    lives_with_drift(run(["node", compiled(tmp_path, "typescript_fetch.ts")], tmp_path, **drifting))


def python_of_the_generators() -> Path:
    return tool("openapi-python-client").with_name("python")


def test_openapi_python_client(tmp_path: Path, document: Path, drifting: dict[str, str]) -> None:
    run(
        [tool("openapi-python-client"), "generate", "--path", document, "--meta", "none", "--output-path", "client"],
        tmp_path,
    )
    script = shutil.copy(CLIENTS / "openapi_python_client.py", tmp_path)
    lives_with_drift(run([python_of_the_generators(), script], tmp_path, **drifting))


def test_datamodel_code_generator(tmp_path: Path, document: Path, drifting: dict[str, str]) -> None:
    options = ("--input-file-type", "openapi", "--output-model-type", "pydantic_v2.BaseModel", "--formatters", "black")
    run([tool("datamodel-codegen"), "--input", document, "--output", "client.py", *options], tmp_path)
    script = shutil.copy(CLIENTS / "datamodel_codegen.py", tmp_path)
    lives_with_drift(run([python_of_the_generators(), script], tmp_path, **drifting))


@pytest.mark.java
def test_openapi_generator_for_python(tmp_path: Path, document: Path, drifting: dict[str, str]) -> None:
    name = ("--package-name", "client", "-o", ".")
    run([tool("openapi-generator-cli"), "generate", "-g", "python", "-i", document, *name], tmp_path)
    script = shutil.copy(CLIENTS / "openapi_generator.py", tmp_path)
    lives_with_drift(run([python_of_the_generators(), script], tmp_path, **drifting))


def test_redocly_has_nothing_to_say(tmp_path: Path, document: Path) -> None:
    told = json.loads(run([tool("redocly"), "lint", "--format", "json", document], tmp_path))
    assert [problem["ruleId"] for problem in told["problems"]] == []


def test_redocly_validates_and_runs_the_arazzo_description(tmp_path: Path) -> None:
    with MockServer(clock="auto") as mock:
        for file in ARAZZO.iterdir():
            text = file.read_text(encoding="utf-8").replace("http://127.0.0.1:8219", mock.url)
            (tmp_path / file.name).write_text(text.replace("retryAfter: 5", "retryAfter: 0"), encoding="utf-8")
        for file in tmp_path.iterdir():
            told = json.loads(run([tool("redocly"), "lint", "--format", "json", file], tmp_path))
            assert [problem["ruleId"] for problem in told["problems"]] == []
        described = tmp_path / "make-video.arazzo.yaml"
        given = json.dumps({"prompt": "a sea", "apiKey": mock.api_key})
        run([tool("redocly"), "respect", described, "--input", given], tmp_path)
        asked = [each.state for each in mock.requests if each.operation == "statusTask"]
        assert asked == ["pending", "processing", "success"]
        assert [each.status for each in mock.downloads] == [200]
        given = json.dumps({"prompt": "[[content-violation]]", "apiKey": mock.api_key})
        with pytest.raises(AssertionError, match="failed"):
            run([tool("redocly"), "respect", described, "--input", given], tmp_path)
        assert mock.requests[-1].state == "failed"


def test_spectral_has_nothing_to_say(tmp_path: Path, document: Path) -> None:
    rules = tmp_path / ".spectral.yaml"
    rules.write_text("extends: ['spectral:oas']\n", encoding="utf-8")
    assert (
        json.loads(run([tool("spectral"), "lint", "-f", "json", "-q", "-r", rules, document], tmp_path) or "[]") == []
    )


def test_schemathesis_finds_nothing_wrong_with_the_fake(tmp_path: Path) -> None:
    """It knows the document alone, and judges each response of the fake by it."""
    with MockServer(api_key=["right-key"], clock="manual") as mock:
        options = ("--max-examples", "25", "--seed", "1", "--generation-deterministic", "--no-color")
        key = ("--header", "Authorization: Bearer right-key")
        told = run([tool("schemathesis"), "run", f"{mock.url}/__admin/openapi.json", *key, *options], tmp_path)
    assert "No issues found" in told
