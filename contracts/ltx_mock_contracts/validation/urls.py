"""What an absolute http or https URL is. The schema of a request says it; everything else asks here."""

from __future__ import annotations

from functools import cache

from ltx_mock_contracts.validation.schema_walk import Walker
from ltx_mock_schemas import schema

__all__ = ["is_http_url"]


def is_http_url(text: str) -> bool:
    """Tell whether a text is a URL as GEN-4, GEN-12 and GEN-14 want it: its host and its port can be parsed."""
    return next(_walker().walk(text), None) is None


@cache
def _walker() -> Walker:
    definition = schema("generate-request")["$defs"]["httpUrl"]
    return Walker({"$ref": "#/$defs/httpUrl", "$defs": {"httpUrl": definition}})
