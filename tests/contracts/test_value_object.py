"""Value objects behave as frozen dataclasses with keywords only do; `dataclasses` itself is what they are held to."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, replace
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock_contracts.value_object import ValueObject


class Clip(ValueObject):
    """A value object."""

    KIND: ClassVar[str] = "clip"
    name: str
    seconds: float = 5
    tags: list[str] = field(default_factory=list)


class Ours:
    """Where the value object with the name of the dataclass is."""

    class Video(ValueObject):
        """As `Theirs.Video`, with a check."""

        name: str
        seconds: float = 5
        mode: str | None = None
        file: str = field(default="", compare=False)
        prompt: str = field(default="", repr=False)
        sides: dict[str, str] = field(default_factory=dict, hash=False)

        def __post_init__(self) -> None:
            vars(self)["seconds"] = float(self.seconds)


class Longer(Ours.Video):
    """Another class with the same fields."""


class Theirs:
    """Where the dataclass is."""

    @dataclass(frozen=True, kw_only=True)
    class Video:
        """As `Ours.Video`."""

        name: str
        seconds: float = 5
        mode: str | None = None
        file: str = field(default="", compare=False)
        prompt: str = field(default="", repr=False)
        sides: dict[str, str] = field(default_factory=dict, hash=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "seconds", float(self.seconds))


VALUES = st.fixed_dictionaries(
    {"name": st.sampled_from("ab")},
    optional={"seconds": st.sampled_from([1, 1.0, 5, 2.5]), "mode": st.sampled_from([None, "text-to-video"])}
    | {"file": st.sampled_from("ab"), "prompt": st.sampled_from("ab")},
)


@given(VALUES, VALUES)
def test_what_is_equal_shown_and_hashed_is_what_a_dataclass_has(one: dict[str, Any], other: dict[str, Any]) -> None:
    ours, theirs = Ours.Video(**one), Theirs.Video(**one)
    assert asdict(ours) == asdict(theirs)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert (ours == Ours.Video(**other)) is (theirs == Theirs.Video(**other))
    assert len({ours, Ours.Video(**other)}) == len({theirs, Theirs.Video(**other)})
    assert ours != theirs
    assert ours != Longer(**one)
    assert replace(ours, **other) == Ours.Video(**(one | other))


def test_the_signature_is_that_of_a_dataclass() -> None:
    assert str(inspect.signature(Ours.Video)) == str(inspect.signature(Theirs.Video))


@pytest.mark.parametrize(
    ("values", "problem"),
    [({}, "Clip needs name"), ({"name": "a", "size": 1, "x": 2}, "Clip has no size, x"), ({"KIND": "b"}, "needs name")],
)
def test_a_value_that_is_missing_or_unknown_is_named(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        Clip(**values)


def test_nothing_can_be_set_or_deleted() -> None:
    clip = Clip(name="a")
    with pytest.raises(FrozenInstanceError, match="'name'"):
        clip.name = "b"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="'size'"):
        clip.size = 1  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError, match="'name'"):
        del clip.name
    assert clip == Clip(name="a")


def test_a_default_that_is_made_is_made_anew() -> None:
    one, other = Clip(name="a"), Clip(name="a")
    assert one == other
    assert one.tags is not other.tags


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda clip: pickle.loads(pickle.dumps(clip))])
def test_a_copy_is_equal(again: Any) -> None:
    clip = Clip(name="a", tags=["sea"])
    assert again(clip) == clip
    assert again(clip).KIND == "clip"
