"""For all tests: fixtures of the real parts (see stack/testing.py), and the order, fast ones first."""

import hypothesis
import pytest

hypothesis.settings.register_profile("tests", deadline=None)  # timings belong in benchmarks: machines are shared
hypothesis.settings.load_profile("tests")
pytest_plugins = ["stack.testing"]

SYSTEMS = ("stack/tests/test_supervisor.py", "stack/tests/test_pipeline.py", "services/tests/")
"""Tests here start systems of their own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Pure tests first, then those on real parts, then those that start whole systems; otherwise as collected."""
    items.sort(key=_speed)


def _speed(item: pytest.Item) -> int:
    if item.nodeid.startswith(SYSTEMS):
        return 2
    return int("real_parts" in getattr(item, "fixturenames", ()))
