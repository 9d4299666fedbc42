"""`ltx-mock doctor`: each trouble is found, and has one line of advice."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from ltx_mock import MockServer
from ltx_mock.cli import doctor as module
from ltx_mock.cli.doctor import Environment, Result, examine
from ltx_mock_contracts.receiver import HttpReceiver, Response
from support.processes import ltx_mock
from support.proxies import proxy_thread
from support.receivers import Receiver


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual") as running:
        yield running


def found(
    url: str, folder: Path, env: Mapping[str, str] | None = None, *, token: str | None = None
) -> dict[str, Result]:
    return {each.name: each for each in examine(Environment(url, token, env or {}, folder))}


def test_all_is_well_with_a_running_server(mock: MockServer) -> None:
    code, out, err = ltx_mock("doctor", "--url", mock.url)
    assert (code, err) == (0, "no trouble found\n")
    assert f"answers at {mock.url}, clock manual (stopped: ltx-mock clock advance 60)" in out
    assert "!!" not in out


def test_troubles_are_findings_with_advice_also_as_json() -> None:
    with Receiver() as gone:
        pass
    args, env = ("doctor", "--url", gone.root), {"http_proxy": "http://proxy:3128", "LTX_MOCK_PROT": "1"}
    code, out, err = ltx_mock(*args, env=env)
    assert (code, err) == (1, "3 troubles found\n")
    assert out.count("→ ") == 3
    code, out, _ = ltx_mock(*args, "--json", env=env)
    checks = {each["name"]: each for each in json.loads(out)["checks"]}
    assert code == 1
    assert [name for name, each in checks.items() if not each["ok"]] == ["variable", "server", "proxy"]
    assert checks["variable"]["text"] == "LTX_MOCK_PROT is not a setting (did you mean 'LTX_MOCK_PORT'?)"
    assert checks["server"]["advice"] == "start it with: ltx-mock serve; or give its address with --url"


def test_nobody_is_a_trouble_with_advice_also_at_the_usual_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver() as gone:
        pass
    url = next(each for each in module.doctor.params if each.name == "url")
    monkeypatch.setattr(url, "default", gone.root)
    monkeypatch.delenv("LTX_MOCK_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(module.doctor)
    assert told.exit_code == 1
    assert f"nothing answers at {gone.root}" in told.output
    assert "→ start it with: ltx-mock serve; or give its address with --url" in told.output


def test_a_proxy_is_told_since_it_costs_money(tmp_path: Path) -> None:
    with proxy_thread("http://127.0.0.1:9") as url:
        told = found(url, tmp_path)["server"]
    assert told.text.endswith(f"answers at {url}, a proxy to 127.0.0.1:9: each new task costs money")


def test_another_program_is_told_from_ours(tmp_path: Path) -> None:
    with HttpReceiver(lambda _: Response(200, {}, b"hello")) as other:
        told = found(f"http://127.0.0.1:{other.port}", tmp_path)["server"]
    assert "is not an ltx-mock" in told.text
    assert told.advice == "give the fake's address with --url, or serve on another port: --port 0"


def test_another_version_and_a_missing_token(mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with MockServer(admin_token="secret") as closed:
        told = found(closed.url, tmp_path)["server"]
        assert (told.text, told.advice) == (
            f"{closed.url} wants an admin token",
            "give it with --admin-token or LTX_MOCK_ADMIN_TOKEN",
        )
        assert found(closed.url, tmp_path, token="secret")["server"].advice is None
    monkeypatch.setattr(module, "VERSION", "9.9.9")
    assert "this command is 9.9.9" in str(found(mock.url, tmp_path)["server"].advice)


def test_a_config_file_that_cannot_be_read_is_a_trouble(mock: MockServer, tmp_path: Path) -> None:
    assert found(mock.url, tmp_path)["config file"].text == "none in this folder"
    (tmp_path / "ltx-mock.toml").write_text("port = 1\n")
    assert found(mock.url, tmp_path)["config file"].text.endswith("ltx-mock.toml: port")
    (tmp_path / "ltx-mock.toml").write_text("prot = 1\n")
    told = found(mock.url, tmp_path)["config file"]
    assert told.text.startswith("unknown key 'prot' in ltx-mock.toml (did you mean 'port'?)")
    assert told.advice


@pytest.mark.parametrize(
    ("env", "trouble"),
    [
        ({}, False),
        ({"http_proxy": "http://p:1"}, True),
        ({"ALL_PROXY": "http://p:1"}, True),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "localhost, 127.0.0.1"}, False),
        ({"http_proxy": "http://p:1", "no_proxy": "*"}, False),
        ({"http_proxy": "http://p:1", "no_proxy": "example.com"}, True),
    ],
)
def test_a_proxy_that_would_get_the_requests(
    mock: MockServer, tmp_path: Path, env: dict[str, str], trouble: bool
) -> None:
    told = found(mock.url, tmp_path, env)["proxy"]
    assert told.advice == ("export NO_PROXY=localhost,127.0.0.1,::1" if trouble else None)


@pytest.mark.parametrize(
    ("value", "trouble"), [("{url}/api/v1", False), ("https://api.apixo.ai/api/v1", True), ("a b", True)]
)
def test_a_client_that_calls_somebody_else(mock: MockServer, tmp_path: Path, value: str, trouble: bool) -> None:
    told = found(mock.url, tmp_path, {"APIXO_BASE_URL": value.format(url=mock.url)})["APIXO_BASE_URL"]
    assert told.advice == (f"export APIXO_BASE_URL={mock.url}/api/v1" if trouble else None)


@pytest.mark.parametrize(
    ("addresses", "other", "text"),
    [
        (["127.0.0.1"], False, "it is 127.0.0.1"),
        (["::1", "127.0.0.1"], False, "it is ::1, 127.0.0.1"),
        (["::1", "127.0.0.1"], True, "another program listens on port"),
        (["::1"], False, "it is ::1 only, and the fake listens on 127.0.0.1"),
        ([], False, "it has no address (Name or service not known)"),
    ],
)
def test_the_families_of_localhost(
    mock: MockServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    addresses: list[str],
    other: bool,
    text: str,
) -> None:
    def getaddrinfo(_host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        if not addresses:
            raise socket.gaierror(-2, "Name or service not known")
        return [(0, 0, 0, "", (address, port)) for address in addresses]

    with monkeypatch.context() as patched:
        patched.setattr(module, "_another_program", lambda _: other)
        patched.setattr(socket, "getaddrinfo", getaddrinfo)
        told = list(module._localhost(Environment(mock.url, None, {}, tmp_path)))
    assert len(told) == 1
    assert text in told[0].text
    trouble = other or "127.0.0.1" not in addresses
    assert told[0].advice == ("use 127.0.0.1 instead of localhost in the client's base URL" if trouble else None)
