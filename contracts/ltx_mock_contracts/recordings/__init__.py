"""Recordings: the lives of tasks as the API told them, one JSON file each.

`model` defines a recording, with `body` for its bodies, and reads and writes its JSON. `folder` reads the files of a
folder, `writing` writes them. `redaction` replaces secrets by `placeholders`, with `fields` for what users name.
`lives` puts a recording together, one exchange after the other. `matching` finds the recordings of a request.
`from_trace` makes recordings of HAR and NDJSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltx_mock_contracts.lazy import lazy_names

if TYPE_CHECKING:
    from ltx_mock_contracts.recordings.body import Body
    from ltx_mock_contracts.recordings.folder import Recordings, read_recording, read_recordings
    from ltx_mock_contracts.recordings.matching import Difference, Matcher, Nearest
    from ltx_mock_contracts.recordings.model import (
        RecordedAnswer,
        RecordedCallback,
        RecordedEnd,
        RecordedRequest,
        RecordedResponse,
        RecordedResult,
        Recording,
        RecordingError,
        Redaction,
    )
    from ltx_mock_contracts.recordings.redaction import RecordingRedactor

__all__ = [
    "Body",
    "Difference",
    "Matcher",
    "Nearest",
    "RecordedAnswer",
    "RecordedCallback",
    "RecordedEnd",
    "RecordedRequest",
    "RecordedResponse",
    "RecordedResult",
    "Recording",
    "RecordingError",
    "RecordingRedactor",
    "Recordings",
    "Redaction",
    "read_recording",
    "read_recordings",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        ".body": ["Body"],
        ".folder": ["Recordings", "read_recording", "read_recordings"],
        ".matching": ["Difference", "Matcher", "Nearest"],
        ".model": [
            "RecordedAnswer",
            "RecordedCallback",
            "RecordedEnd",
            "RecordedRequest",
            "RecordedResponse",
            "RecordedResult",
            "Recording",
            "RecordingError",
            "Redaction",
        ],
        ".redaction": ["RecordingRedactor"],
    },
)
