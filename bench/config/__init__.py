"""The configuration of a run: its schema, its identity, and how Hydra composes it."""
