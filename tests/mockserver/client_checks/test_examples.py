"""The reference clients in `examples/` pass the checks of a client, each in every case."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ltx_mock.client_checks import CASES
from ltx_mock_schemas import schema
from support.processes import ltx_mock

EXAMPLES = Path(__file__).parents[3] / "examples"
PYTHON = [sys.executable, str(EXAMPLES / "python" / "httpx_client.py")]
NODE = ["node", str(EXAMPLES / "node" / "client.mjs")]
REQUESTS = [sys.executable, str(EXAMPLES / "python" / "requests_client.py")]
CURL = ["bash", str(EXAMPLES / "curl" / "generate.sh")]
POLLING = [case.name for case in CASES if not case.callback]
CALLED = [case.name for case in CASES if case.callback and not case.forged]
node = pytest.mark.node
curl = pytest.mark.curl
POLLERS = pytest.mark.parametrize(
    "client",
    [
        pytest.param(PYTHON, id="python"),
        pytest.param(REQUESTS, id="requests"),
        pytest.param(NODE, marks=node, id="node"),
        pytest.param(CURL, marks=curl, id="curl"),
    ],
)


def checked(client: list[str], folder: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    """Check a client with the real command; return its exit code, its report and what it said."""
    code, out, err = ltx_mock(
        "check-client", *options, "--json", "report.json", "--", *client, "a city", "out.mp4", cwd=folder, timeout=600
    )
    assert code in {0, 1}, out + err
    return code, json.loads((folder / "report.json").read_text(encoding="utf-8")), out + err


@pytest.mark.slow
@POLLERS
def test_an_example_passes_every_case_that_needs_no_receiver(client: list[str], tmp_path: Path) -> None:
    code, report, said = checked(client, tmp_path)
    assert (code, report["ok"]) == (0, True), said
    assert [each["case"] for each in report["cases"]] == POLLING
    outcomes = {each["rule"]: each["outcome"] for each in report["report"]["rules"]}
    unseen = ("CLI-2", "CLI-6", "CLI-8", "CLI-11")
    assert outcomes == dict.fromkeys(outcomes, "kept") | dict.fromkeys(unseen, "not checked")


@pytest.mark.slow
@pytest.mark.parametrize("case", ["expired-result", "cut-download"])
@POLLERS
def test_an_example_leaves_no_part_of_a_result(client: list[str], case: str, tmp_path: Path) -> None:
    code, _report, said = checked(client, tmp_path, f"--case={case}")
    assert code == 0, said
    kept = ["out.mp4"] if case == "cut-download" else []
    assert sorted(path.name for path in tmp_path.iterdir()) == [*kept, "report.json"]


@pytest.mark.slow
@pytest.mark.parametrize("client", [pytest.param(PYTHON, id="python"), pytest.param(NODE, marks=node, id="node")])
def test_an_example_with_a_receiver_passes_every_case_of_callbacks(client: list[str], tmp_path: Path) -> None:
    code, report, said = checked(client, tmp_path, "--callback", *(f"--case={name}" for name in CALLED))
    assert (code, report["ok"]) == (0, True), said
    assert [each["case"] for each in report["cases"]] == CALLED
    assert [each["case"] for each in report["cases"] if "CLI-8" not in each["kept"]] == ["callback-lost"]


@pytest.mark.slow
@pytest.mark.parametrize("client", [pytest.param(PYTHON, id="python"), pytest.param(NODE, marks=node, id="node")])
def test_an_example_passes_all_other_cases_too_when_it_takes_callbacks(client: list[str], tmp_path: Path) -> None:
    some = ("success", "content-violation", "unauthorized", "reset-poll", "lost-answer", "stuck", "cut-download")
    code, report, said = checked(client, tmp_path, "--callback", *(f"--case={name}" for name in some))
    assert code == 0, said
    kept = {each["case"]: each["kept"] for each in report["cases"]}
    assert "CLI-6" in kept["cut-download"]
    assert "CLI-6" not in kept["reset-poll"], "who is called does not poll, and shows nothing of what it would do"


@pytest.mark.slow
def test_the_waits_of_the_python_example_are_right(tmp_path: Path) -> None:
    names = ("success", "rate-limited", "rate-limited-for-long", "unavailable-poll")
    code, report, said = checked(PYTHON, tmp_path, "--scale", "60", *(f"--case={name}" for name in names))
    assert code == 0, said
    assert {"CLI-2", "CLI-6"} <= {each["rule"] for each in report["report"]["rules"] if each["outcome"] == "kept"}


def test_the_report_is_as_its_schema_says(tmp_path: Path) -> None:
    rude = [sys.executable, "-c", "print('no video')"]
    described = schema("client-report")
    for client, name, ok in ((PYTHON, "success", True), (rude, "success", False)):
        code, report, said = checked(client, tmp_path, "--case", name)
        assert (code, report["ok"]) == (0 if ok else 1, ok), said
        assert ("1 task, 5 credits spent, 0 wasted\n" in said) == ok
        jsonschema.validate(report, described, cls=jsonschema.Draft202012Validator)
        assert set(report) == set(described["required"]) == set(described["properties"])
        case = described["$defs"]["case"]
        assert all(set(each) == set(case["required"]) == set(case["properties"]) for each in report["cases"])
