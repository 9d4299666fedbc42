"""The states of a task: their order, and the rules on the fields of each."""

from __future__ import annotations

from typing import Final

__all__ = ["RANK", "RULES_OF_STATE"]

RANK: Final = {"pending": 0, "processing": 1, "success": 2, "failed": 2}
"""The order of the states; 2 is final."""

RULES_OF_STATE: Final = {
    "pending": ("TASK-2",),
    "processing": ("TASK-2",),
    "success": ("TASK-3", "TASK-4", "TASK-5"),
    "failed": ("TASK-6", "TASK-7"),
}
"""The rules on the fields of a status, by state; the first says which fields it has."""
