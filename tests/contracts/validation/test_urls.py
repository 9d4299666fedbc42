"""What is an absolute http or https URL: for schemas, validation and the fake alike."""

from __future__ import annotations

from ipaddress import IPv6Address
from urllib.parse import quote, urlsplit

import httpx
import jsonschema_rs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import ltx_mock_schemas
from ltx_mock import Settings, SettingsError
from ltx_mock.asgi.messages import forwarded_url
from ltx_mock.testing.tenant import World
from ltx_mock_contracts import validate_request
from ltx_mock_contracts.validation.urls import is_http_url
from support.bodies import GENERATE, IMAGE, STATUS, TEXT, TEXT_LORA, ask, message_of, post, request_body, submit

DEFINITION = {"$ref": "#/$defs/httpUrl", "$defs": ltx_mock_schemas.schema("generate-request")["$defs"]}
JUDGES = (
    is_http_url,
    Draft202012Validator(DEFINITION).is_valid,
    jsonschema_rs.Draft202012Validator(DEFINITION).is_valid,
)
GOOD = [
    *("http://a", "HTTPS://a.b./c?d#e", "http://user:p%40ss@h:80?x", "http://h/[x]@:99999", "http://a_b-c:00080/"),
    *("http://[::1]:80/", "http://[::]:65535", "http://[1:2:3:4:5:6:7::]/", "http://[::ffff:1.2.3.4]", "http://a:"),
    *("http://127.1/", "http://2130706433/", "http://255.255.255.255", "http://1.2.3.256.example/"),
    *("http://例え.example", "http://xn--r8jz45g.example", f"http://{'a' * 63}.example", "http://a/１"),
]
BAD = [
    *("http://[40:EB04E0]:1#", "http://[::1", "http://::1/", "http://[1.2]/", "http://[@h/", "http://[:::]/"),
    *("http://[1:2:3:4:5:6:7:8:9]", "http://[::1::]", "http://[12345::]", "http://[::1]x/", "http://[::1.2.3.256]"),
    *("http://a:65536/", "http://a:99999/", "http://a:+80/", "http://a:x/"),
    *("http:///x", "http://:80/", "http://@/", "http://u@:1/", "http://?a", "http://#"),
    *("http://a b/", "http://a/ b", "http://a\n", "http://a/\x01", "http://a\u202e.example/", "http://a/\u3000"),
    *("http://a..b/", "http://.a/", f"http://{'a' * 64}.example/", "http://256.1.1.1/", "http://1.2.3.999:80"),
    *("http://\u2100.example/", "http://a\uff0fb/", "http://a%20b/", "http://a\\b/", 'http://a"b/', "http://a<b>/"),
    *("", "http:", "http:/a", "//a/", "ftp://a/", "httpss://a", "a.example"),
]
PIECES = [
    "[",
    "]",
    ":",
    "::",
    "a",
    "ff",
    "1",
    "1.2.3.4",
    "256",
    "65536",
    "@",
    "/",
    "?",
    "#",
    ".",
    "%",
    "例",
    "℀",
    "-",
    " ",
]
NEARLY = st.builds(
    str.__add__, st.sampled_from(["http://", "https://[", "http://1."]), st.lists(st.sampled_from(PIECES)).map("".join)
)


@pytest.mark.parametrize(("url", "good"), [(url, True) for url in GOOD] + [(url, False) for url in BAD])
def test_a_url_is_judged(url: str, good: bool) -> None:
    assert [judge(url) for judge in JUDGES] == [good] * 3


@given(NEARLY | st.text().map("http://".__add__))
@example("http://[@[::1]")
def test_every_validator_judges_alike_and_lets_through_what_can_be_parsed(url: str) -> None:
    assert len({judge(url) for judge in JUDGES}) == 1
    if is_http_url(url):
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port is None or parts.port >= 0
        if "[" in parts.netloc:
            IPv6Address(parts.hostname)


@pytest.mark.rule("GEN-4", "GEN-12", "GEN-14")
@pytest.mark.parametrize(
    "url", ["http://[40:EB04E0]:1#", "http://a:99999/", "http://a b/", "http:///a", "http://a\x00/"]
)
def test_a_request_with_such_a_url_is_refused_by_its_rule(url: str, client: httpx.Client) -> None:
    callback = request_body() | {"request_type": "callback", "callback_url": url}
    lora = request_body(TEXT_LORA, loras=[{"path": url, "scale": 1}])
    for body, rule, field in (
        (callback, "GEN-4", "callback_url"),
        (request_body(IMAGE, image_urls=[url]), "GEN-12", "input.image_urls[0]"),
        (lora, "GEN-14", "input.loras[0].path"),
    ):
        [finding] = [each for each in validate_request(body) if each.severity == "violation"]
        assert (finding.rule, finding.message.startswith(f"{field} must be")) == (rule, True)
        assert field in message_of(post(client, body), 400)


