"""A Hypothesis state machine that holds any server to the contract.

```python
from ltx_mock_contracts.stateful import Target, TaskMachine

def make_target():
    return Target(client=httpx.Client(base_url="http://localhost:8219/api/v1", headers={"authorization": "Bearer k"}))

TestTasks = TaskMachine.against(make_target).TestCase
```

`target` says what a server is to the machine, `task` what is known of a task and what must hold for it, `client`
what was said on the wire, `log` how a failure tells what led to it, `machine` what may happen.
"""

from __future__ import annotations

import ltx_mock_contracts.needs_hypothesis  # noqa: F401
from ltx_mock_contracts.stateful.machine import TaskMachine, run_task_machine
from ltx_mock_contracts.stateful.target import CallbackInbox, Clock, Target

__all__ = ["CallbackInbox", "Clock", "Target", "TaskMachine", "run_task_machine"]
