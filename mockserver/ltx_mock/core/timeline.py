"""The timeline of a task, a pure function of its request, the seed and the time of creation.

No timer runs for a task. Its state is computed from the timeline when it is read.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ltx_mock.core.clock import LATEST, SECOND
from ltx_mock.core.failures import Failure
from ltx_mock.core.hosts import url_host
from ltx_mock.core.seeding import between, digest
from ltx_mock.core.timings import Timings, draw
from ltx_mock_contracts.api import State
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.request import GenerateRequest

# Ranges in milliseconds: rule TASK-8.
GENERATION_MS = {each.name: each.generation_ms for each in MODEL.resolutions.values()}
LORA_MS = MODEL.lora_ms

# The documents have no figures for these; they are our choice.
PENDING_MS = (1 * SECOND, 5 * SECOND)
FAILING_MS = {each.code: each.fails_after_ms for each in MODEL.fail_codes.values()}
FAILING_OTHERWISE_MS = MODEL.other_failure.fails_after_ms
NEVER = LATEST + 1
"""The end of an endless task, beyond the end of all clocks."""
EARLIEST_FAILURE_MS = min(low for low, _ in FAILING_MS.values())


class Timeline(NamedTuple):
    """When a task is created, when processing starts, when and how it ends. Virtual Unix milliseconds."""

    created: int
    started: int
    ended: int
    failure: Failure | None = None

    def state(self, now: int) -> State:
        """Return the state at a moment (rule TASK-1)."""
        if now < self.started:
            return "pending"
        if now < self.ended:
            return "processing"
        return "failed" if self.failure else "success"

    @property
    def cost_time(self) -> int:
        """Milliseconds from creation to completion (rule TASK-5)."""
        return self.ended - self.created

    @property
    def endless(self) -> bool:
        """Whether the task never ends."""
        return self.ended >= NEVER

    def next_transition(self, now: int) -> int | None:
        """Return the time of the next state change, or None."""
        return next((moment for moment in (self.started, self.ended) if now < moment < NEVER), None)

    def transitions(self, after: int, until: int) -> list[tuple[int, State]]:
        """Return the state changes after `after` up to `until`, in order."""
        moments = (self.started, self.ended) if self.started < self.ended else (self.ended,)
        return [(moment, self.state(moment)) for moment in moments if after < moment <= until]

    def finished_at(self, moment: int, failure: Failure | None) -> Timeline:
        """Return the timeline with another end."""
        return Timeline(self.created, min(self.started, moment), moment, failure)


def plan(resolution: str, *, lora: bool, picture: bytes, seed: int, created: int, failure: Failure | None) -> Timeline:
    """Draw the timeline of a task.

    Args:
        resolution: a resolution of the model.
        lora: whether the mode has LoRAs, which takes longer.
        picture: the digest of everything that determines the result; with the seed it determines the times.
        seed: the seed of the fake.
        created: the time of creation in Unix milliseconds.
        failure: the failure, or None.

    Returns:
        The timeline. A success takes the documented time (TASK-8); a failure happens soon after the start of
        processing.
    """
    failing = FAILING_OTHERWISE_MS if failure is None else FAILING_MS.get(failure.code, FAILING_OTHERWISE_MS)
    spans = PENDING_MS, failing, GENERATION_MS[resolution], LORA_MS
    pending, fails_after, generation, more = _drawn(seed, picture, spans)
    started = created + pending
    if failure is not None:
        return Timeline(created, started, started + fails_after, failure)
    return Timeline(created, started, created + generation + (more if lora else 0))


@lru_cache(maxsize=256)
def _drawn(seed: int, picture: bytes, spans: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    """Draw a time from each of four spans for a result. The latest are kept: a test suite asks for the same few."""
    random_bytes = digest("timeline", seed, picture)
    return tuple([between(*span, random_bytes[4 * place : 4 * place + 4]) for place, span in enumerate(spans)])


def result_fingerprint(request: GenerateRequest, seed: int) -> bytes:
    """Return a digest of everything that determines the result of a task (TASK-9), with the seed in use.

    URLs on this machine count without their ports, which differ from run to run if a test serves its files itself.
    """
    images = tuple([url_host(url).portless for url in request.image_urls])
    loras = tuple([(url_host(path).portless, scale) for path, scale in request.loras])
    look = (request.mode, request.prompt, request.resolution, request.duration, request.aspect_ratio)
    return digest("picture", look, images, loras, seed)


def build_timeline(
    request: GenerateRequest,
    picture: bytes,
    seed: int,
    created: int,
    ending: Failure | None,
    timings: Timings | None = None,
) -> Timeline:
    """Draw a task's timeline with the seed of the fake and the fingerprint of its result."""
    line = plan(request.resolution, lora=request.is_lora, picture=picture, seed=seed, created=created, failure=ending)
    return line if timings is None else _learned(line, request, timings, digest("timings", seed, picture))


def earliest_failure(line: Timeline, timings: Timings | None) -> int:
    """Return the first moment at which the task may be found to have failed because of its assets."""
    documented = line.started + EARLIEST_FAILURE_MS
    learned = None if timings is None else timings.earliest_failure
    return documented if learned is None else min(documented, line.created + learned)


def _learned(line: Timeline, request: GenerateRequest, timings: Timings, random_bytes: bytes) -> Timeline:
    """Return the timeline with learned times, where there are some.

    Processing starts at the same time however the task ends, unless it ends before: that may become known later.
    """
    created, started, ended, failure = line
    life = timings.success(request.mode, request.resolution)
    if life is not None and life.starts:
        started = created + draw(life.starts, random_bytes[:4])
        ended += started - line.started if failure else 0
    if failure is not None:
        failed = timings.failure(failure.code)
        ended = ended if failed is None else created + draw(failed.ends, random_bytes[4:8])
    elif life is not None:
        ended = created + draw(life.ends, random_bytes[8:12])
    return Timeline(created, min(started, ended), ended, failure)
