"""Files, JSON text and HTTP that other people wrote, read and written with care."""
