"""The URL of a server is taken as people write it, and only if there can be such a server."""

from __future__ import annotations

import pytest

from ltx_mock_contracts.io.server_url import server_root, server_url


@pytest.mark.parametrize(
    ("text", "url", "root"),
    [
        ("127.0.0.1:8219", "http://127.0.0.1:8219", "http://127.0.0.1:8219"),
        (" //h.example/ ", "http://h.example/", "http://h.example"),
        ("https://h.example/api/v1/", "https://h.example/api/v1/", "https://h.example"),
        ("http://[::1]:80/x", "http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://漢.example", "http://漢.example", "http://漢.example"),
    ],
)
def test_a_server_is_named_with_or_without_a_scheme(text: str, url: str, root: str) -> None:
    assert (server_url(text), server_root(text)) == (url, root)


@pytest.mark.parametrize(
    "text",
    [
        *("", "http://", "ftp://h", "http://h:0", "http://h:x", "http://[::1"),
        *(
            "http://a b",
            "http://a\tb",
            "http://a\nb",
            "http://a\x1b[2J",
            "http://a\u202eb",
            "http://\udcff",
            "http://a\0",
        ),
    ],
)
def test_what_can_be_no_server_is_refused_in_one_printable_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be the http or https URL of a server, such as ") as refused:
        server_url(text)
    assert str(refused.value).isprintable()
