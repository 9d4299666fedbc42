"""constraints.txt, the versions that tests are run with: it has all that pyproject.toml asks for, and no addresses."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "constraints.txt").read_text().splitlines()
PINNED = re.compile(r"([a-z0-9-]+)==(\S+)( ; .+)?")


def test_each_line_is_one_version_for_some_or_all_platforms() -> None:
    for line in LINES:
        found = PINNED.fullmatch(line)
        assert found, line
        if found[3]:
            Marker(found[3].removeprefix(" ; "))


def test_all_that_is_asked_for_is_there_in_a_version_that_will_do() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [
        Requirement(text) for text in (*project["dependencies"], *(each for extra in extras.values() for each in extra))
    ]
    asked = [each for each in asked if each.name != project["name"]]  # an extra that has another
    pinned = {found[1]: found[2] for line in LINES if (found := PINNED.fullmatch(line))}
    unfit = [
        str(each)
        for each in asked
        if not each.specifier.contains(pinned.get(canonicalize_name(each.name), "0"), prereleases=True)
        or canonicalize_name(each.name) not in pinned
    ]
    assert unfit == [], "run `make lock`"
