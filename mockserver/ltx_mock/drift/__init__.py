"""What a real service does otherwise than the documents and the fake, from recordings of it.

`exchanges` makes exchanges of recordings, `profile` reduces them to kinds (fields, states, codes, messages), `lives`
and `times` judge times as distributions, `fake` asks the fake the same, `changes` compares profiles, and `compare` says
who moved. `learn` makes timings.
"""

from __future__ import annotations

from ltx_mock.drift.compare import drift_between, drift_of
from ltx_mock.drift.learn import learn_timings, left_out

__all__ = ["drift_between", "drift_of", "learn_timings", "left_out"]
