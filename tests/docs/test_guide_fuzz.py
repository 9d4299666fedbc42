"""The guide "Fuzz your code": its code runs, its commands work, what it shows is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from ltx_mock.cli import main
from ltx_mock_contracts import ContractFailure, fuzz_responses
from ltx_mock_contracts.fuzzing import KINDS
from ltx_mock_schemas import schema
from support.pages import blocks, page

ROOT = Path(__file__).parents[2]
GUIDE = page("fuzz-corpus.md")


@pytest.mark.slow
def test_the_tests_of_the_guide_pass(pytester: pytest.Pytester) -> None:
    (text,) = blocks(GUIDE, "python")
    pytester.makepyfile(test_parser=text)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:asyncio", "-W", "error")
    result.assert_outcomes(passed=text.count("def test_"))


def test_a_failure_looks_as_the_guide_shows_it() -> None:
    def read(envelope: dict[str, Any]) -> object:
        return {"pending": 0, "processing": 1, "success": 2, "failed": 3}[envelope["data"]["state"]]

    with pytest.raises(ContractFailure) as caught:
        fuzz_responses(read, kinds=["statusTask"])
    assert f"{str(caught.value).rpartition('  the rule:')[0]}" == blocks(GUIDE, "text")[0]


def test_the_commands_of_the_guide_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (script,) = blocks(GUIDE, "sh")
    for line in script.splitlines():
        with pytest.raises(SystemExit) as left:
            main(line.removeprefix("ltx-mock ").split())
        assert left.value.code == 0
    assert sorted(path.name for path in (tmp_path / "fuzz").iterdir()) == ["drifted", "durations", "responses"]


def test_every_kind_has_a_row_and_the_cases_shown_fit_their_schema() -> None:
    assert tuple(re.findall(r"^\| `(\w+)` \| (?:req|bod|res)", GUIDE, re.MULTILINE)) == KINDS
    for block in blocks(GUIDE, "json"):
        jsonschema_rs.Draft202012Validator(schema("fuzz-case")).validate(json.loads(block))


def test_the_heart_of_the_example_in_node_is_the_examples_own() -> None:
    example = (ROOT / "examples" / "node" / "fuzz-corpus.test.mjs").read_text(encoding="utf-8")
    squeezed = re.sub(r"\s+", " ", example)
    assert re.sub(r"\s+", " ", blocks(GUIDE, "js")[0].strip()) in squeezed
