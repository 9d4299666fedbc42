"""What checks are run with: options, the target and its tenants, a budget, clocks, and a receiver of callbacks."""
