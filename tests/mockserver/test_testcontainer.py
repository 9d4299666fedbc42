"""`ltx_mock.testcontainer`: what is asked of an engine, and that the fake is used as in a container.

There is no engine here: see `support.container_engine`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ltx_mock import SettingsError
from ltx_mock.testcontainer import LtxMockContainer, serve_options
from support.bodies import ask, submit
from support.container_engine import Engine, engine

TO_THE_MACHINE = [
    "--callback-rewrite=http://localhost:*=http://host.docker.internal:*",
    "--callback-rewrite=http://127.0.0.1:*=http://host.docker.internal:*",
]


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    from testcontainers.core.config import ConnectionMode, testcontainers_config

    for name in ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONTEXT", "TESTCONTAINERS_HOST_OVERRIDE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(testcontainers_config, "ryuk_disabled", True)
    monkeypatch.setattr(testcontainers_config, "connection_mode_override", ConnectionMode.docker_host)
    with engine() as running:
        monkeypatch.setenv("DOCKER_HOST", running.url)
        yield running


@pytest.mark.slow
def test_a_test_moves_the_clock_of_a_fake_in_a_container(docker: Engine) -> None:
    with LtxMockContainer("ltx-mock:1", clock="manual", price={"480p": 3}, strict=True) as fake:
        with fake.server.client() as client:
            task = submit(client)
            fake.server.clock.advance(100)
            done = ask(client, task)
        assert done["state"] == "success"
        assert f"{fake.url}/files/results/{task}.mp4" in done["resultJson"]
        assert [each.cost for each in fake.server.tasks] == [15]
        assert fake.server.env["APIXO_BASE_URL"] == fake.url
    assert docker.asked == ["/containers/create", f"/containers/{'c0ffee' * 10}0000/start", "DELETE"]
    created = docker.created
    assert created["Image"] == "ltx-mock:1"
    assert created["Cmd"] == ["serve", "--clock=manual", "--price=480p=3", "--strict", *TO_THE_MACHINE]
    assert created["Env"] == [f"LTX_MOCK_ADMIN_TOKEN={fake.admin_token}"]
    assert created["ExposedPorts"] == {"8219/tcp": {}}
    assert created["HostConfig"]["ExtraHosts"] == ["host.docker.internal:host-gateway"]


@pytest.mark.slow
def test_its_control_plane_needs_the_token_and_a_key_may_be_required(docker: Engine) -> None:
    with LtxMockContainer(api_key="secret", admin_token="letmein") as fake:
        assert fake.server.api_key == "secret"
        with fake.server.client() as client:
            submit(client)
        assert len(fake.server.tasks) == 1
    assert docker.created["Env"] == ["LTX_MOCK_ADMIN_TOKEN=letmein"]


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({}, []),
        ({"clock": "scaled", "speed": 60}, ["--clock=scaled", "--speed=60"]),
        ({"strict": False, "credits": None, "seed": 7}, ["--seed=7"]),
        ({"rate_limit": "5/minute"}, ["--rate-limit=5/minute"]),
        ({"allow_callback_host": "app"}, ["--allow-callback-host=app"]),
        ({"allow_callback_host": ["a", "b"]}, ["--allow-callback-host=a", "--allow-callback-host=b"]),
        ({"callback_rewrite": {"http://a": "http://b"}}, ["--callback-rewrite=http://a=http://b"]),
        ({"timings": "/data/timings.json"}, ["--timings=/data/timings.json"]),
        ({"scenario": ["stuck", "slow"]}, ["--scenario=stuck", "--scenario=slow"]),
    ],
)
def test_settings_become_options_of_serve(settings: dict[str, Any], options: list[str]) -> None:
    assert serve_options(settings) == options


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"port": 1}, "port cannot be given; the container decides it"),
        ({"clok": "manual"}, "unknown setting 'clok' .did you mean 'clock'?"),
        ({"clock": "fast"}, "clock must be one of real, scaled, manual, auto, not 'fast'"),
        ({"scenario": {"status": 503}}, "scenario must be a name here"),
        ({"timings": {"format": 1}}, "timings must be a file in the container here"),
    ],
)
def test_a_wrong_setting_is_refused_before_a_container_is_made(settings: dict[str, Any], error: str) -> None:
    with pytest.raises(SettingsError, match=error):
        serve_options(settings)
