"""A Hypothesis state machine that holds any server to the contract.

```python
from ltx_mock_contracts.stateful import Target, TaskMachine

def make_target():
    return Target(client=httpx.Client(base_url="http://localhost:8219/api/v1", headers={"authorization": "Bearer k"}))

TestTasks = TaskMachine.against(make_target).TestCase
```

`target` says what a server is to the machine, and `machine` what may happen; `actions` does it, with `client` and
`callbacks`. After each exchange `judge` asks the rules that judge recordings too (`ltx_mock_contracts.trace`). `log`
has the story of a failure, and `search` finds the shortest.
"""

from __future__ import annotations

import ltx_mock_contracts.needs_hypothesis  # noqa: F401
from ltx_mock_contracts.stateful.machine import TaskMachine, run_task_machine
from ltx_mock_contracts.stateful.target import CallbackInbox, Clock, Target

__all__ = ["CallbackInbox", "Clock", "Target", "TaskMachine", "run_task_machine"]
