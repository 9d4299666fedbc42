"""The former name of `ltx_mock_contracts.stateful`, for one release."""

from __future__ import annotations

from ltx_mock_contracts.stateful import CallbackInbox, Clock, Target, TaskMachine, run_task_machine

__all__ = ["CallbackInbox", "Clock", "Target", "TaskMachine", "run_task_machine"]
