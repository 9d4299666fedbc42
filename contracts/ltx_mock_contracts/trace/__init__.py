"""Recordings of a server's exchanges, and checks of the rules against them.

```python
from ltx_mock_contracts import check_trace, read_trace

report = check_trace(read_trace("recording.har"))
for rule in report.broken:
    print(rule, report.of(rule).deviations[0].title)
```

`exchange` defines a trace; `ndjson`, `har` (with `har_entry` and `har_bodies`) and `load` read it. `check` judges it
with `responses` (each response alone), `requests` (whether requests were rightly accepted or refused), `histories` (the
exchanges of each task), `tasks` (the states and times of a task) and `callbacks`. `expected` has rules that only the
live checks and the task machine can judge. `missing` lists the gaps of a recording, `curl` prints a request.
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
