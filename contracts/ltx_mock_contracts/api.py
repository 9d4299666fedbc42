"""What the models of the API share: where its paths begin, the balance, and the states of a task (TASK-1)."""

from __future__ import annotations

from typing import Final, Literal, get_args

__all__ = ["BALANCE_PATH", "BASE_PATH", "ENDED", "RUNNING", "STATES", "State"]

BASE_PATH: Final = "/api/v1"
"""What the paths of the API begin with."""

BALANCE_PATH: Final = "/apikeys/current-balance"

State = Literal["pending", "processing", "success", "failed"]

STATES: Final[tuple[State, ...]] = get_args(State)
RUNNING: Final[tuple[State, ...]] = STATES[:2]
ENDED: Final[tuple[State, ...]] = STATES[2:]
