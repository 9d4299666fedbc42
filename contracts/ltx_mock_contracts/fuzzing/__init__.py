"""Answers to throw at a client, and cases for tests in any language.

`fuzz_responses` throws them at a function in Python; a corpus (`ltx-mock fuzz`) is for all others. Both need
Hypothesis, which takes its time to import.
"""

from __future__ import annotations

from ltx_mock_contracts.fuzzing.corpus import KINDS, Corpus, corpus
from ltx_mock_contracts.fuzzing.responses import ANSWERS, Answer, Means
from ltx_mock_contracts.fuzzing.runner import ParsingFailure, fuzz_responses

__all__ = ["ANSWERS", "KINDS", "Answer", "Corpus", "Means", "ParsingFailure", "corpus", "fuzz_responses"]
