"""The control plane under `/__admin`, with the writers and readers of its JSON."""
