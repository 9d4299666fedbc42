"""`python -m ltx_mock` is `ltx-mock`."""

from ltx_mock.cli import main

main()
