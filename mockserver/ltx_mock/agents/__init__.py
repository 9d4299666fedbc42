"""The fake for coding agents: `ltx-mock mcp`, a server of the Model Context Protocol on stdin and stdout.

`tools` is the table of tools; `arguments` has what each takes, `fakes` the fake that a session works with, `guides` the
pages that it can read. `protocol` is the only module that knows the protocol.
"""
