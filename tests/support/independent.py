"""An independent generator of bodies: hypothesis-jsonschema, over the same schema."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import hypothesis_jsonschema
import hypothesis_jsonschema._from_schema
from hypothesis import strategies as st
from hypothesis.internal.conjecture import utils


class Many(utils.many):
    """The collection builder of Hypothesis as hypothesis-jsonschema 0.23 still calls it: `while elements.more()`."""

    _steps: Iterator[None] | None = None

    def more(self) -> bool:
        if self._steps is None:
            self._steps = iter(self.__enter__())
        for _ in self._steps:
            return True
        self.__exit__(None)
        return False


if not hasattr(utils.many, "more"):
    mock.patch.object(hypothesis_jsonschema._from_schema, "cu", SimpleNamespace(many=Many)).start()


def from_schema(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Generate what a schema accepts, as somebody else understands it."""
    return st.deferred(lambda: hypothesis_jsonschema.from_schema(without_marks(schema)))


def without_marks(node: Any) -> Any:
    """Leave out the keywords that only we know."""
    if isinstance(node, list):
        return [without_marks(child) for child in node]
    if not isinstance(node, dict):
        return node
    return {key: without_marks(child) for key, child in node.items() if not key.startswith("x-")}
