"""Draw examples that are the same in every process and on every machine.

Hypothesis' own examples depend on the loaded modules, because it takes constants from them. Here every choice is read
from a digest of the subject of the example, through Hypothesis' interface for alternative backends.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from contextvars import ContextVar
from hashlib import shake_256
from math import inf, isfinite
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hypothesis import HealthCheck, Phase, Verbosity, find, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import NoSuchExample
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, PrimitiveProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hypothesis.internal.intervalsets import IntervalSet
    from hypothesis.strategies import SearchStrategy

__all__ = ["Digests", "draw", "try_examples"]

T = TypeVar("T")

_BACKEND: Final = "ltx_mock"
_BLOCK_BYTES: Final = 512
_MAX_SIZE: Final = 40
_PRINTABLE: Final = (0x20, 0x7F)
_subject: ContextVar[tuple[object, ...]] = ContextVar("_subject")
_example: ContextVar[int | None] = ContextVar("_example", default=None)


def draw(strategy: SearchStrategy[T], count: int, *words: object) -> list[T]:
    """Return examples of a strategy, always the same for the same words.

    Args:
        strategy: The strategy.
        count: The number of examples; a smaller count gives the first of them.
        words: The subject of the examples.
    """
    drawn: list[T] = []

    def keep(example: T) -> bool:
        if _example.get() is not None:  # skip the simplest one, with which Hypothesis begins
            drawn.append(example)
        return False

    with _examples_of(words), suppress(NoSuchExample):
        find(strategy, keep, settings=_settings(count, [Phase.generate]), random=Random(0))  # noqa: S311
    return drawn[:count]


def try_examples(
    test: Callable[[T], None], strategy: SearchStrategy[T], count: int, *words: object, shrink: bool = True
) -> None:
    """Call a test with the simplest example and those that `draw` returns, until it raises, and propagate the error.

    The example is shrunk first: the last call gets the smallest example that raises in the same way.

    Args:
        test: Is called with each example.
        strategy: The strategy.
        count: The number of examples.
        words: The subject of the examples.
        shrink: Whether to shrink a failing example.
    """

    @seeded(0)  # shrinking uses random choices too
    @_settings(count, [Phase.generate, Phase.shrink] if shrink else [Phase.generate])
    @given(strategy)
    def run(example: Any) -> None:
        test(example)

    with _examples_of(words):
        run()


def _settings(count: int, phases: list[Phase]) -> settings:
    return settings(
        max_examples=count + 1,
        database=None,
        deadline=None,
        phases=phases,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        backend=_BACKEND,
    )


@contextmanager
def _examples_of(words: tuple[object, ...]) -> Iterator[None]:
    """Draw the examples of a subject meanwhile."""
    token = _subject.set(words)
    try:
        yield
    finally:
        _subject.reset(token)


class Digests(PrimitiveProvider):
    """A Hypothesis backend whose random bytes are digests of (subject, example number, block number)."""

    lifetime = "test_function"

    def __init__(self, conjecturedata: Any, /) -> None:
        super().__init__(conjecturedata)
        self._words = _subject.get()
        self._number = 0
        self._blocks = 0
        self._bytes = b""

    @contextmanager
    def per_test_case_context_manager(self) -> Iterator[None]:
        """Start an example."""
        self._blocks, self._bytes = 0, b""
        token = _example.set(self._number)
        self._number += 1
        try:
            yield
        finally:
            _example.reset(token)

    def draw_boolean(self, p: float = 0.5) -> bool:
        """Draw True with a probability."""
        return self._fraction() < p

    def draw_integer(
        self,
        min_value: int | None = None,
        max_value: int | None = None,
        *,
        weights: dict[int, float] | None = None,  # noqa: ARG002 - our strategies have none
        shrink_towards: int = 0,
    ) -> int:
        """Draw an integer; without bounds, small and large ones are equally frequent."""
        if min_value is not None and max_value is not None:
            return min_value + self._below(max_value - min_value + 1)
        size = self._below(1 << self._below(65))
        if min_value is not None:
            return min_value + size
        if max_value is not None:
            return max_value - size
        return shrink_towards + (size if self._below(2) else -size)

    def draw_float(
        self,
        *,
        min_value: float = -inf,
        max_value: float = inf,
        allow_nan: bool = True,  # noqa: ARG002 - JSON has none
        smallest_nonzero_magnitude: float,
    ) -> float:
        """Draw a number with three decimals."""
        low = min_value if isfinite(min_value) else min(-1e6, max_value)
        high = max_value if isfinite(max_value) else max(1e6, min_value)
        value = min(max(round(low + (high - low) * self._fraction(), 3), low), high)
        return value if abs(value) >= smallest_nonzero_magnitude else low

    def draw_string(self, intervals: IntervalSet, *, min_size: int = 0, max_size: int = _MAX_SIZE) -> str:
        """Draw a text of these characters; from a large set, printable ASCII is more frequent."""
        is_large = len(intervals) > _PRINTABLE[1]
        some = [
            _PRINTABLE if is_large and self._below(4) else (0, len(intervals)) for _ in self._items(min_size, max_size)
        ]
        return "".join(chr(intervals[low + self._below(high - low)]) for low, high in some)

    def draw_bytes(self, min_size: int = 0, max_size: int = _MAX_SIZE) -> bytes:
        """Draw bytes."""
        return bytes(self._below(256) for _ in self._items(min_size, max_size))

    def _items(self, min_size: int, max_size: int) -> range:
        """Draw a number of items, mostly small, and return it as a range."""
        return range(min(max_size, min_size + self._below(1 + self._below(_MAX_SIZE))))

    def _fraction(self) -> float:
        return self._below(1 << 53) / (1 << 53)

    def _below(self, end: int) -> int:
        """Draw an integer from 0 to `end` - 1; eight additional bytes make the distribution nearly uniform."""
        length = end.bit_length() // 8 + 8
        while len(self._bytes) < length:
            name = "\0".join(str(word) for word in ("ltx-mock", *self._words, self._number, self._blocks))
            self._bytes += shake_256(name.encode()).digest(_BLOCK_BYTES)
            self._blocks += 1
        drawn, self._bytes = self._bytes[:length], self._bytes[length:]
        return int.from_bytes(drawn, "big") % end


AVAILABLE_PROVIDERS[_BACKEND] = f"{__name__}.{Digests.__qualname__}"
