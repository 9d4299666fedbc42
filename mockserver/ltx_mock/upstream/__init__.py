"""The real API behind a proxy: requests go on unchanged, and the fake's journal keeps what came back."""
