"""The control plane under `/__admin` and its JSON, written and read in one folder."""
