"""The imports of our modules in a pytest session.

pytest rewrites the assertions of every module of a distribution that has a plugin. Reading a rewritten module takes
twice as long as reading Python's own bytecode, and where none is written (`PYTHONDONTWRITEBYTECODE`, usual in
containers), each session parses and rewrites all of them anew. Ours have no `assert`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

PACKAGES = frozenset({"ltx_mock", "ltx_mock_contracts", "ltx_mock_fixtures", "ltx_mock_schemas"})


class PlainModules:
    """A finder for `sys.meta_path`, ahead of pytest's: it finds the modules in our packages as Python does.

    It leaves the packages themselves to pytest, which warns of one that it did not load.
    """

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return where a module of ours is; None for any other."""
        package, dot, _ = name.partition(".")
        return PathFinder.find_spec(name, path, target) if dot and package in PACKAGES else None
