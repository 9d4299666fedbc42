"""The two families of errors.

```
LtxMockError                we cannot run: a bad option, a taken port, an unknown scenario
├── SettingsError           a setting is unknown or its value is not allowed
├── NotFoundError           a task, tenant or delivery that nobody made
└── ConflictError           it exists, but its state does not allow what was asked
ContractFailure             somebody broke the contract (also an AssertionError)
```
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ltx_mock_contracts.failure import ContractFailure

__all__ = [
    "ConflictError",
    "ContractFailure",
    "LtxMockError",
    "NotFoundError",
    "SettingsError",
    "require_count",
    "suggestion",
]

MAX_COMPARED = 80
"""So much of a word is compared with the known ones."""


class LtxMockError(Exception):
    """The fake cannot do what was asked of it; the text says what to change."""

    __module__ = "ltx_mock"


class SettingsError(LtxMockError):
    """A setting is unknown or its value is not allowed."""

    __module__ = "ltx_mock"


class NotFoundError(LtxMockError):
    """Something was named that does not exist."""

    __module__ = "ltx_mock"


class ConflictError(LtxMockError):
    """It exists, but its present state does not allow what was asked."""

    __module__ = "ltx_mock"


def suggestion(unknown: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for a near miss, else an empty string."""
    near = difflib.get_close_matches(unknown[:MAX_COMPARED], list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def require_count(name: str, value: object) -> None:
    """Raise `SettingsError` for what is neither None nor a whole number from 0."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise SettingsError(f"{name} must be a whole number of at least 0, not {value!r}")
