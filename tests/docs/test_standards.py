"""`examples/requests.http` and `examples/arazzo`: each request is one that the fake understands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import yaml

from ltx_mock import MockServer
from ltx_mock_contracts import validate_request
from ltx_mock_schemas import openapi

EXAMPLES = Path(__file__).parents[2] / "examples"
ARAZZO = EXAMPLES / "arazzo"
VARIABLE = re.compile(r"\{\{(.*?)\}\}")
REFERENCE = re.compile(r"(\w+)\.response\.body\.\$\.(.*)")


class Told(NamedTuple):
    """A request of an `.http` file: its name, and its text from the request line on."""

    name: str
    text: str


def requests_in(text: str) -> tuple[dict[str, str], list[Told]]:
    """Return the variables and the requests of an `.http` file."""
    head, *parts = re.split(r"^###.*\n", text, flags=re.MULTILINE)
    variables = dict(re.findall(r"^@(\w+) = (.*)$", head, re.MULTILINE))
    told = []
    for part in parts:
        name = re.search(r"^# @name (\w+)\n", part, re.MULTILINE)
        told.append(Told(name[1] if name else "", re.sub(r"^#.*\n", "", part, flags=re.MULTILINE).strip()))
    return variables, told


def send(told: Told, variables: dict[str, str], answers: dict[str, Any]) -> httpx.Response:
    """Send a request as the REST Client does, and keep the answer under its name."""

    def value_of(found: re.Match[str]) -> str:
        reference = REFERENCE.fullmatch(found[1])
        if reference is None:
            return variables[found[1]]
        value = answers[reference[1]]
        for name in reference[2].split("."):
            value = value[name]
        return str(value)

    head, _, body = VARIABLE.sub(value_of, told.text).partition("\n\n")
    line, *fields = head.split("\n")
    method, url = line.split(" ")
    headers = dict(field.split(": ", 1) for field in fields)
    answer = httpx.request(method, url, headers=headers, content=body or None, trust_env=False)
    if told.name:
        answers[told.name] = answer.json()
    return answer


def test_the_requests_of_the_http_file_get_what_they_say() -> None:
    variables, told = requests_in((EXAMPLES / "requests.http").read_text(encoding="utf-8"))
    assert variables == {"host": "http://127.0.0.1:8219", "key": "any-key"}
    answers: dict[str, Any] = {}
    with MockServer(clock="auto") as mock:
        variables["host"] = mock.url
        submit, poll, download, *others = told
        assert send(submit, variables, answers).status_code == 200
        assert [send(poll, variables, answers).json()["data"]["state"] for _ in range(3)] == [
            *("pending", "processing", "success"),
        ]
        assert send(download, variables, answers).headers["content-type"] == "video/mp4"
        assert [send(each, variables, answers).status_code for each in others] == [200, 400, 429, 200, 200]


@pytest.fixture
def described() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ARAZZO / "make-video.arazzo.yaml").read_text(encoding="utf-8"))
    return found


def test_the_steps_are_operations_of_the_documents(described: dict[str, Any]) -> None:
    files = yaml.safe_load((ARAZZO / "files.openapi.yaml").read_text(encoding="utf-8"))
    known = {
        f"$sourceDescriptions.{name}.{operation['operationId']}"
        for name, document in (("ltx", openapi()), ("files", files))
        for methods in document["paths"].values()
        for operation in methods.values()
    }
    assert {source["name"] for source in described["sourceDescriptions"]} == {"ltx", "files"}
    (workflow,) = described["workflows"]
    assert [step["stepId"] for step in workflow["steps"]] == ["submit", "poll", "download"]
    assert {step["operationId"] for step in workflow["steps"]} <= known


def test_the_submitted_request_is_valid(described: dict[str, Any]) -> None:
    payload = described["workflows"][0]["steps"][0]["requestBody"]["payload"]
    assert validate_request(payload) == []
