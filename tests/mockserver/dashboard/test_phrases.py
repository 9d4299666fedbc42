"""What the server says of requests, tasks and callbacks is said in Chinese on the Chinese page."""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from ltx_mock import MockServer
from ltx_mock.scenarios import LIBRARY
from ltx_mock_contracts import strategies, validate_request
from support.bodies import STATUS, post, request_body
from support.browser import page_files
from support.lives import LIFE, save

pytestmark = pytest.mark.node

MINUTE = 60
OTHER = "https://elsewhere.example/done"


def in_chinese(folder: Path, function: str, values: list[Any]) -> list[str | None]:
    """Return what a function of the page makes of each value."""
    (folder / "package.json").write_text('{"type": "module"}')
    for name in ("phrases.js",):
        (folder / name).write_bytes(page_files()[name])
    script = f'import {{ {function} as f }} from "./phrases.js"; import {{ readFileSync }} from "node:fs";'
    script += 'console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf-8")).map(f)));'
    run = ["node", "--input-type=module", "--eval", script]
    done = subprocess.run(run, cwd=folder, input=json.dumps(values), capture_output=True, encoding="utf-8", check=True)
    told: list[str | None] = json.loads(done.stdout)
    return told


def test_each_finding_of_a_request_is_told_in_chinese(tmp_path: Path) -> None:
    found: dict[str, dict[str, str]] = {}

    @settings(
        max_examples=200,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategies.invalid_requests() | strategies.advisory_requests())
    def collect(request: Any) -> None:
        for finding in validate_request(getattr(request, "body", request)):
            found.setdefault(finding.allowed, finding.as_dict())

    collect()
    told = in_chinese(tmp_path, "findingInChinese", list(found.values()))
    assert len(found) >= 20
    assert [each["message"] for each, text in zip(found.values(), told, strict=True) if text is None] == []


def test_the_causes_of_all_scenarios_and_limits_are_told_in_chinese(tmp_path: Path) -> None:
    causes: set[str] = set()
    with MockServer(clock="manual", callback_secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") as mock:
        for scenario in LIBRARY:
            world = mock.tenant(max_concurrent=1, credits=30)
            with world.client(timeout=1) as client:
                world.scenario(scenario.name)
                for url in (OTHER, "http://127.0.0.1:9/done"):
                    with suppress(httpx.HTTPError):
                        body = request_body() | {"request_type": "callback", "callback_url": url}
                        client.post("/generateTask/ltx-2-19b", json=body)
                        client.get(STATUS, params={"taskId": world.tasks[-1].id if world.tasks else ""})
                    world.clock.advance(3 * MINUTE)
            causes |= {str(each.cause) for each in world.requests if each.cause}
            causes |= {str(task.cause) for task in world.tasks if task.cause}
            causes |= {str(each.reason) for each in world.callbacks if each.reason}
            for task in world.tasks:
                story = world._admin.get(f"/tasks/{task.id}")
                causes |= {step["cause"] for step in [*story["story"], *story["next"]] if step.get("cause")}
    told = in_chinese(tmp_path, "causeInChinese", sorted(causes))
    assert len(causes) >= 30
    assert [cause for cause, text in zip(sorted(causes), told, strict=True) if text is None] == []


def test_the_causes_of_replayed_tasks_are_told_in_chinese(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    with MockServer(clock="manual", recordings=tmp_path / "recordings", recordings_only=True) as mock:
        with mock.client() as client:
            post(client, request_body())
            causes = [str(each.cause) for each in mock.requests]
            save(tmp_path / "recordings", LIFE)
            mock.reset()
            mock.scenario("slow-answer")
            for body in (request_body(), request_body(prompt="another one")):
                post(client, body)
        causes += [str(each.cause) for each in mock.requests]
    assert len(causes) == 3
    told = in_chinese(tmp_path, "causeInChinese", causes)
    assert [cause for cause, text in zip(causes, told, strict=True) if text is None] == []
