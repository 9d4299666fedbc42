"""Constants common to all models of the API: the base path, the balance path, and the states of a task (TASK-1)."""

from __future__ import annotations

from typing import Final, Literal, get_args

__all__ = ["BALANCE_PATH", "BASE_PATH", "ENDED", "RUNNING", "STATES", "State"]

BASE_PATH: Final = "/api/v1"
"""The prefix of all paths of the API."""

BALANCE_PATH: Final = "/apikeys/current-balance"

State = Literal["pending", "processing", "success", "failed"]

STATES: Final[tuple[State, ...]] = get_args(State)
RUNNING: Final[tuple[State, ...]] = STATES[:2]
ENDED: Final[tuple[State, ...]] = STATES[2:]
