"""Servers to hold checks against: broken in one rule each (`MUTANTS`), ill altogether, or counting.

```python
with BrokenServer() as server:
    for mutant in MUTANTS.values():
        with server.broken_by(mutant) as url:
            report = check(url, api_key=server.key)  # mutant.rule is mutant.outcome, and nothing else is broken
```
"""

from __future__ import annotations

from broken_answers import ANSWERS
from broken_choices import CHOICES
from broken_flows import FLOWS
from broken_requests import REQUESTS
from broken_tasks import TASKS
from ill_servers import Counting, counting, flaky, garbage, hanging, silent_after, slow
from mutating import KEY, Behaviour, BrokenServer, Mutant

__all__ = [
    "KEY",
    "MUTANTS",
    "Behaviour",
    "BrokenServer",
    "Counting",
    "Mutant",
    "counting",
    "flaky",
    "garbage",
    "hanging",
    "silent_after",
    "slow",
]

ALL = (*REQUESTS, *ANSWERS, *TASKS, *FLOWS, *CHOICES)
MUTANTS = {mutant.name: mutant for mutant in ALL}
"""Every mutant by its name."""
