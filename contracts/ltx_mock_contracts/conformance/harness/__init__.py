"""The harness of the checks: options, the target and its tenants, a budget, clocks, and a receiver of callbacks."""
