"""The forms of a list that is no report of findings."""

from enum import StrEnum


class Listing(StrEnum):
    """A form of output."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
