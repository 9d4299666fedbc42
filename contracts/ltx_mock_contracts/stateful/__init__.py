"""A Hypothesis state machine that tests any server against the contract.

```python
from ltx_mock_contracts.stateful import Target, TaskMachine

def make_target():
    return Target(client=httpx.Client(base_url="http://localhost:8219/api/v1", headers={"authorization": "Bearer k"}))

TestTasks = TaskMachine.against(make_target).TestCase
```

`target` describes a server, `machine` has the rules of the state machine, and `actions` performs them with `client`
and `callbacks`. After each exchange `judge` applies the rules for recordings (`ltx_mock_contracts.trace`).
`log` keeps the steps of a run, and `search` finds the shortest failing run.
"""

from __future__ import annotations

import ltx_mock_contracts.needs_hypothesis  # noqa: F401
from ltx_mock_contracts.stateful.machine import TaskMachine, run_task_machine
from ltx_mock_contracts.stateful.target import CallbackInbox, Clock, Target

__all__ = ["CallbackInbox", "Clock", "Target", "TaskMachine", "run_task_machine"]
