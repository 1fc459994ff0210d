"""Contracts change while orders come in: `pipeline evolve`."""
