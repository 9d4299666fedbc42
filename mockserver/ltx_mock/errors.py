"""The two families of errors.

```
LtxMockError                we cannot run: a bad option, a taken port, an unknown scenario
├── SettingsError           a setting or another field is unknown, or its value is not allowed
├── NotFoundError           an unknown task, tenant or delivery
├── ConflictError           it exists, but its state does not allow the operation
└── UnavailableError        the store of the state cannot be reached now
ContractFailure             a client or a server broke the contract (also an AssertionError)
```
"""

from __future__ import annotations

from ltx_mock_contracts.failure import ContractFailure

__all__ = [
    "ConflictError",
    "ContractFailure",
    "LtxMockError",
    "NotFoundError",
    "SettingsError",
    "UnavailableError",
]


class LtxMockError(Exception):
    """The fake cannot perform an operation; the text says what to change."""

    __module__ = "ltx_mock"


class SettingsError(LtxMockError):
    """A setting or another field is unknown, or its value is not allowed. `field` is its path, empty for the whole."""

    __module__ = "ltx_mock"

    def __init__(self, text: str = "", field: str = "") -> None:
        super().__init__(text)
        self.field = field


class NotFoundError(LtxMockError):
    """Something with this name or id does not exist."""

    __module__ = "ltx_mock"


class ConflictError(LtxMockError):
    """It exists, but its state does not allow the operation."""

    __module__ = "ltx_mock"


class UnavailableError(LtxMockError):
    """The store of the state cannot be reached now; try again later. What was to be done may have been done or not."""

    __module__ = "ltx_mock"
