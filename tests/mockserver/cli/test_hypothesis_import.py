"""Commands import Hypothesis without the plugins that other packages have for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.processes import ltx_mock


@pytest.mark.parametrize("given", [{}, {"HYPOTHESIS_NO_PLUGINS": ""}], ids=["not given", "empty"])
def test_a_plugin_that_cannot_be_imported_ends_no_command(given: dict[str, str], tmp_path: Path) -> None:
    package = tmp_path / "plugins" / "broken-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[hypothesis]\nbroken = a_module_that_is_not_there\n")
    path = {"PYTHONPATH": str(package.parent)}
    code, out, err = ltx_mock(
        "fuzz", "--kind", "valid", "--count", "1", "--output", "cases", env=path | given, cwd=tmp_path
    )
    assert code == 0, err
    assert out.startswith("cases: 1 case of the kind valid")
