"""ASGI plumbing that knows no task: messages, connections, byte ranges, calls without a socket."""
