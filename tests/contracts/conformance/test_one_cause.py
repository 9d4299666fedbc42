"""One cause is one finding: what is wrong with a server in one point is held against the rule of that point alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ltx_mock import MockServer
from ltx_mock.asgi.in_process import Reply
from ltx_mock.core.timings import FORMAT, VERSION, Life, Timings
from ltx_mock_contracts.conformance import Options, Pace, check_server
from ltx_mock_contracts.model import MODES, RESOLUTIONS
from mutants.base import Ask, Behaviour, decoded, error, is_wrong
from mutants.servers import KEY, MUTANTS, BrokenServer, Mutant


class RefusesFive(Behaviour):
    """The shortest duration is refused."""

    async def generate(self, ask: Ask) -> Reply:
        body = decoded(ask.body)
        given = body.get("input") if isinstance(body, dict) else None
        if isinstance(given, dict) and given.get("duration") == 5 and type(given["duration"]) is int:
            return error(400, "input.duration must be over 5")
        return await super().generate(ask)


class ErrorsAre200(Behaviour):
    """Every error has HTTP 200 and the true code in its envelope."""

    def fails(self, ask: Ask, reply: Reply) -> Reply:  # noqa: ARG002
        return reply._replace(status=200)


class BareLimit(Behaviour):
    """Every third poll of a key is one too many, and the answer to it has no body."""

    async def answer(self, ask: Ask) -> Reply:
        if ask.operation == "statusTask":
            self.memory[ask.key] += 1
            if self.memory[ask.key] % 3 == 0:
                return Reply(429, [], b"")
        return await super().answer(ask)


class Outage(Behaviour):
    """Every third answer of a key is that the server is not available, with another code in the envelope."""

    async def answer(self, ask: Ask) -> Reply:
        if ask.operation in {"statusTask", "generateTask"}:
            self.memory[ask.key] += 1
            if self.memory[ask.key] % 3 == 0:
                return error(500, "not available")._replace(status=503)
        return await super().answer(ask)


class Poor(Behaviour):
    """A key has credits for one task, and then is refused in other words than the documents have."""

    status = 402

    async def generate(self, ask: Ask) -> Reply:
        if self.memory[ask.authorization] and not is_wrong(decoded(ask.body)):
            return error(self.status, "Not enough credits, please top up")
        reply = await super().generate(ask)
        self.memory[ask.authorization] += reply.status == 200
        return reply


class PoorAnd400(Poor):
    """The same with the status of the documents."""

    status = 400


CAUSES = (
    Mutant("a duration of 5 is refused", "GEN-10", "", RefusesFive),
    Mutant("errors have HTTP 200", "ENV-4", "", ErrorsAre200),
    Mutant("a limit has no envelope", "ENV-1", "", BareLimit, also=("LIM-1",)),
    Mutant("now and then there is an outage", "ENV-4", "", Outage, also=("LIM-1", "LIM-2")),
    Mutant("credits end with 402", "GEN-15", "", Poor, "observed"),
    Mutant("credits end in other words", "GEN-15", "", PoorAnd400),
    *(MUTANTS[name] for name in ("too-fast", "too-slow", "same-id-at-once", "no-key-is-403", "calls-by-get")),
)


class Moved(Pace):
    """Time that passes on the server when the checks wait for it."""

    def __init__(self, mock: MockServer) -> None:
        self._mock = mock

    def now(self) -> float:
        return self._mock.clock.now / 1000

    def sleep(self, seconds: float) -> None:
        self._mock.clock.advance(seconds)


@pytest.fixture(scope="module")
def server() -> Iterator[BrokenServer]:
    with BrokenServer() as server:
        yield server


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "given",
    [{"trust_control_plane": True, "max_examples": 0}, {"max_tasks": 20, "max_examples": 1}],
    ids=["with a control plane", "with 20 tasks"],
)
@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_one_cause_is_held_against_one_rule(server: BrokenServer, cause: Mutant, given: dict[str, Any]) -> None:
    with server.broken_by(cause) as url:
        options = Options(url=url, api_key=KEY, violating_prompt="[[content-violation]]", **given)
        report = check_server(options, pace=Moved(server.mock))
    assert cause.rule in report.having(cause.outcome)
    assert set(report.broken) <= {cause.rule, *cause.also}


@pytest.mark.parametrize("name", ["retry-at-once", "constant-delays", "constant-long-delays"])
def test_the_delays_of_retries_are_judged_where_tasks_end_too_soon(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for target, delays in MUTANTS[name].patches.items():
        monkeypatch.setattr(target, delays)
    soon = [Life(ends=(5000,), resolution=resolution, mode=mode) for resolution in RESOLUTIONS for mode in MODES]
    with MockServer(timings=Timings(format=FORMAT, version=VERSION, lives=tuple(soon))) as server:
        options = Options(url=server.url, trust_control_plane=True, rules=frozenset({"CB-2"}))
        assert check_server(options).broken == ("CB-2",)


def test_want_of_credits_is_not_taken_for_the_refusal_of_a_prompt(server: BrokenServer) -> None:
    poor = next(cause for cause in CAUSES if cause.behaviour is PoorAnd400)
    rules = frozenset({"TASK-8", "FAIL-1"})
    with server.broken_by(poor) as url:
        options = Options(url=url, api_key=KEY, violating_prompt="[[content-violation]]", max_tasks=20, rules=rules)
        report = check_server(options, pace=Moved(server.mock))
    assert (report.of("FAIL-1").outcome, report.of("FAIL-1").deviations) == ("not checked", ())
    assert "credits" in (report.of("FAIL-1").why or "")
