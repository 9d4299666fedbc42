"""Safe reading and writing of files, JSON text and HTTP from other sources."""