@pytest.mark.parametrize("name", ["public_url", "callback_rewrite"])
def test_a_setting_is_judged_alike(name: str) -> None:
    url = "http://a:99999"
    with pytest.raises(SettingsError, match="must be an absolute http or https URL"):
        Settings.from_mapping({name: {url: "http://b"} if name == "callback_rewrite" else url})


# ---- the URL of a result


def result_root(world: World, **headers: str) -> str:
    with world.client(verify=False, headers=headers) as client:
        task = submit(client)
        world.clock.advance(200)
        return str(ask(client, task)["resultJson"]).partition("/files/")[0].rpartition('"')[2]


@pytest.mark.rule("TASK-4")
@pytest.mark.parametrize(
    ("proto", "scheme"),
    [("https", "https"), ("http", "http")]
    + [(odd, "http") for odd in ("ws", "wss", "gopher", "", "HTTPS", "https, http", "javascript:", "https://")],
)
def test_a_proxy_may_say_only_http_or_https(proto: str, scheme: str, world: World) -> None:
    assert result_root(world, **{"x-forwarded-proto": proto, "host": "mock.example"}) == f"{scheme}://mock.example"


@pytest.mark.parametrize(
    "host",
    [
        "",
        "a b",
        "a:99999",
        "a:0",
        "[::1]:0",
        "a:080",
        "[::1",
        "[40:EB04E0]",
        "a/b",
        "a@b",
        "a..b",
        "256.1.1.1",
        "x" * 300,
        "ws://a",
    ],
)
def test_a_host_that_cannot_be_parsed_stands_in_no_result(host: str, world: World) -> None:
    own = world.url.removesuffix("/api/v1")
    assert result_root(world, host=host) == own
    assert result_root(world, **{"x-forwarded-host": host}) == own


@pytest.mark.rule("TASK-4")
def test_a_result_is_where_the_client_called_a_proxy(world: World) -> None:
    forwarded = {"x-forwarded-host": "localhost:5173", "x-forwarded-proto": "https", "x-forwarded-prefix": "/ltx/"}
    assert result_root(world, **forwarded) == "https://localhost:5173/ltx"
    assert result_root(world, **{"x-forwarded-host": "dev.example, 10.0.0.1"}) == "http://dev.example"
    own = world.url.removesuffix("/api/v1")
    assert result_root(world, **{"x-forwarded-port": "1", "x-forwarded-prefix": "/ltx"}) == own


@pytest.mark.rule("TASK-4")
@pytest.mark.parametrize(
    "odd",
    [{"prefix": prefix} for prefix in ("/../../__admin", "/ltx/..", "/./ltx", "/ltx/./x", "/ltx//x", "ltx")]
    + [{"port": port} for port in ("0", "00", "080", "65536", "-1", "x")],
)
def test_an_odd_prefix_or_port_of_a_proxy_is_not_used(odd: dict[str, str]) -> None:
    headers = {b"x-forwarded-" + name.encode(): value.encode() for name, value in odd.items()}
    scope = {"scheme": "http", "headers": [(b"host", b"mock"), (b"x-forwarded-host", b"dev.example"), *headers.items()]}
    assert forwarded_url(scope) == "http://dev.example"


@pytest.mark.parametrize("prefix", ["/ltx", "/.ltx/..x", "/v1.0/~me"])
def test_a_usual_prefix_is_used(prefix: str) -> None:
    scope = {"scheme": "http", "headers": [(b"host", b"mock"), (b"x-forwarded-prefix", prefix.encode())]}
    assert forwarded_url(scope) == f"http://mock{prefix}"


# ---- paths


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("after", ["\n", "\r", "\r\n", " ", "\x00", "\u2028", "\n\n"])
def test_a_path_with_something_after_it_is_no_endpoint(
    method: str, after: str, world: World, client: httpx.Client
) -> None:
    root = world.url.removesuffix("/api/v1")
    task = submit(client)
    paths = [f"/api/v1{GENERATE}", GENERATE, STATUS, f"/files/results/{task}.mp4", "/files/images/reference.jpg"]
    for path in [*paths, "/__admin", "/__admin/health", "/__admin/tasks", f"/__admin/tasks/{task}"]:
        answer = client.request(method, root + path + quote(after), json={"input": TEXT}, params={"taskId": task})
        assert answer.status_code in {404, 405}, path  # files know the method first
    assert len(world.tasks) == 1
