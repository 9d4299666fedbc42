"""The test for absolute http and https URLs. Its definition is in the request schema."""

from __future__ import annotations

from functools import cache

from ltx_mock_contracts.validation.schema_walk import SchemaWalker
from ltx_mock_schemas import schema

__all__ = ["is_http_url"]


def is_http_url(text: str) -> bool:
    """Tell whether a text is a URL by GEN-4, GEN-12 and GEN-14: absolute, with a valid host and port."""
    return next(_walker().walk(text), None) is None


@cache
def _walker() -> SchemaWalker:
    definition = schema("generate-request")["$defs"]["httpUrl"]
    return SchemaWalker({"$ref": "#/$defs/httpUrl", "$defs": {"httpUrl": definition}})
