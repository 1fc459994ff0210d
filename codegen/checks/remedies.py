"""What to do about a name that has changed: sentences that are right at every level, or say at which.

Deployed readers know no alias, so a rename alone never helps them; and an alias beside the field that it names is one
that never applies. Hence two ways: both names for a while, or readers first.
"""

import json

from codegen.avro.schema import Field


def renamed_field(old: Field, new: Field) -> str:
    """Say what to do about a field that has another name now."""
    return (
        f"Keep {old.name!r}, give {new.name!r} a default and no alias, and fill both; or, at a level without FORWARD, "
        f"write {_aliases(old, new)} and deploy readers first."
    )


def added_field(old: Field, new: Field) -> str:
    """Say what to do about a field without default that may be an old one under a new name."""
    return (
        f"Give {new.name!r} a default. If it is {old.name!r} under a new name, keep {old.name!r} as well and fill both; "
        f"or, at a level without FORWARD, write {_aliases(old, new)} in place of a default and deploy readers first."
    )


def renamed_type(old: str, new: str) -> str:
    """Say what to do about a named type that has another name now, for readers of what was written."""
    return f'Add "{old}" to the "aliases" of {new}, or keep the name.'


def other_type(old: str) -> str:
    """Say what to do where another type stands in the place of one that there still is."""
    return f"Keep {old} here; add a field of the other type with a default beside it, and fill both."


def _aliases(old: Field, new: Field) -> str:
    return f'"aliases": {json.dumps(list(dict.fromkeys([*new.aliases, old.name])))}'
