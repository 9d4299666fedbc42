"""JSON Schemas and the OpenAPI document of the LTX-2-19b API, as data."""
