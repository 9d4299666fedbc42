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

from ltx_mock_contracts.failures import ContractFailure

__all__ = ["ConflictError", "ContractFailure", "LtxMockError", "NotFoundError", "SettingsError", "suggestion"]


class LtxMockError(Exception):
    """The fake cannot do what was asked of it; the text says what to change."""


class SettingsError(LtxMockError):
    """A setting is unknown or its value is not allowed."""


class NotFoundError(LtxMockError):
    """Something was named that does not exist."""


class ConflictError(LtxMockError):
    """It exists, but its present state does not allow what was asked."""


def suggestion(unknown: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for a near miss, else an empty string."""
    near = difflib.get_close_matches(unknown, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
