"""An offline fake of the LTX-2-19b video API.

```python
from ltx_mock import MockServer

with MockServer(clock="manual") as mock:
    run_my_app(base_url=mock.base_url, api_key=mock.api_key)
    mock.clock.advance(120)
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltx_mock_contracts.lazy import lazy_names

if TYPE_CHECKING:
    from ltx_mock.client_checks import check_client
    from ltx_mock.control.from_json import Exchange, Task
    from ltx_mock.core.records import Account, Attempt, Delivery
    from ltx_mock.core.settings import Settings
    from ltx_mock.errors import ConflictError, ContractFailure, LtxMockError, NotFoundError, SettingsError
    from ltx_mock.scenarios import Scenario
    from ltx_mock.testing.mock_server import MockServer
    from ltx_mock.testing.options import ServerSettings, TenantSettings
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

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        ".client_checks": ["check_client"],
        ".control.from_json": ["Exchange", "Task"],
        ".core.records": ["Account", "Attempt", "Delivery"],
        ".core.settings": ["Settings"],
        ".errors": ["ConflictError", "ContractFailure", "LtxMockError", "NotFoundError", "SettingsError"],
        ".scenarios": ["Scenario"],
        ".testing.mock_server": ["MockServer"],
        ".testing.options": ["ServerSettings", "TenantSettings"],
        ".testing.receiver": ["CallbackReceiver", "Received"],
        ".testing.remote_server": ["RemoteServer"],
        ".testing.scenarios": ["Scenarios"],
        ".testing.tenant": ["ClockHandle", "World"],
        ".testing.transport": ["MockTransport"],
        "ltx_mock_contracts": ["strategies"],
        "ltx_mock_contracts.validation.findings": ["Finding"],
    },
)
