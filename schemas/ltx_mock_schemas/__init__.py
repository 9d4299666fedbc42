"""JSON Schemas (2020-12) and the OpenAPI 3.1 document of the LTX-2-19b API, and the facts of its model, as data.

The folder `models/ID` has the request schemas and the facts of a model. The files refer to each other by file name. The
functions return self-contained documents: every `$ref` points into the same document.

Beside the standard keywords the schemas carry four of their own, which validators skip:

* `x-rule`: the id of the rule behind the constraints here and below;
* `x-rule-required`: the rule behind `required`, if it is not that of the missing property;
* `x-allowed`: what is allowed here, as the end of the sentence "it must be …" ("it is allowed …" beside `not: {}`);
* `x-severity`: `advisory` if breaking the constraint is not an error.
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
"""The dialect of all schemas and of the OpenAPI document."""

DEFAULT_SERVER: Final = "http://127.0.0.1:8219"
"""The default URL of `ltx-mock serve`."""

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
    "recording",
    "result-json",
    "status-response",
    "timings",
)
_OF_A_MODEL: Final = ("generate-request", "generate-request-strict")


def names() -> list[str]:
    """List the names of the schemas, for `schema`."""
    return list(_NAMES)


def models() -> list[str]:
    """List the ids of the models, as in the paths of the API."""
    found: list[str] = loads(_file("models/index.json"))
    return found


def model(name: str | None = None) -> dict[str, Any]:
    """Return a new copy of the facts of a model, as described by `schema("model")`.

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
    """Return a new copy of one JSON Schema, self-contained.

    Args:
        name: One of `names()`, such as `generate-request`.

    Raises:
        LookupError: No schema has this name.
    """
    document: dict[str, Any] = loads(_schema_text(name))
    return document


def openapi(server: str = DEFAULT_SERVER) -> dict[str, Any]:
    """Return a new copy of the OpenAPI 3.1 document, self-contained.

    Its schemas accept the same requests as `schema("generate-request")`, and also responses with unknown fields and
    values.

    Args:
        server: The root URL of the fake, the first server of the document; the last is the real, paid service.
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
    # Reading through the import system also works from a zip file, and while a test has replaced the file system.
    return pkgutil.get_data(__name__, path) or b""
