"""Servers to hold checks against: broken in one rule each (`MUTANTS`), ill altogether, or counting.

```python
with BrokenServer() as server:
    for mutant in MUTANTS.values():
        with server.broken_by(mutant) as url:
            report = check(url, api_key=server.key)  # mutant.rule is mutant.outcome, and nothing else is broken
```
"""

from __future__ import annotations

from mutants.base import KEY, Behaviour, BrokenServer, Mutant
from mutants.choices import CHOICES
from mutants.flows import FLOWS
from mutants.requests import REQUESTS
from mutants.responses import ANSWERS
from mutants.tasks import TASKS
from mutants.unhealthy import Counting, counting, flaky, garbage, hanging, silent_after, slow

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
