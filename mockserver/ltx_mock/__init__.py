"""The offline twin of the LTX-2-19b video API.

```python
from ltx_mock import MockServer

with MockServer(clock="manual") as mock:
    run_my_app(base_url=mock.base_url, api_key=mock.api_key)
    mock.clock.advance(120)
```
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltx_mock.client_checks import check_client
    from ltx_mock.control.from_json import Exchange, Task
    from ltx_mock.core.options import ServerSettings, TenantSettings
    from ltx_mock.core.records import Account, Attempt, Delivery
    from ltx_mock.core.settings import Settings
    from ltx_mock.errors import ConflictError, ContractFailure, LtxMockError, NotFoundError, SettingsError
    from ltx_mock.scenarios import Scenario
    from ltx_mock.testing.mock_server import MockServer
    from ltx_mock.testing.receiver import CallbackReceiver, Received
    from ltx_mock.testing.remote_server import RemoteServer
    from ltx_mock.testing.scenarios import Scenarios
    from ltx_mock.testing.tenant import ClockHandle, World
    from ltx_mock.testing.transport import MockTransport
    from ltx_mock_contracts import strategies
    from ltx_mock_contracts.validation.findings import Finding

__all__ = [
    "Account",
    "Attempt",
    "CallbackReceiver",
    "ClockHandle",
    "ConflictError",
    "ContractFailure",
    "Delivery",
    "Exchange",
    "Finding",
    "LtxMockError",
    "MockServer",
    "MockTransport",
    "NotFoundError",
    "Received",
    "RemoteServer",
    "Scenario",
    "Scenarios",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "Task",
    "TenantSettings",
    "World",
    "check_client",
    "strategies",
]

_HOME = {
    "Account": "ltx_mock.core.records",
    "Attempt": "ltx_mock.core.records",
    "CallbackReceiver": "ltx_mock.testing.receiver",
    "ClockHandle": "ltx_mock.testing.tenant",
    "ConflictError": "ltx_mock.errors",
    "ContractFailure": "ltx_mock.errors",
    "Delivery": "ltx_mock.core.records",
    "Exchange": "ltx_mock.control.from_json",
    "Finding": "ltx_mock_contracts.validation.findings",
    "LtxMockError": "ltx_mock.errors",
    "MockServer": "ltx_mock.testing.mock_server",
    "MockTransport": "ltx_mock.testing.transport",
    "NotFoundError": "ltx_mock.errors",
    "Received": "ltx_mock.testing.receiver",
    "RemoteServer": "ltx_mock.testing.remote_server",
    "Scenario": "ltx_mock.scenarios",
    "Scenarios": "ltx_mock.testing.scenarios",
    "ServerSettings": "ltx_mock.core.options",
    "Settings": "ltx_mock.core.settings",
    "SettingsError": "ltx_mock.errors",
    "Task": "ltx_mock.control.from_json",
    "TenantSettings": "ltx_mock.core.options",
    "World": "ltx_mock.testing.tenant",
    "check_client": "ltx_mock.client_checks",
    "strategies": "ltx_mock_contracts",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that `import ltx_mock` costs next to nothing."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
