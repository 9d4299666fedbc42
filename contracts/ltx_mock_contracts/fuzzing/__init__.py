"""Test a client's parser with generated responses, and generate test cases for other languages.

`fuzz_responses` tests a Python function; a corpus (`ltx-mock fuzz`) is for other languages. Both need Hypothesis, which
is slow to import.
"""

from __future__ import annotations

from ltx_mock_contracts.fuzzing.corpus import KINDS, Corpus, corpus
from ltx_mock_contracts.fuzzing.responses import ANSWERS, Answer, Means
from ltx_mock_contracts.fuzzing.runner import ParsingFailure, fuzz_responses

__all__ = ["ANSWERS", "KINDS", "Answer", "Corpus", "Means", "ParsingFailure", "corpus", "fuzz_responses"]
