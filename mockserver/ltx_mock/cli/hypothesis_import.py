"""Import Hypothesis for a command."""

from __future__ import annotations

import os

VARIABLE = "HYPOTHESIS_NO_PLUGINS"


def import_hypothesis() -> None:
    """Import Hypothesis without the plugins of other packages, as a command uses none.

    That of trio imports pytest, which takes as long as Hypothesis; and one that fails would end the command.

    Raises:
        MissingExtraError: Hypothesis is not installed.
    """
    import ltx_mock_contracts.needs_hypothesis  # noqa: F401, PLC0415 - only if a command calls this

    given = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = "1"
    try:
        import hypothesis  # noqa: F401, PLC0415 - slow to import
    finally:
        del os.environ[VARIABLE]
        if given is not None:
            os.environ[VARIABLE] = given
