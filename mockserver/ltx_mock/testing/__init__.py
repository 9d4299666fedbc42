"""The fake in Python tests: servers, tenants, assertions, the receiver, and what the pytest plugin needs."""
