"""Recordings of a server's exchanges, and what they show of the rules it keeps.

```python
from ltx_mock_contracts import check_trace, read_trace

report = check_trace(read_trace("recording.har"))
for rule in report.broken:
    print(rule, report.of(rule).deviations[0].title)
```

`exchange` says what a trace is; `ndjson`, `har` (with `har_entry` and `har_bodies`) and `load` read it. `check` judges
it with the help of `responses` (each response by itself), `requests` (requests and what became of them), `histories`
(which exchanges are about which task), `tasks` (what was seen of one) and `callbacks`. `expected` judges what only the
live checks and the task machine know. `missing` says what a recording lacks, `curl` shows a request.
"""

from __future__ import annotations

from ltx_mock_contracts.trace.check import check_trace
from ltx_mock_contracts.trace.exchange import Exchange, Trace, TraceError
from ltx_mock_contracts.trace.har import read_har
from ltx_mock_contracts.trace.load import parse_trace, read_trace
from ltx_mock_contracts.trace.ndjson import read_ndjson, write_ndjson

__all__ = [
    "Exchange",
    "Trace",
    "TraceError",
    "check_trace",
    "parse_trace",
    "read_har",
    "read_ndjson",
    "read_trace",
    "write_ndjson",
]
