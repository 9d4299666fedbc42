"""JSON Schemas (2020-12) and the OpenAPI 3.1 document of the LTX-2-19b API, and the facts of its model, as data.

What belongs to a model lies in a folder of its own, `models/ID`: the schemas of its requests, and its facts. The files
refer to each other by file name. What the functions return stands alone: every `$ref` points into its own document.

Beside the standard keywords the schemas carry four of their own, which validators skip:

* `x-rule`: the id of the rule that the constraints here, and below, come from;
* `x-rule-required`: the same for `required`, where that is another rule than the missing property's own;
* `x-allowed`: what is allowed here, as the end of the sentence "it must be …" ("it is allowed …" beside `not: {}`);
* `x-severity`: `advisory` where breaking the constraint is not an error.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from json import dumps, loads  # by name: what is cached here outlasts a mock of `json.dumps`
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_schemas._bundle import bundle
from ltx_mock_schemas._opening import opened

if TYPE_CHECKING:
    from ltx_mock_schemas._bundle import Key

__all__ = ["DEFAULT_SERVER", "DIALECT", "model", "models", "names", "openapi", "schema"]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
"""The dialect of every schema here, and of the OpenAPI document."""

DEFAULT_SERVER: Final = "http://127.0.0.1:8219"
"""Where `ltx-mock serve` listens by itself."""

_OPENAPI = "openapi"
_NAMES: Final = (
    "balance-response",
    "callback",
    "check-report",
    "client-report",
    "error",
    "fuzz-case",
    "fuzz-index",
    "generate-request",
    "generate-request-strict",
    "generate-response",
    "model",
    "recorded-exchange",
    "result-json",
    "status-response",
)
_OF_A_MODEL: Final = ("generate-request", "generate-request-strict")


def names() -> list[str]:
    """List the schemas, as the names that `schema` takes."""
    return list(_NAMES)


def models() -> list[str]:
    """List the models by their ids, as they stand in the paths of the API."""
    found: list[str] = loads(_file("models/index.json"))
    return found


def model(name: str | None = None) -> dict[str, Any]:
    """Return the facts of a model as `schema("model")` describes them; the caller may change them.

    Args:
        name: One of `models()`; the first by default.

    Raises:
        LookupError: There is no such model.
    """
    known = models()
    if name is not None and name not in known:
        raise LookupError(f"no model is called {name!r}; there are {', '.join(known)}")
    facts: dict[str, Any] = loads(_file(f"models/{name or known[0]}/model.json"))
    return facts


def schema(name: str) -> dict[str, Any]:
    """Return one JSON Schema as a document that stands alone; the caller may change it.

    Args:
        name: One of `names()`, such as `generate-request`.

    Raises:
        LookupError: No schema has this name.
    """
    document: dict[str, Any] = loads(_schema_text(name))
    return document


def openapi(server: str = DEFAULT_SERVER) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document as a document that stands alone; the caller may change it.

    Its schemas accept the requests that `schema("generate-request")` accepts, and responses with more than is known.

    Args:
        server: The root URL of the fake, which the document names first; the real, paid service comes last.
    """
    document: dict[str, Any] = loads(_openapi_text())
    document["servers"].insert(0, {"url": server, "description": "ltx-mock: the fake, which costs nothing"})
    return document


@cache
def _schema_text(name: str) -> str:
    if name not in _NAMES:
        raise LookupError(f"no schema is called {name!r}; there are {', '.join(_NAMES)}")

    def address(key: Key) -> str:
        file, definition = key
        return "#" if key == (name, "") else f"#/$defs/{definition or file}"

    parts = bundle(name, _read, address)
    document = {"$schema": DIALECT, **parts.pop((name, ""))}
    if parts:
        document["$defs"] = {address(key).removeprefix("#/$defs/"): part for key, part in parts.items()}
    return dumps(document)


@cache
def _openapi_text() -> str:
    def address(key: Key) -> str:
        file, definition = key
        document = _read(file)
        title: str = (document["$defs"][definition] if definition else document)["title"]
        return f"#/components/schemas/{title}"

    parts = bundle(_OPENAPI, _read, address)
    document = parts.pop((_OPENAPI, ""))
    document["components"]["schemas"] = opened({address(key).rpartition("/")[2]: part for key, part in parts.items()})
    return dumps(document).replace("{model}", models()[0])


@cache
def _read(file: str) -> dict[str, Any]:
    folder = f"models/{models()[0]}/" if file in _OF_A_MODEL else ""
    content: dict[str, Any] = loads(_file(f"{folder}{file}.json"))
    return content


def _file(path: str) -> bytes:
    # The import system reads it: that also works from a zip file, and while a test has replaced the file system.
    return pkgutil.get_data(__name__, path) or b""
