"""Faults under load, then the checkers: `pipeline chaos`."""
