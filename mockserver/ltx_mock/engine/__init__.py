"""Processes requests, tasks, callbacks and clock changes."""
