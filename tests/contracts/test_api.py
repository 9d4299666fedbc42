"""What is read of an envelope: its data and the URLs of a result, or nothing where they cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from ltx_mock_contracts.api import data_of, result_urls


@pytest.mark.parametrize("body", [None, "text", [], 5, {}, {"data": None}, {"data": []}, {"data": "x"}])
def test_what_is_no_envelope_has_no_data(body: Any) -> None:
    assert data_of(body) == {}


def test_the_data_of_an_envelope_is_its_object() -> None:
    assert data_of({"code": 200, "data": {"taskId": "task_1"}}) == {"taskId": "task_1"}


@pytest.mark.parametrize(
    ("result", "urls"),
    [
        ('{"resultUrls": ["https://h/a", "https://h/b"], "cover": null}', ("https://h/a", "https://h/b")),
        ('{"resultUrls": ["https://h/a.mp4", 5, null]}', ("https://h/a.mp4",)),
        ('{"resultUrls": "https://h/a.mp4"}', ()),
        ('{"resultUrls": {"https://h/a.mp4": 1}}', ()),
        ('{"resultUrls": null}', ()),
        ("{}", ()),
        ("[]", ()),
        ("", ()),
        ("[" * 200_000, ()),
        (None, ()),
        ({"resultUrls": ["https://h/a.mp4"]}, ()),
    ],
)
def test_the_urls_of_a_result_are_read_or_there_are_none(result: Any, urls: tuple[str, ...]) -> None:
    assert result_urls({"resultJson": result}) == urls


def test_a_task_without_a_result_has_no_urls() -> None:
    assert result_urls({}) == ()
