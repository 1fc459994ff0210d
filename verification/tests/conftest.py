"""The messaging kit's small world, for drills that need a proxy between its parts."""

from services.messaging.tests.conftest import world

__all__ = ["world"]
