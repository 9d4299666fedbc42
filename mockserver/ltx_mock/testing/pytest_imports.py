"""The imports of our modules in a pytest session.

pytest rewrites the assertions of every module of a distribution that has a plugin. Reading a rewritten module takes
twice as long as reading Python's own bytecode, and where none is written (`PYTHONDONTWRITEBYTECODE`, usual in
containers), each session parses and rewrites all of them anew. Ours have no `assert`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

PACKAGES = frozenset({"ltx_mock", "ltx_mock_contracts", "ltx_mock_fixtures", "ltx_mock_schemas"})


class PlainModules:
    """A finder for `sys.meta_path`, ahead of pytest's: it finds the modules in our packages as Python does.

    It leaves the packages themselves to pytest, which warns of one that it did not load.
    """

    def install(self) -> Callable[[], None]:
        """Put the finder in its place, and return a function that removes it."""
        sys.meta_path.insert(0, self)

        def remove() -> None:
            with suppress(ValueError):  # another plugin may have put back what was there before
                sys.meta_path.remove(self)

        return remove

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return where a module of ours is; None for any other, such as a test in a folder that is called like us."""
        package = name.partition(".")[0]
        if package not in PACKAGES or not any(_is_within(package, folder) for folder in path or ()):
            return None
        return PathFinder.find_spec(name, path, target)


def _is_within(package: str, folder: str) -> bool:
    """Tell whether a folder belongs to an imported package."""
    own = getattr(sys.modules.get(package), "__path__", ())
    return any(folder == each or folder.startswith(f"{each}{os.sep}") for each in own)
