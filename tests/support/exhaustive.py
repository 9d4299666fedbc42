"""Long tables of the same: some of each are always run, the rest by `make test-all`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest


def one_in(step: int, cases: Sequence[Any]) -> list[Any]:
    """Return the cases for `parametrize`: every n-th as it is, the others marked `exhaustive`."""
    return [
        case if number % step == 0 else pytest.param(case, marks=pytest.mark.exhaustive)
        for number, case in enumerate(cases)
    ]
