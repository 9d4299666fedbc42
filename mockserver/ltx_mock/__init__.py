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
    from ltx_mock.clients import check_client
    from ltx_mock.errors import ContractFailure, LtxMockError, SettingsError
    from ltx_mock.mock_server import MockServer
    from ltx_mock.receiver import CallbackReceiver
    from ltx_mock.remote_server import RemoteServer
    from ltx_mock.settings import Settings
    from ltx_mock.world import World
    from ltx_mock_contracts import strategies

__all__ = [
    "CallbackReceiver",
    "ContractFailure",
    "LtxMockError",
    "MockServer",
    "RemoteServer",
    "Settings",
    "SettingsError",
    "World",
    "check_client",
    "strategies",
]

_HOME = {
    "CallbackReceiver": "ltx_mock.receiver",
    "ContractFailure": "ltx_mock.errors",
    "LtxMockError": "ltx_mock.errors",
    "MockServer": "ltx_mock.mock_server",
    "RemoteServer": "ltx_mock.remote_server",
    "Settings": "ltx_mock.settings",
    "SettingsError": "ltx_mock.errors",
    "World": "ltx_mock.world",
    "check_client": "ltx_mock.clients",
    "strategies": "ltx_mock_contracts",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that `import ltx_mock` costs next to nothing."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
