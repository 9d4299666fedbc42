"""Scenarios: what can be made to happen to requests, by name or piece by piece.

```
readers   plain data into values, and what is wrong with it in one line
model     match and outcome: what a scenario is
reading   the rules that a whole scenario keeps
library   the scenarios that have a name
claims    which of those that are armed happens to a request
asked     those that a request asks for itself
draws     what is left to chance, drawn with dice
drift     answers that depart from the contract
files     scenarios from TOML and JSON
```

All of it is pure. What it does to tasks, answers and connections is in `fate`, `stage`, `effects` and `wire`.
"""

from __future__ import annotations

from ltx_mock.scenarios.library import LIBRARY, NAMED, from_dict, named
from ltx_mock.scenarios.model import MESSAGES, Scenario
from ltx_mock.scenarios.parse import as_dict

__all__ = ["LIBRARY", "MESSAGES", "NAMED", "Scenario", "as_dict", "from_dict", "named"]
