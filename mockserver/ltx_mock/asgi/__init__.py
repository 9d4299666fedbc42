"""ASGI utilities: messages, connections, byte ranges, calls without a socket."""
