"""Why a task may fail: the codes of TASK-7, as the documents list them."""

from __future__ import annotations

from typing import Final

__all__ = ["FAIL_CODES", "SPEC_FAIL_CODES", "VENDOR_FAIL_CODES"]

SPEC_FAIL_CODES: Final = ("CONTENT_VIOLATION", "INVALID_IMAGE_URL", "INVALID_LORA_URL")
"""The codes of this model, from its own page."""

VENDOR_FAIL_CODES: Final = (
    "NSFW_DETECTED",
    "PROMPT_TOO_LONG",
    "INVALID_PROMPT",
    "IMAGE_TOO_LARGE",
    "UNSUPPORTED_FORMAT",
    "IMAGE_DOWNLOAD_FAILED",
    "PROCESSING_TIMEOUT",
    "MODEL_UNAVAILABLE",
    "GENERATION_FAILED",
    "INSUFFICIENT_CREDITS",
)
"""The codes that the vendor's page on errors lists besides, for the whole API."""

FAIL_CODES: Final = SPEC_FAIL_CODES + VENDOR_FAIL_CODES
"""Every documented code. A server may use others, which are observed and never broken."""
