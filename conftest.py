"""Fixtures for all tests: `kafka`, `registry`, `postgres`, `database` (see stack/testing.py)."""

pytest_plugins = ["stack.testing"]
