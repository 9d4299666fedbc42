"""The fake on a socket or in a thread."""
