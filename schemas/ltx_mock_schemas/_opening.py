"""Convert the schemas for code generators: requests by mode, and open responses.

The schema files are exact, with conditions and forbidden fields, which few code generators support. The converted
schemas accept the same requests. For responses they describe the known fields, but accept more: a generated client
tolerates a new state, a new fail code, a missing time, a null and an unknown field (CLI-9).
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["opened"]

Schema = dict[str, Any]
Schemas = dict[str, Schema]

_PREFIX: Final = "#/components/schemas/"
_RESPONSES: Final = ("GenerateResponse", "StatusResponse", "BalanceResponse", "ErrorResponse", "Callback", "ResultJson")
_TASKS: Final = {"StatusResponse": "Task", "Callback": "EndedTask"}
_CLOSING: Final = frozenset(
    {"const", "enum", "additionalProperties", "minimum", "maximum", "minLength", "minItems", "pattern", "not"}
)
_OURS: Final = frozenset({"x-rule-required", "x-allowed", "x-severity", "x-expected"})
_NO_FIELD: Final[Schema] = {}


def opened(schemas: Schemas) -> Schemas:
    """Return the components of the OpenAPI document, by name.

    Args:
        schemas: The exact schemas by title, with references between them.
    """
    schemas = {name: _plain(node, schemas) for name, node in schemas.items() if name != "HttpUrl"}
    made: Schemas = {}
    for name, node in schemas.items():
        if name in _RESPONSES:
            made[name] = _open(node)
        else:
            made[name] = _with_condition(node)
    for response, name in _TASKS.items():
        made[name] = _merged(name, schemas[response]["properties"]["data"], schemas)
        made[response]["properties"]["data"] = {"$ref": _PREFIX + name}
    made |= _by_mode(schemas["ModelInput"])
    for node in [*made.values()]:
        _name_choices(node, made)
    return {name: made[name] for name in sorted(made) if name not in _merged_away(schemas)}


def _name_choices(node: Schema, made: Schemas) -> None:
    """Move enums from the fields of an object to components, shared by fields of the same name."""
    for field, child in node.get("properties", {}).items():
        if len(child.get("enum", ())) > 1:
            name = _pascal(field.split("_"))
            made.setdefault(name, {"title": name, **child})
            node["properties"][field] = {"$ref": _PREFIX + name}


def _pascal(words: list[str]) -> str:
    return "".join(word.capitalize() for word in words)


def _with_condition(node: Schema) -> Schema:
    """Rewrite the condition of an object so that linters do not report its fields as undeclared."""
    if "then" not in node:
        return node
    then = {"dependentRequired": dict.fromkeys(node["if"]["required"], node["then"]["required"])}
    return node | {"then": then | {keyword: value for keyword, value in node["then"].items() if keyword != "required"}}


def _merged_away(schemas: Schemas) -> set[str]:
    branches = [branch for response in _TASKS for branch in schemas[response]["properties"]["data"]["oneOf"]]
    return {branch["$ref"].removeprefix(_PREFIX) for branch in branches}


def _open(node: Schema) -> Schema:
    """Return the schema of a response without restrictions; enums become examples."""
    kept = {keyword: value for keyword, value in node.items() if keyword not in _CLOSING}
    values = node.get("enum") or ([node["const"]] if "const" in node else [])
    if "enum" in node:
        kept["x-extensible-enum"] = values
    if values:
        kept["examples"] = values
    if node.get("type") == ["object", "null"]:
        kept.pop("required", None)
    if node.get("type") in ("integer", ["integer", "null"]):
        kept |= {"type": "integer", "format": "int64"}
    if "properties" in kept:
        kept["properties"] = {name: _open(child) for name, child in kept["properties"].items() if not _forbids(child)}
    if "items" in kept:
        kept["items"] = _open(kept["items"])
    return kept


def _forbids(node: Schema) -> bool:
    return node.get("not") == _NO_FIELD or node.get("type") == "null"


def _merged(name: str, data: Schema, schemas: Schemas) -> Schema:
    """Merge the tasks of all states into one object: common fields are required, the others nullable."""
    branches = [schemas[branch["$ref"].removeprefix(_PREFIX)] for branch in data["oneOf"]]
    properties: Schema = {}
    for branch in branches:
        for field, node in branch["properties"].items():
            if not _forbids(node):
                properties.setdefault(field, node)
    known = data["properties"]["state"]["enum"]
    properties["state"] = data["properties"]["state"] | {"description": f"Where it stands: {', '.join(known)}."}
    required = [field for field in branches[0]["required"] if all(field in branch["required"] for branch in branches)]
    whole = {"title": name, "description": data["description"], "type": "object", "x-rule": data["x-rule"]}
    task = _open(whole | {"properties": properties, "required": required})
    for field in task["properties"].keys() - set(required):
        task["properties"][field]["type"] = [task["properties"][field]["type"], "null"]
    return task


def _by_mode(model: Schema) -> Schemas:
    """Return the schema of `input` as a `oneOf` by mode, with its conditions resolved."""
    modes = model["properties"]["mode"]["enum"]
    names = {mode: _pascal(mode.split("-")) + "Input" for mode in modes}
    union = {
        "title": "ModelInput",
        "description": model["description"],
        "oneOf": [{"$ref": _PREFIX + name} for name in names.values()],
        "discriminator": {
            "propertyName": "mode",
            "mapping": {mode: _PREFIX + name for mode, name in names.items()},
        },
    }
    return {"ModelInput": union} | {name: _in_mode(model, mode, name) for mode, name in names.items()}


def _in_mode(model: Schema, mode: str, name: str) -> Schema:
    properties, required = dict(model["properties"]), list(model["required"])
    for condition in model["allOf"]:
        if mode not in condition["if"]["properties"]["mode"]["enum"]:
            continue
        for field, node in condition["then"]["properties"].items():
            if _forbids(node):
                del properties[field]
            else:
                properties[field] = properties[field] | node
        required += condition["then"].get("required", [])
    properties["mode"] = {"description": properties["mode"]["description"], "type": "string", "enum": [mode]}
    about = f"The parameters of the model in the mode {mode}."
    return {"title": name, "description": about, "type": "object", "properties": properties, "required": required}


def _plain(node: Any, schemas: Schemas) -> Any:
    """Return a schema without our keywords except `x-rule`, and with a reference either alone or resolved."""
    if isinstance(node, list):
        return [_plain(child, schemas) for child in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        meant = schemas.get(node["$ref"].removeprefix(_PREFIX), {})
        if meant.get("type") != "string":
            return {"$ref": node["$ref"]}
        node = {**_one_exclusion(meant), **{keyword: value for keyword, value in node.items() if keyword != "$ref"}}
        node.pop("title", None)
    return {keyword: _plain(value, schemas) for keyword, value in node.items() if keyword not in _OURS}


def _one_exclusion(node: Schema) -> Schema:
    """Combine the exclusions and conditions of a string schema in one `not`: generators lose the type in `allOf`."""
    parts = (node, *node.get("allOf", ()))
    excluded = [part["not"] for part in parts if "not" in part]
    excluded += [{"not": {"anyOf": [{"not": part["if"]}, part["then"]]}} for part in parts if "if" in part]
    kept = {keyword: value for keyword, value in node.items() if keyword not in {"allOf", "not"}}
    return kept | {"not": {"anyOf": excluded}}
