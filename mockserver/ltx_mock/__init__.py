"""The offline twin of the LTX-2-19b API."""
