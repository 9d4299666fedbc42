"""A good client passes every case; a client with one bug is found by the case and the rule that name it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import pytest

from ltx_mock import MockServer
from ltx_mock.clients.cases import CASES, Case, named
from ltx_mock.clients.checking import Checked, checked
from ltx_mock.clients.programs import free_port
from ltx_mock.clients.story import Ran
from ltx_mock.clients.timing import Timing
from planted_clients import MUTANTS, Endless, GoodClient, Mutant, NoVideo

SILENCE_SECONDS = 0.4
STRAY_SECONDS = 10.0


class Told(Timing):
    """The client tells the fake how long it has slept: exact, and nobody really sleeps."""

    __slots__ = ()

    @property
    def settings(self) -> dict[str, Any]:
        return {"clock": "manual"}


TOLD = Told(1)


def planted(kind: type[GoodClient], case: Case, callback: str) -> Callable[[MockServer], Ran]:
    """Return what runs this client in this case, here and now."""

    def run(mock: MockServer) -> Ran:
        timeouts = {
            "timeout-poll": {"statusTask": SILENCE_SECONDS},
            "timeout-submit": {"generateTask": SILENCE_SECONDS},
        }
        waits = case.stray

        def sleep(seconds: float) -> None:
            nonlocal waits
            if waits:
                assert client.taken.wait(STRAY_SECONDS), "nobody called for the task of another"
                waits = False
            mock.clock.advance(seconds)

        client = kind(
            mock.base_url,
            mock.api_key,
            sleep,
            timeouts=timeouts.get(case.name),
            callback=callback if case.callback else None,
        )
        try:
            return Ran(well=True, how="exits with 0", output=client.run())
        except NoVideo as problem:
            return Ran(well=False, how="exits with 1", output=str(problem))
        except Endless:
            return Ran(well=False, how="was ended", ended=False)
        except Exception:  # noqa: BLE001 - a bug may raise anything
            return Ran(well=False, how="exits with 1", output=traceback.format_exc())

    return run


def found_in(kind: type[GoodClient], name: str, timing: Timing = TOLD) -> Checked:
    (case,) = named((name,))
    callback = f"http://127.0.0.1:{free_port()}/callback"
    return checked([case], timing, planted(kind, case, callback), callback=callback)


def told(found: Checked) -> str:
    departures = [each for verdict in found.report.verdicts for each in verdict.departures]
    lines = [f"{each.rule} {each.checks}: {each.title}; {each.expected}; {each.actual}" for each in departures]
    return "\n".join([*lines, *(played.story.ran.output for played in found.played)])


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_a_good_client_passes(name: str) -> None:
    found = found_in(GoodClient, name)
    assert found.report.ok, told(found)


@pytest.mark.parametrize(("name", "mutant"), MUTANTS.items(), ids=MUTANTS)
def test_a_bug_is_found_by_the_case_and_the_rule_that_name_it(name: str, mutant: Mutant) -> None:
    found = found_in(mutant.client, mutant.case)
    assert found.report.broken == (mutant.rule,), f"{name}: {told(found)}"


@pytest.mark.parametrize(("name", "mutant"), MUTANTS.items(), ids=MUTANTS)
def test_a_bug_brings_no_other_finding_where_all_goes_well(name: str, mutant: Mutant) -> None:
    found = found_in(mutant.client, "callback" if mutant.rule == "CLI-8" else "success")
    assert set(found.report.broken) <= {mutant.rule}, f"{name}: {told(found)}"
