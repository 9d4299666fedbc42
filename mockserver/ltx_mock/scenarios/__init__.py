"""Scenarios: errors, faults, delays and drift for requests, by name or custom.

```
readers      readers for the values of scenarios
model        match and outcome: the model of a scenario
parse        the rules for a whole scenario
library      the named scenarios
matching     the active scenario that applies to a request
per_request  scenarios that a request asks for
sampling     random choices, from given random bytes
drift        responses that deviate from the contract
files        scenarios from TOML and JSON
```

All modules are pure. `engine.scenario_effects`, `api.faults` and `asgi.connection` apply the scenarios.
"""

from __future__ import annotations

from ltx_mock.scenarios.library import LIBRARY, NAMED, find_scenario, from_dict
from ltx_mock.scenarios.model import MESSAGES, Scenario
from ltx_mock.scenarios.parse import as_dict

__all__ = ["LIBRARY", "MESSAGES", "NAMED", "Scenario", "as_dict", "find_scenario", "from_dict"]
