"""Invalid requests, each with exactly one violation.

A family is a way to break one rule: a place in a valid request and the values to put there. One table has all families.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from ltx_mock_contracts.dialects import may_accept
from ltx_mock_contracts.model import IMAGE_MODES, LORA_MODES, MODEL, MODES, RATIO_MODES, RESOLUTIONS
from ltx_mock_contracts.request_fields import LARGEST_SEED, LONGEST_PROMPT, PROVIDERS, REQUEST_TYPES
from ltx_mock_contracts.strategies._choose import choose
from ltx_mock_contracts.strategies._requests import LORAS, bodies, valid_requests
from ltx_mock_contracts.strategies._values import TEXT, URLS, fresh
from ltx_mock_contracts.validation.findings import Path, pointer

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["INVALID_FAMILIES", "InvalidRequest", "invalid_requests"]

_ANY: Final = -1
"""A placeholder in a path for any item of an array."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidRequest:
    """An invalid request with exactly one violation.

    Attributes:
        body: The decoded body; JSON, but for GEN-1 not an object.
        rule: The id of the rule that it breaks.
        pointer: The place of the violation, as a JSON pointer.
        family: The kind of violation, one of `INVALID_FAMILIES[rule]`.
        status: The expected status.
        dialect: The id of the dialect that allows a server to accept it, a key of `DIALECTS`; None if the rule is
            binding.
    """

    body: Any
    rule: str
    pointer: str
    family: str
    status: int = 400
    dialect: str | None = None

    @property
    def binding(self) -> bool:
        """Whether every server must refuse it."""
        return self.dialect is None


@dataclass(frozen=True, slots=True)
class _Family:
    """A way to break a rule: put a value in a place, or remove the field if there are no values."""

    name: str
    path: Path
    values: st.SearchStrategy[Any] | None = None
    modes: tuple[str, ...] = MODES
    request_types: tuple[str, ...] = REQUEST_TYPES

    def within(self, modes: tuple[str, ...]) -> _Family:
        """Return the family restricted to these modes."""
        return replace(self, modes=tuple(mode for mode in self.modes if mode in modes))


def invalid_requests(
    rule: str | None = None, *, family: str | None = None, mode: str | None = None
) -> st.SearchStrategy[InvalidRequest]:
    """Generate requests that break one rule in one place.

    Args:
        rule: One of GEN-1 to GEN-14; any of them by default.
        family: One of `INVALID_FAMILIES[rule]`; any of them by default.
        mode: The mode of the request before the violation; any of them by default.

    Raises:
        ValueError: Unknown rule or mode, or the rule or mode has no such family.
    """
    modes = choose("mode", mode, MODES)
    rules = choose("rule", rule, _FAMILIES)
    names = choose("family", family, dict.fromkeys(each.name for name in rules for each in _FAMILIES[name]))
    possible = {name: [each.within(modes) for each in _FAMILIES[name] if each.name in names] for name in rules}
    possible = {name: [each for each in families if each.modes] for name, families in possible.items()}
    if not any(possible.values()):
        raise ValueError(f"{mode} has no way to break {rule or 'a rule'} by {family or 'any family'}")
    families = {name: st.sampled_from(each) for name, each in possible.items() if each}
    return _broken(st.sampled_from(list(families)), families)


@st.composite
def _broken(
    draw: st.DrawFn, rules: st.SearchStrategy[str], families: dict[str, st.SearchStrategy[_Family]]
) -> InvalidRequest:
    rule = draw(rules)
    family = draw(families[rule])
    body: Any = draw(bodies(family.modes, family.request_types))
    path: Path = ()
    parent: Any = {"": body}
    last: str | int = ""
    for step in family.path:
        parent = parent[last]
        last = draw(st.integers(0, len(parent) - 1)) if step == _ANY else step
        path = (*path, last)
    if family.values is None:
        parent.pop(last, None)
    else:
        value = draw(family.values)
        if not path:
            body = value
        parent[last] = value
    at = pointer(path)
    dialect = may_accept(rule, at, body)
    return InvalidRequest(
        body=body, rule=rule, pointer=at, family=family.name, dialect=None if dialect is None else dialect.id
    )


