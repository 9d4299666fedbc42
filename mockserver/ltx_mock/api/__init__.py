"""The endpoints for clients, and the files of results."""
