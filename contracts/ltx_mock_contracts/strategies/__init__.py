"""Hypothesis strategies for requests (valid and invalid), responses, drifted responses, and histories of tasks.

```python
from hypothesis import given
from ltx_mock_contracts import strategies

@given(strategies.invalid_requests(rule="GEN-10"))
def test_my_server_wants_5_to_20_seconds(invalid):
    assert post(invalid.body).status_code == invalid.status
```

Tests may modify the generated values. Examples shrink to small, readable ones; edges (5 and 20 seconds, 1 and 5000
characters, astral characters, seeds at both ends, three LoRAs, unusual URLs) are frequent. All hosts are reserved
names.
"""

from __future__ import annotations

import ltx_mock_contracts.needs_hypothesis  # noqa: F401
from ltx_mock_contracts.strategies._bytes import DIALECT_FAMILIES, MALFORMED_FAMILIES, MalformedBytes, malformed_bodies
from ltx_mock_contracts.strategies._drift import DRIFTS, DriftedEnvelope, drifted
from ltx_mock_contracts.strategies._histories import Observation, task_stories
from ltx_mock_contracts.strategies._invalid import INVALID_FAMILIES, InvalidRequest, invalid_requests
from ltx_mock_contracts.strategies._requests import (
    ADVISORY_FAMILIES,
    AdvisedRequest,
    Body,
    advisory_requests,
    minimal_requests,
    valid_requests,
)
from ltx_mock_contracts.strategies._responses import Envelope, callbacks, error_envelopes, status_envelopes

__all__ = [
    "ADVISORY_FAMILIES",
    "DIALECT_FAMILIES",
    "DRIFTS",
    "INVALID_FAMILIES",
    "MALFORMED_FAMILIES",
    "AdvisedRequest",
    "Body",
    "DriftedEnvelope",
    "Envelope",
    "InvalidRequest",
    "MalformedBytes",
    "Observation",
    "advisory_requests",
    "callbacks",
    "drifted",
    "error_envelopes",
    "invalid_requests",
    "malformed_bodies",
    "minimal_requests",
    "status_envelopes",
    "task_stories",
    "valid_requests",
]
