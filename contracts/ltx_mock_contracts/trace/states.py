"""The states of a task: how far it is in each, and which rules say what is told of it then."""

from __future__ import annotations

from typing import Final

__all__ = ["RANK", "RULES_OF_STATE"]

RANK: Final = {"pending": 0, "processing": 1, "success": 2, "failed": 2}
"""How far a task in a state is; 2 is its end."""

RULES_OF_STATE: Final = {
    "pending": ("TASK-2",),
    "processing": ("TASK-2",),
    "success": ("TASK-3", "TASK-4", "TASK-5"),
    "failed": ("TASK-6", "TASK-7"),
}
"""The rules about what a status carries; the first says which fields there are."""
