"""`ltx-mock fuzz`: what it writes is what it says, in every process the same bytes, and nothing of others is lost."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from ltx_mock.cli import main
from ltx_mock.testing.tenant import World
from ltx_mock_contracts import MalformedBody, parse_body, validate_request, validate_response
from ltx_mock_contracts.fuzzing import KINDS, corpus
from ltx_mock_contracts.model import MODES
from ltx_mock_contracts.strategies import ADVISORY_FAMILIES, INVALID_FAMILIES, MALFORMED_FAMILIES
from ltx_mock_contracts.validation.responses import Operation
from ltx_mock_schemas import schema
from support.processes import clean_environment

ROOT = Path(__file__).parents[3]
Run = Callable[..., tuple[object, str, str]]
CASE = jsonschema_rs.Draft202012Validator(schema("fuzz-case"))
INDEX = jsonschema_rs.Draft202012Validator(schema("fuzz-index"))
REQUESTS = ("valid", "invalid", "advisory", "malformed")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs the command in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*args: object) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["fuzz", *map(str, args)])
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return call


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def cases_of(kind: str, **options: Any) -> list[dict[str, Any]]:
    return list(corpus(kind, version="0", **options).cases.values())


def body_of(case: dict[str, Any]) -> bytes:
    request = case["request"]
    return b64decode(request["bodyBase64"]) if "bodyBase64" in request else json.dumps(request["body"]).encode()


@pytest.mark.sample(2)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_fits_its_schemas_and_the_index_lists_it_all(kind: str, run: Run, tmp_path: Path) -> None:
    assert run("--kind", kind, "--out", "new/corpus", "--count", 60, "--seed", 5) == (
        0,
        f"new/corpus: 60 cases of the kind {kind}, seed 5\n",
        "",
    )
    written = contents(tmp_path / "new" / "corpus")
    index = json.loads(written.pop("index.json"))
    INDEX.validate(index)
    assert [listed["file"] for listed in index["cases"]] == list(written)
    assert (index["kind"], index["seed"], index["count"]) == (kind, 5, 60)
    for listed in index["cases"]:
        raw = written[listed["file"]]
        case = json.loads(raw)
        CASE.validate(case)
        assert raw.isascii()
        assert {name: case[name] for name in ("kind", "family", "rule")} | {"file": listed["file"]} == listed
        assert (case["seed"], case["version"]) == (index["seed"], index["version"])


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_in_a_process_that_has_other_modules_loaded(
    run: Run, tmp_path: Path
) -> None:
    for kind in KINDS:
        run("--kind", kind, "--output", f"here/{kind}", "--count", 60, "--seed", 11)
    script = (
        "from ltx_mock.cli import cli\n"
        f"for kind in {KINDS}: cli.main(['fuzz', '--kind', kind, '--out', f'there/{{kind}}', '--count', '60',"
        " '--seed', '11'], standalone_mode=False)"
    )
    # Hypothesis takes constants from modules beside the program, and this one is full of them.
    (tmp_path / "constants.py").write_text("X = [1234567, 'processing_r9', 9.75, b'zzz', 31337, 1767965610930]\n")
    for before, hash_seed in (("", "1"), ("import constants, asyncio, sqlite3, xml.dom.minidom\n", "2")):
        subprocess.run(
            [sys.executable, "-c", before + script],
            cwd=tmp_path,
            env=clean_environment(PYTHONHASHSEED=hash_seed, LC_ALL="C"),
            capture_output=True,
            check=True,
            timeout=600,
        )
        for kind in KINDS:
            assert contents(tmp_path / "there" / kind) == contents(tmp_path / "here" / kind)


@pytest.mark.slow
def test_another_seed_gives_other_cases_and_a_greater_count_keeps_those_of_a_smaller_one() -> None:
    for kind in KINDS:
        some, more = cases_of(kind, count=40), cases_of(kind, count=90)
        assert more[:40] == some
        assert cases_of(kind, count=40, seed=1) != some


FAMILIES: dict[str, set[Any]] = {
    "valid": {f"{mode} {way}" for mode in MODES for way in ("async", "callback", "minimal")},
    "invalid": {(rule, name) for rule, names in INVALID_FAMILIES.items() for name in names},
    "advisory": set(ADVISORY_FAMILIES),
    "malformed": set(MALFORMED_FAMILIES),
}


@pytest.mark.parametrize("kind", REQUESTS)
def test_every_family_has_its_turn_as_soon_as_there_are_enough_cases(kind: str) -> None:
    families = len(FAMILIES[kind])
    drawn = cases_of(kind, count=families)
    names = {(case["rule"], case["family"]) if kind == "invalid" else case["family"] for case in drawn}
    assert names == FAMILIES[kind]


def test_too_few_cases_for_all_families_are_told(run: Run) -> None:
    code, _, err = run("--kind", "advisory", "--output", "x", "--count", 4)
    assert (code, err) == (0, "ltx-mock: 5 of 9 families have no case; a greater --count includes them\n")


@pytest.mark.sample
@pytest.mark.parametrize("kind", REQUESTS)
def test_validation_and_the_served_fake_agree_with_what_a_case_expects(kind: str, world: World) -> None:
    with world.client(verify=False) as client:
        for case in cases_of(kind, count=50, seed=2):
            expected, raw = case["expect"], body_of(case)
            answer = client.post("/generateTask/ltx-2-19b", content=raw, headers={"Content-Type": "application/json"})
            assert answer.status_code == expected["status"] == answer.json()["code"], case
            if kind == "malformed":
                with contextlib.suppress(MalformedBody):
                    assert [each.rule for each in validate_request(parse_body(raw))] == ["GEN-1"]
                assert case["request"].get("bodyText", "").encode() in {raw, b""}
                continue
            found = validate_request(parse_body(raw))
            assert [each.pointer for each in found if each.severity == "violation"] == (
                [] if expected["pointer"] is None else [expected["pointer"]]
            )
            assert {each.rule for each in found} <= {case["rule"]}
            if kind == "advisory":
                assert sorted(each.pointer for each in found) == expected["advisories"] != []


def test_answers_are_as_documented_or_said_to_be_tolerated() -> None:
    for case in cases_of("responses", count=80):
        response = case["response"]
        way: Operation = "generateTask" if response["way"] == "generateTask" else "statusTask"
        assert validate_response(way, response["status"] or 200, response["body"]) == []
        assert case["client"]["tolerated"] is False
    drifted = cases_of("drifted", count=80)
    assert {(case["rule"], case["client"]["tolerated"]) for case in drifted} == {("CLI-9", True)}
    unknown = [case for case in drifted if case["family"].endswith("unknown state")]
    assert {case["client"]["state"] for case in unknown} == {"processing"}


def test_a_rule_or_a_mode_picks_out_cases_and_does_not_change_them() -> None:
    every = cases_of("invalid", count=94)
    assert cases_of("invalid", rules={"GEN-10"}, count=10) == [case for case in every if case["rule"] == "GEN-10"]
    for kind in ("valid", "invalid", "advisory"):
        for case in cases_of(kind, mode="image-to-video", count=60):
            body = case["request"]["body"]
            whole = isinstance(body, dict) and isinstance(body.get("input"), dict)
            if whole and case["rule"] != "GEN-7":
                assert body["input"]["mode"] == "image-to-video"


def test_a_new_corpus_takes_the_place_of_an_old_one_and_leaves_other_files(run: Run, tmp_path: Path) -> None:
    run("--kind", "invalid", "--output", "x", "--count", 30)
    (tmp_path / "x" / "notes.txt").write_text("mine")
    (tmp_path / "x" / "2024-valid.json").write_text("mine too")
    assert run("--kind", "valid", "--output", "x", "--count", 1, "--rule", "GEN")[0] == 2
    assert run("--kind", "malformed", "--output", "x", "--count", 1)[1] == "x: 1 case of the kind malformed, seed 0\n"
    names = ["0001-malformed-GEN-1-empty.json", "2024-valid.json", "index.json", "notes.txt"]
    assert list(contents(tmp_path / "x")) == names


@pytest.mark.parametrize("index", [None, "{", "[]", '{"cases": []}', '{"generator": "other", "cases": []}'])
def test_a_folder_with_other_files_is_refused_until_it_is_forced(index: str | None, run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{}")
    if index is not None:
        (tmp_path / "index.json").write_text(index)
    before = contents(tmp_path)
    said = "ltx-mock: . has files that are no corpus; give --force or another --output\n"
    assert run("--kind", "valid", "--out", ".") == (2, "", said)
    assert contents(tmp_path) == before
    assert run("--kind", "valid", "--out", ".", "--count", 2, "--force")[0] == 0
    assert len(contents(tmp_path)) == 4


def test_what_is_half_written_has_no_index(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("--kind", "valid", "--output", "x", "--count", 3)
    replace = Path.replace

    def full(draft: Path, path: Path) -> Path:
        if path.name.startswith("0002"):
            raise OSError(28, "No space left on device", str(path))
        return replace(draft, path)

    monkeypatch.setattr(Path, "replace", full)
    said = "ltx-mock: cannot write x/0002-invalid-GEN-2-unknown-word.json: No space left on device\n"
    assert run("--kind", "invalid", "--output", "x") == (2, "", said)
    assert list(contents(tmp_path / "x")) == ["0001-invalid-GEN-1-no-object.json"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            "malformed --mode text-to-video",
            "a mode goes with valid, invalid, advisory; cases of the kind malformed have",
        ),
        ("malformed --rule CLI-9", "no case of the kind malformed is about CLI-9; they are about GEN-1\n"),
        ("valid --rule GEN-1", "no case of the kind valid is about GEN-1; they are about no single rule\n"),
        ("invalid --rule GEN-99", "no rule 'GEN-99' (did you mean 'GEN-9'?); ltx-mock rules lists them\n"),
        ("invalid --count 0", "Invalid value for '--count': 0 is not in the range 1<=x<=100000; see ltx-mock fuzz"),
        ("wrong", "Invalid value for '--kind': 'wrong' is not one of 'valid', 'invalid', 'advisory', 'malformed', "),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_nothing_is_written(
    args: str, said: str, run: Run, tmp_path: Path
) -> None:
    code, out, err = run("--kind", *args.split(), "--output", "x")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"ltx-mock: {said}")
    assert contents(tmp_path) == {}


def test_a_file_in_the_place_of_the_folder_is_said_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    assert run("--kind", "valid", "--output", "x") == (2, "", "ltx-mock: cannot write x: File exists\n")


def test_the_command_knows_the_kinds_and_modes_without_importing_what_draws_them() -> None:
    module = importlib.import_module("ltx_mock.cli.fuzz")
    assert (module.KINDS, module.MODES) == (KINDS, MODES)
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, ltx_mock.cli.fuzz; print('hypothesis' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert loaded.stdout == "False\n"


def node(*folders: Path) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(FUZZ_CORPUS=os.pathsep.join(map(str, folders)))
    return subprocess.run(
        ["node", "--test", "--test-reporter=tap", str(ROOT / "examples" / "node" / "fuzz-corpus.test.mjs")],
        capture_output=True, text=True, timeout=300, check=False, env=environment,
    )  # fmt: skip


@pytest.mark.node
def test_the_example_in_node_passes_and_notices_what_is_wrong(run: Run, tmp_path: Path) -> None:
    for kind in ("responses", "drifted"):
        run("--kind", kind, "--out", kind, "--count", 60)
    done = node(tmp_path / "responses", tmp_path / "drifted")
    assert done.returncode == 0, done.stdout
    assert "# pass 120\n" in done.stdout
    (first,) = (tmp_path / "drifted").glob("0001-*")
    case = json.loads(first.read_text())
    case["client"]["taskId"] = "task_other"
    first.write_text(json.dumps(case))
    assert node(tmp_path / "responses", tmp_path / "drifted").returncode == 1