_RATIOS: Final = MODEL.aspect_ratios
_NO_TEXT: Final = fresh([None, True, 0, 720, 1.5, [], ["text"], {}])
_NO_ARRAY: Final = fresh([None, True, 0, "https://example.com/ref.jpg", {}, {"0": "https://example.com/ref.jpg"}])
_NO_OBJECT: Final = fresh([None, False, 0, 1.5, "text", "{}", [], [{}]])
_NO_NUMBER: Final = fresh([None, True, False, "10", "7", "", [], [10], {}])
_NO_URL: Final = st.sampled_from(
    [
        *("", "example.com", "//example.com", "/ref.jpg", "ref.jpg", "ftp://example.com/a", "file:///etc/passwd"),
        *("data:image/png;base64,AA==", "javascript:alert(1)", "https:", "https://", "https:///a", "https://:443/"),
        *("https//example.com", "https:/example.com", " https://example.com", "https://example.com ", "https://?a"),
        *("https://exa mple.com/", "https://example.com/a b", "https://example.com/\n", "https://example.com/\x00"),
        *("https://example.com:port/", "https://example.com:123456/", "https://[::1", "https://[xyz]/", "https://a]b"),
        *("https://example.com\\@a/", "https://user@/a", "https://example.com/\u3000", "null", "httpss://example.com"),
        *(
            "https://[40:EB04E0]:1#",
            "https://example.com:65536/",
            "https://192.0.2.256/",
            "https://a..b/",
            "https://%/",
        ),
    ]
)
_LEAST, _MOST = MODEL.durations
_TOO_FEW_SECONDS: Final = st.sampled_from([_LEAST - 1, _LEAST - 1.0, 0, -5, -0.0]) | st.integers(max_value=_LEAST - 1)
_TOO_LONG_SECONDS: Final = st.sampled_from([_MOST + 1, _MOST + 1.0, 1e300]) | st.integers(min_value=_MOST + 1)
_FRACTIONS: Final = st.integers(_LEAST, _MOST - 1).map(lambda seconds: seconds + 0.5) | st.sampled_from(
    [_MOST - 0.000001, _LEAST + 0.000001]
)
_TOO_LONG: Final = st.sampled_from([each * (LONGEST_PROMPT + 1) for each in "x😀é"] + [" " * (2 * LONGEST_PROMPT)])


def _other_than(*words: str) -> st.SearchStrategy[str]:
    """Draw texts other than the words: a word in another case, with a space, cut or doubled, or any other text."""
    similar = [form for word in words for form in (word.swapcase(), f" {word}", f"{word}\n", word[:-1], word * 2)]
    return st.sampled_from(["", *(form for form in similar if form not in words)]) | TEXT.filter(
        lambda text: text not in words
    )


