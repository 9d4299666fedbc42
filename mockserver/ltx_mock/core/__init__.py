"""Values and pure functions: clock, keys, hosts, timeline, records, settings."""
