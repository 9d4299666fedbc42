"""The two requests that the benchmarks send, as small and as large as they usually are."""

from __future__ import annotations

import json
from typing import Any

GENERATE = "/api/v1/generateTask/ltx-2-19b"
STATUS = "/api/v1/statusTask/ltx-2-19b?taskId="
PROMPT = "a futuristic city with flying cars at sunset"
MODELS = "https://huggingface.co/username"
BODY = json.dumps(
    {
        "request_type": "async",
        "input": {
            "mode": "text-to-video",
            "prompt": PROMPT,
            "resolution": "1080p",
            "duration": 10,
            "aspect_ratio": "16:9",
            "seed": 54248617,
        },
    }
).encode()
"""A small request: text to video, no URLs."""

LARGE: dict[str, Any] = {
    "request_type": "async",
    "provider": "official",
    "input": {
        "mode": "image-to-video-LoRA",
        "prompt": f"{PROMPT}, the camera follows a red car between the towers, then rises above the clouds; "
        "warm light, long shadows, reflections on wet streets, slow pan, film grain, shallow depth of field, "
        "dramatic and calm, no people in the foreground, clean horizon, rain that ends at dawn",
        "resolution": "1080p",
        "duration": 10,
        "image_urls": ["https://cdn.example.com/uploads/2026/11/reference-frame-0001.jpg"],
        "loras": [
            {
                "path": f"{MODELS}/film-look/resolve/main/film.safetensors?download=true",
                "scale": 1.2,
            },
            {
                "path": f"{MODELS}/slow-pan/resolve/main/pan.safetensors?download=true",
                "scale": 0.8,
            },
        ],
        "seed": 54248617,
    },
}
LARGE_BODY = json.dumps(LARGE).encode()
"""The largest usual request, about 800 bytes: image to video with two LoRAs, three URLs."""

NUMBER = "@@@@@@@@"
"""In a body: eight digits that are others in each request."""
NEW_BODY = json.dumps(LARGE | {"input": LARGE["input"] | {"prompt": f"{NUMBER} {LARGE['input']['prompt']}"}}).encode()
"""The large request with a prompt that no other request has, so nothing can be known of it from an earlier one."""

OPEN = ("--rate-limit", "999999999/minute", "--max-concurrent", "999999999")
"""Options of `ltx-mock serve`: limits that no load reaches, which are counted all the same."""
