"""Failures that the request alone determines. The lists are small, since a fake must be predictable.

The documents define the codes (rule TASK-7) and the causes of this model's three (FAIL-1 to FAIL-3), which are the only
automatic ones. The words and host names that cause them are our choice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ltx_mock.core.cause import Cause
from ltx_mock.core.hosts import UNREACHABLE_DOMAIN, url_host
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.request import GenerateRequest

CONTENT_VIOLATION = MODEL.fail_code_of("prompt")
INVALID_IMAGE_URL = MODEL.fail_code_of("image_urls")
INVALID_LORA_URL = MODEL.fail_code_of("loras")

FORBIDDEN_WORDS = ("beheading", "gore", "nsfw", "nude", "porn")

_forbidden = re.compile(rf"\b(?:{'|'.join(FORBIDDEN_WORDS)})\b")


class Failure(NamedTuple):
    """A failure of a task: its code, a message, and its cause."""

    code: str
    message: str
    cause: Cause


def failure(code: str, cause: Cause, detail: str = "") -> Failure:
    """Make a failure with the API's message and a detail."""
    message = MODEL.fail_codes.get(code, MODEL.other_failure).message
    return Failure(code, f"{message}: {detail}" if detail else message, cause)


def predicted_failure(request: GenerateRequest) -> Failure | None:
    """Return the failure that the request causes, or None (FAIL-1, FAIL-2, FAIL-3)."""
    prompt = request.prompt.lower()
    if any(word in prompt for word in FORBIDDEN_WORDS) and (word := _forbidden.search(prompt)):
        return failure(CONTENT_VIOLATION, Cause("request", f"forbidden word {word[0]!r} in the prompt"))
    if not (request.image_urls or request.loras):
        return None
    for code, urls in assets(request):
        for url in urls:
            if url_host(url).is_nowhere:
                cause = Cause("request", f"host under .{UNREACHABLE_DOMAIN}")
                return failure(code, cause, f"the host of {url} cannot be found")
    return None


def assets(request: GenerateRequest) -> tuple[tuple[str, Sequence[str]], ...]:
    """Return the URLs that the real service would fetch, by the fail code of each."""
    return (INVALID_IMAGE_URL, request.image_urls), (INVALID_LORA_URL, [path for path, _ in request.loras])
