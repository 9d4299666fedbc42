"""Honest clients in other styles than the examples: nothing is held against them, in any case."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from support.processes import ltx_mock

HERE = Path(__file__).parents[2] / "honest_clients"
IN_PARTS = [sys.executable, str(HERE / "in_parts.py")]
AIOHTTP = [sys.executable, str(HERE / "aiohttp_client.py")]
CURL_AND_JQ = ["bash", str(HERE / "curl_jq.sh")]
NODE = ["node", str(HERE / "async_retry.mjs")]


def modules() -> str:
    """Return the folder of npm's modules, in which Prism's program lies; async-retry is beside it."""
    return str(Path(shutil.which("prism") or "/bin/prism").parent.parent)


@pytest.mark.parametrize(
    ("client", "observed"),
    [
        pytest.param(AIOHTTP, (), id="aiohttp", marks=pytest.mark.slow),
        pytest.param(IN_PARTS, ("CLI-3",), id="in-parts", marks=pytest.mark.slow),
        pytest.param(CURL_AND_JQ, (), id="curl-and-jq", marks=[pytest.mark.curl, pytest.mark.jq, pytest.mark.slow]),
        pytest.param(NODE, (), id="node-async-retry", marks=[pytest.mark.node, pytest.mark.prism, pytest.mark.slow]),
    ],
)
def test_nothing_is_held_against_an_honest_client(client: list[str], observed: tuple[str, ...], tmp_path: Path) -> None:
    code, out, err = ltx_mock(
        *("check-client", "--env", f"RETRY_MODULES={modules()}", "--json", "report.json", "--", *client),
        cwd=tmp_path,
        timeout=500,
    )
    assert code == 0, out + err
    outcomes = {
        each["rule"]: each["outcome"] for each in json.loads((tmp_path / "report.json").read_text())["report"]["rules"]
    }
    unseen = dict.fromkeys(("CLI-2", "CLI-6", "CLI-8", "CLI-11"), "not checked")
    assert outcomes == dict.fromkeys(outcomes, "kept") | unseen | dict.fromkeys(observed, "observed")
