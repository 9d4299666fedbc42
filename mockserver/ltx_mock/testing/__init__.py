"""The fake in Python tests: servers, tenants, assertions, a callback receiver, and helpers of the pytest plugin."""
