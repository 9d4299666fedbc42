"""Export a report as SARIF, as GitHub annotations or as a GitHub step summary.

```python
from ltx_mock_contracts import check_trace, read_trace
from ltx_mock_contracts.reporting import github_annotations, sarif, step_summary

report = check_trace(read_trace("recording.har"))
print(github_annotations(report), end="")
```

`sarif_log`, `github`, `junit` and `summary` have one format each; `facts` has the content that they share, `baseline`
reduces a report to what has changed since another. Text from a
server is not trusted: `text` makes it printable, each format escapes it, and `redaction` removes keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltx_mock_contracts.lazy import lazy_names

if TYPE_CHECKING:
    from ltx_mock_contracts.reporting.baseline import changes_since, read_report
    from ltx_mock_contracts.reporting.github import disarmed, escape_workflow_commands, github_annotations
    from ltx_mock_contracts.reporting.redaction import without_keys
    from ltx_mock_contracts.reporting.sarif_log import sarif
    from ltx_mock_contracts.reporting.summary import step_summary
    from ltx_mock_contracts.reporting.text import printable

__all__ = [
    "changes_since",
    "disarmed",
    "escape_workflow_commands",
    "github_annotations",
    "printable",
    "read_report",
    "sarif",
    "step_summary",
    "without_keys",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        ".baseline": ["changes_since", "read_report"],
        ".github": ["disarmed", "escape_workflow_commands", "github_annotations"],
        ".redaction": ["without_keys"],
        ".sarif_log": ["sarif"],
        ".summary": ["step_summary"],
        ".text": ["printable"],
    },
)
