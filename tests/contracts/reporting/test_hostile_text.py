"""A marked secret and hostile text, put into every place anything comes from, are in no place anything goes to."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from ltx_mock import MockServer
from ltx_mock.cli import cli
from ltx_mock.cli.console import Console, Readable, json_lines
from ltx_mock.testing.pytest_report import findings, history
from ltx_mock_contracts.io.json_text import write_json
from ltx_mock_contracts.reporting import github_annotations, sarif, step_summary, without_keys
from ltx_mock_contracts.reporting.redaction import Redactor, hide_url_secrets
from ltx_mock_contracts.reporting.text import fitting, printable
from ltx_mock_contracts.trace import check_trace, parse_trace
from support.bodies import GENERATE, STATUS, TEXT, request_body
from support.counting import calls_of
from support.receivers import Receiver

KEY = "sk-MARKED/secret+key"
TOKEN = "MARKED-admin-token"
PASSWORD = "MARKED-password"
PARAMETER = "MARKED-parameter"
ESCAPED = "".join(f"%{byte:02x}" for byte in KEY.encode())
IN_JSON = "".join(f"\\u{ord(letter):04x}" for letter in KEY)
HOSTILE = "\x1b[2J\x9b31m\u202eevil\u2066\r\n::error::owned\n##[error]owned\x07\u2028"
COMMANDS = ("::error", "##[error")


def places(url: str) -> Iterator[tuple[str, dict[str, str], bytes]]:
    """Give target, headers and body of requests with a secret or hostile text in each place."""
    auth = {"authorization": f"Bearer {KEY}"}
    for secret in (KEY, quote(KEY, safe=""), ESCAPED, TOKEN):
        yield f"{STATUS}?taskId={secret}&{secret}=1&token={PARAMETER}", auth, b""
        yield f"/{secret}/nowhere?api_key={PARAMETER}", auth, b""
    for secret in (KEY, TOKEN, HOSTILE):
        body = request_body(prompt=f"a {secret}", **{secret: secret})
        yield GENERATE, auth, json.dumps(body | {secret: secret}).encode()
        yield GENERATE, auth, json.dumps(request_body(mode=secret, duration=secret)).encode()
        yield GENERATE, auth, f"no JSON {secret}".encode()
    yield GENERATE, auth, json.dumps(request_body(prompt="§")).replace("§", IN_JSON).encode()
    yield GENERATE, auth, f'{{"no JSON": "{IN_JSON}'.encode()
    called = url.replace("://", f"://user:{PASSWORD}@") + f"?token={PARAMETER}&X-Amz-Signature={PARAMETER}"
    callback = {"request_type": "callback", "callback_url": called}
    yield GENERATE, auth, json.dumps(request_body(TEXT) | callback).encode()
    yield GENERATE, {"authorization": f"Basic {KEY}"}, b"{}"
    yield GENERATE, {"authorization": KEY}, b"{}"
    yield GENERATE, auth | {"x-mock-scenario": KEY, "content-type": "application/json", "cookie": KEY}, b"{}"


@contextmanager
def asked() -> Iterator[tuple[MockServer, str]]:
    """A server of which all that is in `places` was asked, and what its consoles have printed."""
    with MockServer(clock="manual", api_key=KEY, admin_token=TOKEN) as mock, Receiver() as receiver:
        printed = io.StringIO()
        consoles = [Console(printed, form) for form in (json_lines, Readable(colour=False))]
        for console in consoles:
            mock._server_thread.engine.observers.add(console)
        with httpx.Client(base_url=mock.url, trust_env=False, verify=False) as client:
            for target, headers, body in places(receiver.url):
                client.request("POST" if body else "GET", target, headers=headers, content=body)
        mock.clock.advance(200)
        for console in consoles:
            mock._server_thread.engine.observers.remove(console)
            console.close()
        yield mock, printed.getvalue()


PATHS = ("tenants", "tasks", "requests", "callbacks", "scenarios", "settings", "metrics", "clock", "events?wait=0")
EXPORTS = ("requests?format=ndjson", "requests?format=har", "requests?limit=9999")
RUN = (
    ["tasks"],
    ["requests", "--limit", "999"],
    ["requests", "--json"],
    ["callbacks"],
    ["requests", "--format", "har"],
)


def test_no_secret_and_nothing_hostile_goes_out_anywhere() -> None:
    outputs: dict[str, str] = {}
    with asked() as (mock, printed):
        outputs["console"] = printed
        with httpx.Client(headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False, verify=False) as client:
            for path in (*PATHS, *EXPORTS, *(f"tasks/{task.id}" for task in mock.tasks)):
                answer = client.get(f"{mock.url}/__admin/{path}")
                assert answer.status_code == 200, path
                outputs[path] = answer.text
        for command in (*RUN, *(["tasks", task.id] for task in mock.tasks)):
            ran = CliRunner().invoke(cli, [*command, "--url", mock.url, "--admin-token", TOKEN])
            assert ran.exit_code == 0, ran.exception
            outputs[" ".join(command)] = ran.output
        outputs["pytest story"], outputs["pytest findings"] = history(mock), findings(mock.requests)
        for form in EXPORTS:
            report = check_trace(parse_trace(outputs[form]))
            outputs[f"annotations of {form}"] = github_annotations(report)
            outputs[f"summary of {form}"] = step_summary(report)
            outputs[f"SARIF of {form}"] = json.dumps(sarif(report, version="1"))
    for name, text in outputs.items():
        assert "MARKED" not in text, name
        assert all(line.isprintable() for line in text.splitlines() if "<" not in line), name
        if name != "metrics" and not name.startswith("annotations"):
            assert not any(line.lstrip().startswith(COMMANDS) for line in text.splitlines()), name


def test_a_curl_line_of_a_body_that_is_no_json_is_one_harmless_line() -> None:
    with MockServer(clock="manual") as mock:
        with mock.client() as client:
            client.post(GENERATE, content=f"no JSON\n{HOSTILE}".encode())
        told = history(mock)
    again = told.partition("again, once `ltx-mock serve` runs:\n")[2]
    assert len(again.splitlines()) == 1
    assert again.startswith("printf 'no JSON\\012\\033[2J")
    assert not any(line.startswith("::") for line in told.splitlines())


@pytest.mark.parametrize(
    "text",
    [KEY, quote(KEY, safe=""), quote(KEY), ESCAPED, ESCAPED.upper(), IN_JSON, KEY.replace("/", "\\/"), f"x{KEY}y"],
)
def test_a_secret_is_found_however_it_is_escaped(text: str) -> None:
    for redactor in (Redactor({KEY: "…"}), Redactor({KEY: "…", "another-key": "…"})):
        assert redactor.text(f"<{text}>") in {"<…>", "<x…y>"}


def test_a_redactor_costs_little_until_something_is_escaped() -> None:
    redactors = [Redactor({f"sk-{number:060}": "…"}) for number in range(3)]
    assert calls_of(lambda: [redactor.text("nothing is escaped here") for redactor in redactors]) < 100
    assert calls_of(lambda: Redactor({f"sk-{'x' * 60}": "…"})) < 100


@pytest.mark.parametrize(
    "secret", [KEY, "it's-secret", 'two-"quotes"', "both-'\"", "back\\slash", "a+plus", "key\xa0\xade\xff"]
)
@pytest.mark.parametrize("around", ["", "'", '"', "\n", "é"])
def test_a_secret_is_found_in_any_part_of_a_value(secret: str, around: str) -> None:
    redactor, text = Redactor({secret: "…"}), around + secret + around
    found = redactor.value({"a": [1, {"b": text}], text: None})
    assert found == {"a": [1, {"b": redactor.text(text)}], redactor.text(text): None}
    assert found["a"][1]["b"] == f"{around}…{around}"  # type: ignore[index]
    assert redactor.json({"a": [1, {"b": text}], text: None}) == write_json(found)


def test_a_value_without_secrets_is_not_walked_through() -> None:
    redactor = Redactor({f"sk-{number:060}": "…" for number in range(3)})
    value = {"requests": [{"body": {"input": {"prompt": "a 'city'", "url": "http://a.test/?taskId=7"}}}] * 1000}
    assert redactor.value(value) == value
    assert calls_of(lambda: redactor.value(value)) < 100
    assert redactor.json(value) == write_json(value)
    assert calls_of(lambda: redactor.json(value)) < 100


PARTS = st.lists(
    st.sampled_from(
        [KEY, 'sk-"é\ud800', '"', "\\", "\ufffd", "%22", "?token=", "&amp;key=", "https://u:p@a.test/", "a b"]
    )
    | st.text(max_size=3)
).map("".join)
VALUES = st.recursive(PARTS | st.integers() | st.none(), lambda each: st.lists(each) | st.dictionaries(PARTS, each))


@given(VALUES)
@example([f'{KEY}\\"'])
def test_json_has_no_more_secrets_than_the_value(value: object) -> None:
    redactor = Redactor({KEY: "…", 'sk-"é\ud800': "…"})
    assert redactor.json(value) == write_json(redactor.value(value))


URLS = st.lists(
    st.sampled_from([*"?&;#=/@:.-_<\"'", "&amp;", "https://a.test", "token", "api_key", "sig", "taskId", "s3", "u:p"])
).map("".join)


@given(URLS)
@example("https://a.test/?token=s3")
@example("https://a.test/?token=s")
@example("https://u:p@a.test/")
def test_what_a_url_hides_is_hidden_in_json_and_in_values(text: str) -> None:
    redactor = Redactor({})
    assert redactor.value([text]) == [hide_url_secrets(text)]
    assert json.loads(redactor.json([text])) == [hide_url_secrets(text)]


def test_a_secret_is_found_among_very_many() -> None:
    redactor = Redactor({KEY: "…key"} | {f"sk-MARKED-{number}": f"…{number}" for number in range(1000)})
    assert redactor.value({f"a {KEY}": [f"{quote(KEY, safe='')} sk-MARKED-77x", 1]}) == {"a …key": ["…key …77x", 1]}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:word@host/x", "http://…@host/x"),
        ('{"u": "https:\\/\\/user@host"}', '{"u": "https:\\/\\/…@host"}'),
        ("/x?token=abc&taskId=1#y", "/x?token=…&taskId=1#y"),
        (
            "?X-Amz-Signature=a&X-Amz-Credential=b&access_token=c",
            "?X-Amz-Signature=…&X-Amz-Credential=…&access_token=…",
        ),
        ("?key=a&apikey=b&api_key=c&password=d", "?key=…&apikey=…&api_key=…&password=…"),
        (
            "?pass=a&passphrase=b&bearer=c&private_key=d&accessKey=e",
            "?pass=…&passphrase=…&bearer=…&private_key=…&accessKey=…",
        ),
        ("http://host/back#access_token=a&state=b", "http://host/back#access_token=…&state=b"),
        ("?monkey=a&design=b&tokens_of_love=c&bypass=d", "?monkey=a&design=b&tokens_of_love=c&bypass=d"),
        ("write to me@example.com, a = b", "write to me@example.com, a = b"),
        ("http://host/@me?a=b@c", "http://host/@me?a=b@c"),
    ],
)
def test_what_is_secret_in_a_url_by_its_place_is_hidden(text: str, shown: str) -> None:
    assert hide_url_secrets(text) == shown


def test_keys_are_taken_out_of_a_report_in_every_spelling() -> None:
    body = json.dumps(request_body(prompt=f"{KEY} {ESCAPED}", duration=99))
    entry = {"at": 1, "method": "POST", "target": "/generateTask/ltx-2-19b", "status": 200}
    entry |= {"request": json.loads(body), "answer": {"code": 200, "message": "success", "data": {"taskId": "t"}}}
    report = without_keys(check_trace(parse_trace(json.dumps([entry]))), [KEY])
    assert "MARKED" not in str(report)
    assert "$API_KEY $API_KEY" in str(report)


# ---- code pages


def test_our_own_signs_stay_readable_in_ascii() -> None:
    assert fitting("…key → success × 3 – é 海\u200b", "ascii") == "...key -> success x 3 - e \\u6d77\\u200b"
    assert fitting("é → 海", "cp1252") == "é -> \\u6d77"
    assert fitting("海", "gbk") == "海"
    assert fitting("→", "no-such-encoding") == "->"
    assert printable("a\x1bb", limit=2) == "a�"


@pytest.mark.sample
@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "gbk"])
def test_no_command_fails_for_what_a_code_page_lacks(encoding: str) -> None:
    environment = os.environ | {"PYTHONUTF8": "0", "PYTHONIOENCODING": encoding}

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "ltx_mock", *arguments]
        ran = subprocess.run(command, capture_output=True, env=environment, check=False)
        assert ran.returncode in {0, 1}, ran.stderr
        assert b"Traceback" not in ran.stderr
        ran.stderr.decode(encoding)
        return ran.stdout.decode(encoding)

    with MockServer(clock="manual") as mock:
        with mock.client() as client:
            client.post(GENERATE, json=request_body(prompt="海上日出 🌊 é → …"))
        listed = json.loads(run("requests", "--json", "--url", mock.url))
        assert listed["requests"][0]["request"]["input"]["prompt"] == "海上日出 🌊 é → …"
        exported = run("requests", "--format", "ndjson", "--url", mock.url)
        assert json.loads(exported)["request"]["input"]["prompt"] == "海上日出 🌊 é → …"
        assert mock.tasks[0].id in run("tasks", mock.tasks[0].id, "--url", mock.url)
    assert "GEN-1" in run("rules")
    assert json.loads(run("openapi"))["openapi"].startswith("3.1")


def test_an_argument_that_the_locale_cannot_read_is_sent_as_it_is() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONIOENCODING"}
    environment |= {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    with MockServer(clock="manual") as mock:
        for arguments in (["tasks", "日本"], ["callbacks", "redeliver", "日本"], ["tasks", "--tenant", "日本"]):
            command = [sys.executable, "-m", "ltx_mock", *arguments, "--url", mock.url]
            ran = subprocess.run(command, capture_output=True, env=environment, check=False)
            assert ran.returncode == 2
            assert ran.stderr.startswith(b"ltx-mock: no "), ran.stderr
