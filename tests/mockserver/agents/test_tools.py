"""The parts of the tools that are pure."""

from __future__ import annotations

from typing import Any

import pytest

from ltx_mock.agents.arguments import FREE_SETTINGS, input_schema
from ltx_mock.agents.fakes import Session
from ltx_mock.agents.tools import TOOLS, merged
from ltx_mock.core.settings import Settings
from ltx_mock.errors import SettingsError
from ltx_mock.fields import read
from support.proxies import proxy_thread


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": "b"}, ["c"], ["c"]),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_changes_are_a_json_merge_patch(target: Any, patch: Any, result: Any) -> None:
    """The examples are those of RFC 7396, appendix A."""
    assert merged(target, patch) == result


@pytest.mark.parametrize("name", TOOLS)
def test_the_schema_of_a_tool_says_what_is_read(name: str) -> None:
    schema = input_schema(TOOLS[name].takes)
    required = dict.fromkeys(schema["required"])
    if required:
        with pytest.raises(SettingsError, match=f"{schema['required'][0]} is missing"):
            read(TOOLS[name].takes, {})
    else:
        wanted = read(TOOLS[name].takes, {})
        defaults = {key: each["default"] for key, each in schema["properties"].items() if "default" in each}
        assert read(TOOLS[name].takes, defaults) == wanted
    for key, each in schema["properties"].items():
        for value in each.get("enum", ()):
            read(TOOLS[name].takes, {key: value})


def test_every_setting_can_be_given_but_those_that_would_open_the_fake_to_others() -> None:
    known = set(Settings.__dataclass_fields__)
    assert known - set(FREE_SETTINGS) == {"host", "port", "clock", "admin_token"}


def test_an_agent_that_attaches_to_a_proxy_is_warned() -> None:
    with proxy_thread("http://127.0.0.1:9") as url:
        told = Session().attach(url).as_dict()
    assert told["warning"] == "a proxy to 127.0.0.1:9: each new task costs money"
