"""The state of the tenants: the interface, and its implementations."""
