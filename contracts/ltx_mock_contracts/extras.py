"""The error for a missing optional dependency (an extra of ltx-mock)."""

from __future__ import annotations

__all__ = ["MissingExtraError"]


class MissingExtraError(ModuleNotFoundError):
    """A library is missing that an extra of ltx-mock installs.

    Attributes:
        remedy: The name of the library and the command that installs it.
    """

    def __init__(self, library: str, extra: str) -> None:
        self.remedy = f"{library}; install it with: pip install 'ltx-mock[{extra}]', or in a clone with: make install"
        super().__init__(f"this needs {self.remedy}", name=library.lower())
