"""What the LTX-2-19b API promises: rules, findings, validation."""
