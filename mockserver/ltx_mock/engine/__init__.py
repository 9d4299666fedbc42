"""What happens to a request, to a task and to time."""
