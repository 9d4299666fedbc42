"""Why a task fails, as far as the request alone tells. Small lists, on purpose: a fake must be predictable.

What the documents settle are the codes (rule TASK-7) and the causes of this model's three (FAIL-1 to FAIL-3), which
are the only ones that come by themselves. The words and host names that bring them about here are our choice.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ltx_mock.core.cause import Cause
from ltx_mock.core.hosts import host_of
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.request import GenerateRequest

CONTENT_VIOLATION = MODEL.fail_code_of("prompt")
INVALID_IMAGE_URL = MODEL.fail_code_of("image_urls")
INVALID_LORA_URL = MODEL.fail_code_of("loras")

FORBIDDEN_WORDS = ("beheading", "gore", "nsfw", "nude", "porn")
UNREACHABLE_DOMAIN = "invalid"  # RFC 2606: a name under .invalid never resolves

_forbidden = re.compile(rf"\b(?:{'|'.join(FORBIDDEN_WORDS)})\b")


class Failure(NamedTuple):
    """How a task fails: the code that the API gives, a sentence for people, and what brought it about here."""

    code: str
    message: str
    cause: Cause


def failure(code: str, cause: Cause, detail: str = "") -> Failure:
    """Make a failure with the API's own words, and the detail after them."""
    message = MODEL.fail_codes.get(code, MODEL.other_failure).message
    return Failure(code, f"{message}: {detail}" if detail else message, cause)


def predicted_failure(request: GenerateRequest) -> Failure | None:
    """Return the failure that the request itself asks for, or None (FAIL-1, FAIL-2, FAIL-3)."""
    prompt = request.prompt.lower()
    if any(word in prompt for word in FORBIDDEN_WORDS) and (word := _forbidden.search(prompt)):
        return failure(CONTENT_VIOLATION, Cause("request", f"forbidden word {word[0]!r} in the prompt"))
    if not (request.image_urls or request.loras):
        return None
    for code, urls in assets(request):
        for url in urls:
            if unreachable(url):
                cause = Cause("request", f"host under .{UNREACHABLE_DOMAIN}")
                return failure(code, cause, f"the host of {url} cannot be found")
    return None


def assets(request: GenerateRequest) -> list[tuple[str, tuple[str, ...]]]:
    """Return the URLs that the real service would fetch for this request, by the code with which they fail."""
    return [
        (INVALID_IMAGE_URL, request.image_urls if request.is_image else ()),
        (INVALID_LORA_URL, tuple(lora.path for lora in request.loras)),
    ]


def unreachable(url: str) -> bool:
    """Tell whether the URL's host name is one that never resolves."""
    host = host_of(url)
    return host == UNREACHABLE_DOMAIN or host.endswith(f".{UNREACHABLE_DOMAIN}")
