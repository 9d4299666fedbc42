"""Validate JSON documents written by people and tools against a schema that `ltx-mock schema` prints."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from ltx_mock_contracts.validation.findings import place, show
from ltx_mock_schemas import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import jsonschema
    import jsonschema_rs

__all__ = ["DocumentSchema", "document_schema"]


class DocumentSchema:
    """Validates documents against one schema: jsonschema-rs decides, jsonschema explains."""

    def __init__(self, name: str) -> None:
        self._schema = schema(name)

    def problem(self, value: object) -> str | None:
        """Return the first problem in one line, with place, allowed and given value; None for a valid document."""
        if self._accepts(value):
            return None
        error = next(self._explainer.iter_errors(value), None)
        return None if error is None else self._message(error)

    def _accepts(self, value: object) -> bool:
        try:
            return self._compiled.is_valid(value)
        except ValueError:  # a string with a lone surrogate
            return False

    def _message(self, error: jsonschema.ValidationError) -> str:
        path, value = [*error.absolute_path], error.instance
        nodes = [*self._nodes(error.absolute_schema_path)]
        got = show(value)
        if error.validator == "required":
            properties = nodes[-1]["properties"]
            missing = next(name for name in nodes[-1]["required"] if name not in value)  # type: ignore[operator]
            path, nodes, got = [*path, missing], [*nodes, properties[missing]], "missing"
        allowed = [node["x-allowed"] for node in nodes if "x-allowed" in node]
        return f"{place(path)} must be {allowed[-1]}, but is {got}"

    def _nodes(self, path: Iterable[str | int]) -> Iterator[Any]:
        """Yield the schema nodes on the way from the root to a keyword. The path does not contain the `$ref`s."""
        node: Any = self._schema
        for step in path:
            yield node
            while isinstance(node, dict) and step not in node:
                node = self._schema["$defs"][node["$ref"].rpartition("/")[2]]
                yield node
            node = node[step]

    @cached_property
    def _compiled(self) -> jsonschema_rs.Draft202012Validator:
        import jsonschema_rs  # noqa: PLC0415 - start-up does not wait for it

        return jsonschema_rs.Draft202012Validator(self._schema)

    @cached_property
    def _explainer(self) -> jsonschema.Draft202012Validator:
        import jsonschema  # noqa: PLC0415 - slow to import, and most documents are good

        return jsonschema.Draft202012Validator(self._schema)


@cache
def document_schema(name: str) -> DocumentSchema:
    """Return the cached validator of a schema."""
    return DocumentSchema(name)
