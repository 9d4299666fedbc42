"""What people deploy with: the files are valid, and nginx, Redis and three replicas work together as they describe."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from ltx_mock.client_checks.programs import free_port
from support.bodies import TEXT, request_body
from support.nginx import CONFIGURATION, nginx
from support.processes import Served, clean_environment, ltx_mock, serving
from support.receivers import Receiver
from support.redis_servers import redis_server
from support.sse import listening
from support.waiting import SECONDS

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.scaled.yml").read_text(encoding="utf-8"))
WITH_APP: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
KUBERNETES: list[dict[str, Any]] = list(
    yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8"))
)
REPLICAS = ["ltx-mock-1", "ltx-mock-2", "ltx-mock-3"]
COMMAND: list[str] = COMPOSE["services"]["ltx-mock-1"]["command"]
POD = KUBERNETES[0]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
TOKEN = "a-very-secret-token"
ADMIN = {"authorization": f"Bearer {TOKEN}"}
GENERATE = "/api/v1/generateTask/ltx-2-19b"
STATUS = "/api/v1/statusTask/ltx-2-19b"


class Deployment(NamedTuple):
    """nginx, and the replicas behind it."""

    url: str
    replicas: list[Served]


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(tmp_path / "redis"))
        assert "--store=redis://redis:6379/0" in COMMAND
        here = [
            word for word in COMMAND[1:] if not word.startswith("--callback-rewrite=")
        ]  # those lead out of containers
        options = [*here, "--store", redis.url, "--clock", "manual", "--seed", "0"]
        replicas = [stack.enter_context(serving(*options, env={"LTX_MOCK_ADMIN_TOKEN": TOKEN})) for _ in REPLICAS]
        url = stack.enter_context(nginx(tmp_path, [urlsplit(each.url).netloc for each in replicas]))
        yield Deployment(url, replicas)


def client(url: str, key: str = "any-key") -> httpx.Client:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.Client(base_url=url, headers=headers, trust_env=False, verify=False, timeout=SECONDS)


@pytest.mark.sample
@pytest.mark.nginx
@pytest.mark.redis
class TestThreeReplicasBehindNginx:
    def test_a_task_is_the_same_on_each_and_its_callback_comes_once(self, deployment: Deployment) -> None:
        with Receiver(200) as receiver, ExitStack() as stack:
            front = stack.enter_context(client(deployment.url))
            admin = stack.enter_context(client(deployment.url, TOKEN))
            each = [stack.enter_context(client(replica.url)) for replica in deployment.replicas]
            body = request_body(TEXT) | {"request_type": "callback", "callback_url": receiver.url}
            task_id = front.post(GENERATE, json=body).json()["data"]["taskId"]
            pending = [one.get(STATUS, params={"taskId": task_id}).json() for one in (front, *each)]
            admin.post("/__admin/clock/advance", json={"seconds": 90}).raise_for_status()
            done = [one.get(STATUS, params={"taskId": task_id}) for one in (front, *each)]
            assert [status["data"]["state"] for status in pending] == ["pending"] * 4
            times = [{**answer.json()["data"], "resultJson": ""} for answer in done]
            assert times == times[:1] * 4
            assert [answer.json()["data"]["state"] for answer in done] == ["success"] * 4
            admin.post("/__admin/clock/advance", json={"seconds": 1000}).raise_for_status()
            (received,) = receiver.take_all()
            assert task_id.encode() in received.body
            (url,) = re.findall(r"http:[^\"\\]+", done[0].json()["data"]["resultJson"])
            assert url.startswith(deployment.url)
            assert front.get(url, headers={"authorization": ""}).content[4:8] == b"ftyp"

    def test_the_control_plane_needs_the_token_and_shows_what_all_did(self, deployment: Deployment) -> None:
        with client(deployment.replicas[0].url) as one, client(deployment.replicas[1].url) as other:
            ids = [each.post(GENERATE, json=request_body(TEXT)).json()["data"]["taskId"] for each in (one, other)]
        assert httpx.get(f"{deployment.url}/__admin/tasks", trust_env=False).status_code == 401
        assert httpx.get(f"{deployment.url}/__admin/health", trust_env=False).status_code == 200
        assert "<title>" in httpx.get(f"{deployment.url}/__admin/", trust_env=False).text
        code, listed, _ = ltx_mock("tasks", "--url", deployment.url, env={"LTX_MOCK_ADMIN_TOKEN": TOKEN})
        assert code == 0
        assert all(task_id in listed for task_id in ids)

    def test_events_of_every_replica_come_at_once(self, deployment: Deployment) -> None:
        with listening(deployment.url, headers=ADMIN) as listener:
            for replica in deployment.replicas:
                with client(replica.url) as one:
                    task_id = one.post(GENERATE, json=request_body(TEXT)).json()["data"]["taskId"]
                assert listener.next("request").data["taskId"] == task_id

    def test_refusals_of_what_is_too_large_have_the_envelope(self, deployment: Deployment) -> None:
        with client(deployment.url) as front:
            large = [front.post(GENERATE, json={"input": "x" * size}) for size in (2 << 20, 15 << 20)]
            long = [
                front.get(STATUS, params={"taskId": "x" * 9000}),
                front.get(STATUS, headers={"x-long": "x" * 60_000, "x-longer": "x" * 9000}),
            ]
        assert [answer.json()["code"] for answer in large + long] == [413, 413, 414, 431]

    def test_a_connection_that_a_scenario_breaks_is_broken_for_the_client_and_nothing_is_repeated(
        self, deployment: Deployment
    ) -> None:
        with client(deployment.url) as front, client(deployment.url, TOKEN) as admin:
            for scenario, request in (
                ("connection-reset", front.build_request("GET", STATUS, params={"taskId": "task_none"})),
                ("lost-answer", front.build_request("POST", GENERATE, json=request_body(TEXT))),
            ):
                admin.post("/__admin/scenarios", params={"key": "any-key"}, json={"name": scenario}).raise_for_status()
                with pytest.raises(httpx.TransportError):
                    front.send(request)
            assert len(admin.get("/__admin/tasks").json()["tasks"]) == 1
            assert len(admin.get("/__admin/requests").json()["requests"]) == 2

    def test_when_a_replica_is_killed_the_others_take_its_keys(self, deployment: Deployment) -> None:
        keys = [f"key-{number}" for number in range(12)]
        ids = {}
        for key in keys:
            with client(deployment.url, key) as front:
                ids[key] = front.post(GENERATE, json=request_body(TEXT)).json()["data"]["taskId"]
        deployment.replicas[0].kill()
        for key in keys:
            with client(deployment.url, key) as front:
                assert front.get(STATUS, params={"taskId": ids[key]}).json()["data"]["taskId"] == ids[key]
                assert front.post(GENERATE, json=request_body(TEXT)).status_code == 200
        with client(deployment.url, TOKEN) as admin:
            assert len(admin.get("/__admin/tasks").json()["tasks"]) == 24


def test_compose_runs_three_equal_replicas_with_a_redis_that_keeps_its_data_behind_nginx() -> None:
    services = COMPOSE["services"]
    assert {*REPLICAS, "nginx", "redis"} == set(services)
    assert all(services[name] == services["ltx-mock-1"] for name in REPLICAS)
    assert services["redis"]["command"] == ["redis-server", "--appendonly", "yes"]
    assert f"./{CONFIGURATION.relative_to(ROOT)}:/etc/nginx/nginx.conf:ro" in services["nginx"]["volumes"]
    servers = re.findall(r"server (\S+):8219", CONFIGURATION.read_text(encoding="utf-8"))
    assert servers == REPLICAS * 2
    assert services["nginx"]["ports"] == ["127.0.0.1:8219:8219"]


def test_kubernetes_checks_readiness_where_no_token_is_needed_and_hides_its_own_variables() -> None:
    assert CONTAINER["readinessProbe"]["httpGet"] == {"path": "/__admin/health", "port": 8219}
    assert POD["enableServiceLinks"] is False
    assert CONTAINER["securityContext"].items() >= {"runAsNonRoot": True, "readOnlyRootFilesystem": True}.items()
    claims = {each["metadata"]["name"]: each["spec"] for each in KUBERNETES if each["kind"] != "Service"}
    for each in KUBERNETES:
        if each["kind"] == "Service":
            labels = claims[each["metadata"]["name"]]["template"]["metadata"]["labels"]
            assert each["spec"]["selector"] == labels


@pytest.mark.parametrize(
    "words", [COMMAND, CONTAINER["args"], WITH_APP["ltx-mock"]["command"]], ids=["scaled", "kubernetes", "compose"]
)
def test_the_commands_have_options_of_serve(words: list[str]) -> None:
    command, *options = words
    help_ = subprocess.run(
        [sys.executable, "-m", "ltx_mock", command, "--help"], capture_output=True, text=True, check=True
    ).stdout
    known = set(re.findall(r"--[a-z][a-z-]*", help_))
    assert {word.partition("=")[0] for word in options if word.startswith("--")} <= known
    variables = {each["name"] for each in CONTAINER["env"]} | set(COMPOSE["x-replica"]["environment"])
    assert {f"--{name.removeprefix('LTX_MOCK_').lower().replace('_', '-')}" for name in variables} <= known


@pytest.mark.parametrize("service", [COMPOSE["x-replica"], WITH_APP["ltx-mock"]], ids=["scaled", "compose"])
def test_a_callback_for_this_machine_reaches_the_host_of_the_containers(service: dict[str, Any]) -> None:
    rewrites = [word.partition("=")[2] for word in service["command"] if word.startswith("--callback-rewrite=")]
    assert rewrites == [f"http://{host}:*=http://host.docker.internal:*" for host in ("localhost", "127.0.0.1")]
    assert service["extra_hosts"] == ["host.docker.internal:host-gateway"]
    assert service["read_only"] is True


@pytest.mark.node
def test_the_app_of_compose_gets_its_video_by_a_callback(tmp_path: Path) -> None:
    app, fake = WITH_APP["app"], WITH_APP["ltx-mock"]
    assert app["depends_on"] == {"ltx-mock": {"condition": "service_healthy"}}
    assert app["volumes"] == ["./examples/node:/app:ro"]
    program, script, prompt, _ = app["command"]
    assert "--allow-callback-host=app" in fake["command"]
    with serving(*fake["command"][1:]) as served:
        environment = {**app["environment"], "APIXO_BASE_URL": f"{served.url}/api/v1"}
        environment["APIXO_CALLBACK_URL"] = f"http://127.0.0.1:{free_port()}/callback"
        done = subprocess.run(
            [program, str(ROOT / "examples" / "node" / script), prompt, "city.mp4"],
            cwd=tmp_path,
            env=clean_environment(**environment),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, (tmp_path / "city.mp4").read_bytes()[4:8]) == (0, b"ftyp"), done.stderr
        lines = [served.line() for _ in range(2)]
    assert [line.split()[2] for line in lines] == ["generateTask", "callback"]


def test_the_arithmetic_of_the_guide_is_right() -> None:
    guide = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    table = guide.partition("| for a task and eight polls")[2].partition("\n\n")[0]
    digits = [int(each.replace(",", "")) for each in re.findall(r"\d[\d,]*", table.replace("a million", "1,000,000"))]
    worker_us, busy, worker, redis_us, _, redis, shard, keys, million, shards, worker_cores, redis_cores = digits
    assert round(1e6 / worker_us * busy / 100, -3) == worker
    assert round(1e6 / redis_us * busy / 100, -3) == redis
    assert shard == 5 * worker <= redis
    assert keys == shard * 60 // 10_000
    assert shards == -(-million // shard) == redis_cores
    assert worker_cores == 5 * shards
    assert f"{million * 60 // 10_000:,} keys" in guide
