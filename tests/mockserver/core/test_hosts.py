"""What a host says about where it leads, and how often that is worked out."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock.core import hosts
from ltx_mock.engine.submissions import Submission
from support.bodies import IMAGE_LORA, request_body


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("app.localhost", True),
        ("127.1", True),
        ("0x7f.1", True),
        ("::1", True),
        ("[::ffff:127.0.0.1]", True),
        ("0.0.0.0", True),
        ("10.0.0.1", False),
        ("example.com", False),
        ("127.0.0.1.example.com", False),
        ("1" * 10_000, False),
    ],
)
def test_a_host_leads_here_in_whatever_notation(host: str, here: bool) -> None:
    assert hosts.is_this_machine(host) is here


@pytest.mark.parametrize(
    ("url", "without"),
    [
        ("http://127.0.0.1:8080/a?b#c", "http://127.0.0.1/a?b#c"),
        ("http://user:1@app.localhost:8080/a", "http://user:1@app.localhost/a"),
        ("http://[::1]:8080/a", "http://[::1]/a"),
        ("http://[::1]/a", "http://[::1]/a"),
        ("http://localhost/a:1", "http://localhost/a:1"),
        ("HTTP://example.com:8080/a#", "HTTP://example.com:8080/a#"),
        ("http://[nonsense", "http://[nonsense"),
    ],
)
def test_a_url_on_this_machine_loses_its_port_and_another_nothing(url: str, without: str) -> None:
    assert hosts.url_host(url).portless == without


@given(st.text("0123456789.abcdefx:[]", max_size=300))
def test_a_second_look_says_the_same_as_the_first(host: str) -> None:
    assert hosts.address_of(host) == hosts.address_of(host) == hosts._read_address(host)


def test_a_host_is_read_once_and_one_that_is_no_name_is_kept_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    known = ip_address

    def counted(host: str) -> Any:
        read.append(host)
        return known(host)

    monkeypatch.setattr(hosts, "ip_address", counted)
    hosts._address_of.cache_clear()
    for _ in range(3):
        hosts.is_this_machine("images.example.com")
    assert read == ["images.example.com"]
    hosts.is_this_machine("a" * 254)
    assert hosts._address_of.cache_info().currsize == 1


def test_a_url_is_parsed_once_for_all_that_a_request_needs_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def counted(url: str) -> Any:
        parsed.append(url)
        return urlsplit(url)

    monkeypatch.setattr(hosts, "urlsplit", counted)
    image, lora = (
        "https://parsed-once.example.com/image.png",
        "http://parsed-once.localhost:8080/lora.bin?download=true",
    )
    body = request_body(IMAGE_LORA, image_urls=[image], loras=[{"path": lora}], seed=1)
    assert Submission.of(json.dumps(body).encode()).local
    assert parsed == [image, lora]


def test_a_very_long_url_is_kept_nowhere() -> None:
    hosts._url_host.cache_clear()
    assert hosts.host_of("http://localhost/" + "a" * hosts.LONGEST_URL) == "localhost"
    assert hosts._url_host.cache_info().currsize == 0
