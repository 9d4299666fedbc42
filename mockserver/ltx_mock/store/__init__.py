"""Where the state of the tenants lies: the interface, and its implementations."""
