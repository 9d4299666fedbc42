"""A request passes down the layers, is parsed once, and looks its tenant up once.

A layer calls a higher one only by what it was given.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

import ltx_mock
from ltx_mock import MockServer
from ltx_mock_contracts.model import MODEL
from project.test_import_graph import LAYERS

ROOT = Path(ltx_mock.__file__).parent
FLOOR = {name: floor for floor, row in enumerate(LAYERS["ltx_mock"]) for name in row}
GIVEN = {
    ("asgi", "engine"): "the parsing of a body, given to a worker thread",
    ("store", "api"): "a unit of work, given to the store",
    ("store", "control"): "an observer, given to the store",
    ("api", "server"): "the response, sent with the function that ASGI gives to an application",
}
"""Calls from a lower to a higher layer, each of something that the higher layer has passed down."""


def layer(code: CodeType) -> str | None:
    """Return the layer of a function of the fake; None for any other function."""
    path = Path(code.co_filename)
    return path.relative_to(ROOT).parts[0].removesuffix(".py") if path.is_relative_to(ROOT) else None


class Calls:
    """The calls that the threads of a server make while it is switched on."""

    def __init__(self) -> None:
        self.counted = False
        self.upward: set[tuple[str, str]] = set()
        self.names: Counter[str] = Counter()

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event != "call" or not self.counted:
            return
        self.names[frame.f_code.co_qualname] += 1
        callee, caller = layer(frame.f_code), frame.f_back
        while caller is not None and layer(caller.f_code) is None:
            caller = caller.f_back
        above = None if caller is None else layer(caller.f_code)
        if callee is not None and above is not None and FLOOR[callee] > FLOOR[above]:
            self.upward.add((above, callee))


@contextmanager
def profiled(calls: Calls) -> Iterator[None]:
    """Call a function with the calls of all threads that are started meanwhile."""
    before = threading.getprofile()
    threading.setprofile(calls)
    try:
        yield
    finally:
        threading.setprofile(before)


def test_a_request_passes_down_the_layers_and_is_parsed_once() -> None:
    calls = Calls()
    with profiled(calls), MockServer() as mock, mock.client(verify=False) as client:
        for counted in (False, True):  # the first request loads modules
            body = MODEL.example()
            body["input"]["prompt"] = f"counted: {counted}"
            calls.counted = counted
            response = client.post(MODEL.generate_path, json=body)
            calls.counted = False
            assert response.json()["code"] == 200
    assert calls.upward <= set(GIVEN)
    assert (calls.names["parse_body"], calls.names["validate_parsed_request"]) == (1, 1)


@pytest.mark.parametrize(("method", "expected"), [("GET", 1), ("POST", 2)])
def test_a_request_looks_its_tenant_up_once_and_again_after_it_has_waited_for_a_body(
    method: str, expected: int
) -> None:
    """A reset meanwhile may have put another tenant in its place."""
    calls = Calls()
    with profiled(calls), MockServer() as mock, mock.client(verify=False) as client:
        created = client.post(MODEL.generate_path, json=MODEL.example())
        query = {"taskId": created.json()["data"]["taskId"]}
        given: dict[str, Any] = {"json": MODEL.example()} if method == "POST" else {"params": query}
        path = MODEL.generate_path if method == "POST" else MODEL.status_path
        calls.counted = True
        response = client.request(method, path, **given)
        calls.counted = False
        assert response.json()["code"] == 200
    assert calls.names["MemoryStore.find"] == expected
