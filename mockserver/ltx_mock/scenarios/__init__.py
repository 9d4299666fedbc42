"""Scenarios: errors, faults, delays and drift for requests, by name or custom.

```
readers      the values that only scenarios have
model        match and outcome: what a scenario is
parse        the rules that a whole scenario keeps
library      the scenarios that have a name
matching     which of the active ones applies to a request
per_request  those that a request asks for itself
sampling     what is left to chance, from random bytes that are given
drift        responses that deviate from the contract
files        scenarios from TOML and JSON
```

All of it is pure. What it does to tasks, responses and connections is in
`engine.scenario_effects`, `api.faults` and `asgi.connection`.
"""

from __future__ import annotations

from ltx_mock.scenarios.library import LIBRARY, NAMED, find_scenario, from_dict
from ltx_mock.scenarios.model import MESSAGES, Scenario
from ltx_mock.scenarios.parse import as_dict

__all__ = ["LIBRARY", "MESSAGES", "NAMED", "Scenario", "as_dict", "find_scenario", "from_dict"]
