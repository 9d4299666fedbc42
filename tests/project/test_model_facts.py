"""No module has a fact of the model as a literal of its own: they stand in `model.json`, and in the schemas."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import ltx_mock.dashboard
from ltx_mock_contracts.api import BALANCE_PATH
from ltx_mock_contracts.model import FAIL_CODES, MODEL, MODES, RESOLUTIONS
from project.test_import_graph import MODULES

PAGE = Path(ltx_mock.dashboard.__file__).parent / "page"
SCRIPTS = sorted(path.name for path in PAGE.glob("*.js"))
MAY_NAME = {
    "ltx_mock_contracts.api": "what the models share is told there",
    "ltx_mock_contracts.rules": "the catalogue says in words what the documents promise",
    "ltx_mock.testing.options": "types for editors, which a test holds equal to the model",
    "ltx_mock.scenarios.library": "a scenario for each fail code",
}
WORDS = [MODEL.id, *MODES, *RESOLUTIONS, *MODEL.aspect_ratios, *FAIL_CODES, MODEL.result.media_type, BALANCE_PATH]
WORD = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, WORDS))})(?![\w-])")
SPANS = {*(each.generation_ms for each in MODEL.resolutions.values()), MODEL.lora_ms, MODEL.any_generation_ms()}
UNITS = {"SECOND": 1000, "MINUTE": 60_000}


def literals(tree: ast.Module) -> Iterator[str]:
    """Give the words of the model in the strings and bytes of a module, docstrings left out."""
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docs:
            text = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
            yield from WORD.findall(text) if isinstance(text, str) else ()


def spans(tree: ast.Module) -> Iterator[tuple[int, int]]:
    """Give the generation times that stand side by side in a module, in milliseconds or seconds."""
    for node in ast.walk(tree):
        values = (
            node.elts if isinstance(node, ast.Tuple | ast.List) else node.args if isinstance(node, ast.Call) else []
        )
        numbers = [number(value) for value in values]
        for low, high in pairwise(numbers):
            if low and high and {(low, high), (1000 * low, 1000 * high)} & SPANS:
                yield low, high


def number(node: ast.expr) -> int | None:
    """Return the whole number that an expression is, such as `40 * SECOND`; None for any other."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if isinstance(node, ast.Name):
        return UNITS.get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = number(node.left), number(node.right)
        return left * right if left and right else None
    return None


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_module_has_a_fact_of_the_model(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    assert module in MAY_NAME or set(literals(tree)) == set()
    assert list(spans(tree)) == []


@pytest.mark.parametrize("module", MAY_NAME)
def test_who_may_name_a_fact_does(module: str) -> None:
    assert set(literals(ast.parse(MODULES[module].read_text(encoding="utf-8"))))


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_of_the_page_has_a_fact_of_the_model(name: str) -> None:
    assert WORD.findall((PAGE / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source", [f"MODE = {MODES[0]!r}", f"path = f'/generateTask/{MODEL.id}?{{query}}'", f"raw = b'mode={MODES[-1]}'"]
)
def test_a_word_of_the_model_is_found(source: str) -> None:
    assert list(literals(ast.parse(source)))


@pytest.mark.parametrize(
    "source", ["(40_000, 60_000)", "[90 * SECOND, 120 * SECOND]", "integers(40_000, 140_000)", "(10, 20)"]
)
def test_a_generation_time_is_found(source: str) -> None:
    assert list(spans(ast.parse(source)))


def test_docstrings_and_other_words_are_none() -> None:
    module = ast.parse(f'"""Makes a video of {MODES[0]}."""\nname = "{MODES[0]}-fast"\nspan = (1, 60_000)')
    assert not list(literals(module))
    assert not list(spans(module))
