"""What is not installed with every ltx-mock, and the error that says how to get it."""

from __future__ import annotations

__all__ = ["MissingExtraError"]


class MissingExtraError(ModuleNotFoundError):
    """A library is missing that comes with an extra of ltx-mock.

    Attributes:
        remedy: The library, and the command that installs it.
    """

    def __init__(self, library: str, extra: str) -> None:
        self.remedy = f"{library}; install it with: pip install 'ltx-mock[{extra}]'"
        super().__init__(f"this needs {self.remedy}", name=library.lower())
