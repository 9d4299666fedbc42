"""Combine files that refer to each other into one document."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Key", "bundle"]

Key = tuple[str, str]
"""A file without its suffix, and one of its `$defs`, or "" for the file as a whole."""


def bundle(file: str, read: Callable[[str], dict[str, Any]], address: Callable[[Key], str]) -> dict[Key, Any]:
    """Return a file and all definitions that it refers to, with rewritten references.

    Args:
        file: The name of the first file, without suffix.
        read: Returns the content of a file.
        address: Returns the reference under which the caller will store a definition.
    """
    found: dict[Key, Any] = {}
    waiting = deque([(file, "")])
    while waiting:
        key = waiting.popleft()
        if key not in found:
            found[key] = _rewrite(_definition(key, read), key[0], address, waiting)
    return found


def _definition(key: Key, read: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    file, name = key
    document = read(file)
    if name:
        definition: dict[str, Any] = document["$defs"][name]
        return definition
    return {keyword: value for keyword, value in document.items() if keyword not in {"$schema", "$defs"}}


def _rewrite(node: object, file: str, address: Callable[[Key], str], waiting: deque[Key]) -> object:
    """Copy a node, and add the targets of its references to the queue."""

    def target(reference: str) -> str:
        other, _, pointer = reference.partition("#")
        if not other and not pointer.startswith("/$defs/"):
            return reference
        key = (other.removesuffix(".json") or file, pointer.removeprefix("/$defs/"))
        waiting.append(key)
        return address(key)

    def copy(value: object, keyword: str) -> object:
        if isinstance(value, dict):
            return {name: copy(child, "mapping" if keyword == "mapping" else name) for name, child in value.items()}
        if isinstance(value, list):
            return [copy(child, "") for child in value]
        return target(value) if keyword in {"$ref", "mapping"} and isinstance(value, str) else value

    return copy(node, "")
