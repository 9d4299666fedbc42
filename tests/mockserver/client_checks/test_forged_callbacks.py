"""`ltx-mock check-client --callback-secret`: a receiver that refuses forged callbacks, and one that does not."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ltx_mock.client_checks.cases import CASES
from support.processes import ltx_mock

pytestmark = pytest.mark.posix

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PROGRAM = [sys.executable, "-S", str(Path(__file__).parents[2] / "mutants" / "clients.py")]
FORGED = [case.name for case in CASES if case.forged]


def checked(folder: Path, *bug: str, **env: str) -> tuple[dict[str, Any], str]:
    """Check a client in the cases with forged callbacks; return the report, and all that was said and written."""
    some = [f"--case={name}" for name in (*FORGED, "callback")]
    flags = [] if env else ["--callback-secret", SECRET]
    code, out, err = ltx_mock(
        *("check-client", "--callback", *flags, *some, "--output", "report.json", "--output", "junit.xml"),
        *("--", *PROGRAM, *bug),
        cwd=folder,
        env=env,
    )
    assert code == 0, out + err
    written = "".join(path.read_text(encoding="utf-8") for path in folder.iterdir())
    return json.loads((folder / "report.json").read_text(encoding="utf-8")), out + err + written


@pytest.mark.slow
def test_a_receiver_that_verifies_passes_and_the_secret_is_shown_nowhere(tmp_path: Path) -> None:
    report, said = checked(tmp_path, LTX_MOCK_CALLBACK_SECRET=SECRET)
    assert {each["case"]: "CLI-11" in each["kept"] for each in report["cases"]} == {"callback": False} | dict.fromkeys(
        FORGED, True
    )
    outcomes = {each["rule"]: each["outcome"] for each in report["report"]["rules"]}
    assert (outcomes["CLI-8"], outcomes["CLI-11"]) == ("kept", "kept")
    assert SECRET not in said


@pytest.mark.slow
def test_a_receiver_that_takes_any_signature_is_only_observed(tmp_path: Path) -> None:
    report, said = checked(tmp_path, "takes-any-signature")
    (rule,) = [each for each in report["report"]["rules"] if each["rule"] == "CLI-11"]
    assert report["ok"]
    assert rule["outcome"] == "observed"
    assert "it accepts a forged callback" in said
    assert SECRET not in said


def test_the_cases_run_only_with_a_secret(tmp_path: Path) -> None:
    code, _, err = ltx_mock("check-client", "--callback", f"--case={FORGED[0]}", "--", "true", cwd=tmp_path)
    assert (code, "cases of forged callbacks need --callback-secret" in err) == (2, True)
    code, _, err = ltx_mock("check-client", "--callback-secret", "whsec_short", "--", "true", cwd=tmp_path)
    assert (code, "--callback-secret must be whsec_ and the base64 of 24 to 64 bytes" in err) == (2, True)
    assert "whsec_short" not in err
    _, _, plain = ltx_mock("check-client", "--callback", "--", "true", cwd=tmp_path)
    _, _, signed = ltx_mock("check-client", "--callback", "--callback-secret", SECRET, "--", "true", cwd=tmp_path)
    assert f"{len(CASES) - len(FORGED)} cases" in plain
    assert f"{len(CASES)} cases" in signed