_FAMILIES: Final[Mapping[str, tuple[_Family, ...]]] = {
    "GEN-1": (_Family("no object", (), _NO_OBJECT | st.lists(valid_requests(), min_size=1, max_size=1)),),
    "GEN-2": (
        _Family("unknown word", ("request_type",), _other_than(*REQUEST_TYPES)),
        _Family("no string", ("request_type",), _NO_TEXT),
    ),
    "GEN-3": (_Family("missing", ("callback_url",), request_types=("callback",)),),
    "GEN-4": (
        _Family("no URL", ("callback_url",), _NO_URL),
        _Family("no string", ("callback_url",), _NO_TEXT),
    ),
    "GEN-5": (
        _Family("unknown word", ("provider",), _other_than(*PROVIDERS)),
        _Family("no string", ("provider",), _NO_TEXT),
    ),
    "GEN-6": (
        _Family("missing", ("input",)),
        _Family("no object", ("input",), _NO_OBJECT),
    ),
    "GEN-7": (
        _Family("missing", ("input", "mode")),
        _Family("unknown word", ("input", "mode"), _other_than(*MODES)),
        _Family("no string", ("input", "mode"), _NO_TEXT),
    ),
    "GEN-8": (
        _Family("missing", ("input", "prompt")),
        _Family("empty", ("input", "prompt"), st.just("")),
        _Family("too long", ("input", "prompt"), _TOO_LONG),
        _Family("no string", ("input", "prompt"), _NO_TEXT),
    ),
    "GEN-9": (
        _Family("missing", ("input", "resolution")),
        _Family("unknown word", ("input", "resolution"), _other_than(*RESOLUTIONS)),
        _Family("no string", ("input", "resolution"), _NO_TEXT),
    ),
    "GEN-10": (
        _Family("missing", ("input", "duration")),
        _Family("too short", ("input", "duration"), _TOO_FEW_SECONDS),
        _Family("too long", ("input", "duration"), _TOO_LONG_SECONDS),
        _Family("fraction", ("input", "duration"), _FRACTIONS),
        _Family("no number", ("input", "duration"), _NO_NUMBER),
    ),
    "GEN-11": (
        _Family("unknown word", ("input", "aspect_ratio"), _other_than(*_RATIOS), RATIO_MODES),
        _Family("no string", ("input", "aspect_ratio"), _NO_TEXT, RATIO_MODES),
        _Family(
            "in an image mode",
            ("input", "aspect_ratio"),
            st.sampled_from(_RATIOS),
            MODEL.modes_without("aspect_ratio"),
        ),
    ),
    "GEN-12": (
        _Family("missing", ("input", "image_urls"), modes=IMAGE_MODES),
        _Family("empty", ("input", "image_urls"), st.builds(list), IMAGE_MODES),
        _Family("two", ("input", "image_urls"), st.lists(URLS, min_size=2, max_size=3), IMAGE_MODES),
        _Family("no array", ("input", "image_urls"), _NO_ARRAY),
        _Family("no URL", ("input", "image_urls", _ANY), _NO_URL, IMAGE_MODES),
        _Family("no string", ("input", "image_urls", _ANY), _NO_TEXT, IMAGE_MODES),
    ),
    "GEN-13": (
        _Family("zero", ("input", "seed"), st.sampled_from([0, 0.0, -0.0])),
        _Family("too small", ("input", "seed"), st.integers(max_value=-2)),
        _Family("too large", ("input", "seed"), st.integers(min_value=LARGEST_SEED + 1)),
        _Family("fraction", ("input", "seed"), st.sampled_from([0.5, -0.5, 1.5, 12345.678])),
        _Family("no number", ("input", "seed"), _NO_NUMBER),
    ),
    "GEN-14": (
        _Family("without a LoRA mode", ("input", "loras"), st.lists(LORAS, max_size=4), MODEL.modes_without("loras")),
        _Family("no array", ("input", "loras"), _NO_ARRAY, LORA_MODES),
        _Family("four", ("input", "loras"), st.lists(LORAS, min_size=4, max_size=6), LORA_MODES),
        _Family("no object", ("input", "loras", _ANY), _NO_OBJECT, LORA_MODES),
        _Family("missing path", ("input", "loras", _ANY, "path"), modes=LORA_MODES),
        _Family("path is no URL", ("input", "loras", _ANY, "path"), _NO_URL, LORA_MODES),
        _Family("path is no string", ("input", "loras", _ANY, "path"), _NO_TEXT, LORA_MODES),
        _Family("scale is no number", ("input", "loras", _ANY, "scale"), _NO_NUMBER, LORA_MODES),
    ),
}

INVALID_FAMILIES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {rule: tuple(family.name for family in families) for rule, families in _FAMILIES.items()}
)
"""The ways in which `invalid_requests` breaks a rule, by the id of the rule."""
