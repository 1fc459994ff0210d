"""How Avro names become Python names: attributes, classes, enum members, modules, private functions."""

import keyword
import re
from typing import Final

from codegen.avro.schema import Enum, Record, namespace_of, simple_name
from codegen.errors import UnsupportedSchema

METHODS: Final = frozenset({"encode", "decode", "SCHEMA", "FINGERPRINT", "NAME"})
_MEMBERS: Final = frozenset(dir(str)) | {"mro", "name", "value"}  # what a StrEnum's members would hide
_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def attribute(field_name: str) -> str:
    """Return a field's attribute: its own name, with an underscore where that is a keyword or would hide a method."""
    return f"{field_name}_" if keyword.iskeyword(field_name) or field_name in METHODS else field_name


def member(symbol: str) -> str:
    """Return an enum symbol's member name."""
    return f"{symbol}_" if keyword.iskeyword(symbol) or symbol in _MEMBERS else symbol


def class_name(full_name: str) -> str:
    """Return the name of the class of a record or enum within its module."""
    name = simple_name(full_name)
    return f"{name}_" if keyword.iskeyword(name) else name


def module_name(full_name: str, package: str) -> str:
    """Return the module of a type: its namespace below the package."""
    namespace = namespace_of(full_name)
    return f"{package}.{namespace}" if namespace else package


def snake_case(full_name: str) -> str:
    """Return the simple name in lower case with underscores between words."""
    return _WORD.sub("_", simple_name(full_name)).lower()


def check_record(record: Record) -> None:
    """Refuse field names for which no attribute can be found."""
    attributes: dict[str, str] = {}
    for field in record.fields:
        name = attribute(field.name)
        if name.startswith("__"):
            raise UnsupportedSchema(f"{record.name}.{field.name}: Python keeps names with two leading underscores")
        if name in attributes:
            raise UnsupportedSchema(f"{record.name}: fields {attributes[name]!r} and {field.name!r} both become {name}")
        attributes[name] = field.name


def check_enum(enum: Enum) -> None:
    """Refuse symbols for which no member can be found."""
    members: dict[str, str] = {}
    for symbol in enum.symbols:
        name = member(symbol)
        if name.startswith("__") or (name.startswith("_") and name.endswith("_")):
            raise UnsupportedSchema(f"{enum.name}.{symbol}: Python's enums keep such names to themselves")
        if name in members:
            raise UnsupportedSchema(f"{enum.name}: symbols {members[name]!r} and {symbol!r} both become {name}")
        members[name] = symbol
