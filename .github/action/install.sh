#!/usr/bin/env bash
# Install ltx-mock, as it is beside this action, into a virtual environment of its own.
set -euo pipefail

if [[ $INPUT_MODE != start && $INPUT_MODE != check ]]; then
    echo "::error title=ltx-mock::mode must be start or check"
    exit 2
fi

venv=$RUNNER_TEMP/ltx-mock-venv
if [[ ! -x $venv/bin/ltx-mock ]]; then
    if ! "$INPUT_PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        echo "::error title=ltx-mock::Python 3.11 or newer is needed; actions/setup-python brings one"
        exit 2
    fi
    "$INPUT_PYTHON" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "${GITHUB_ACTION_PATH}[test]"
fi
