"""What types are called, the same in every message: `array<shop.common.OrderLine>`, `null | timestamp-millis`."""

from collections.abc import Mapping
from typing import Final

from codegen.avro.logical_types import LOGICAL_TYPES
from codegen.avro.schema import Array, Definition, Logical, Map, Node, Primitive, Reference, Union

_NO_NAMES: Final[Mapping[str, str]] = {}


def kind_of(type_: Node | Definition) -> str:
    """Return the word that Avro has for a type: that of a primitive, or `array`, `record`, `union`..."""
    return type_.type if isinstance(type_, Primitive) else type(type_).__name__.lower()


def spelled(node: Node, names: Mapping[str, str] = _NO_NAMES) -> str:
    """Return a type as people read it; `names` has what named types are to be called, where that is not their name."""
    match node:
        case Primitive(type=kind, logical=logical):
            return spelled_plain(kind, logical)
        case Array(items=items):
            return f"array<{spelled(items, names)}>"
        case Map(values=values):
            return f"map<{spelled(values, names)}>"
        case Union(branches=branches):
            text = " | ".join(spelled(branch, names) for branch in branches)
            return text if len(branches) > 1 else f"union<{text}>"
        case Reference(name=name):
            return names.get(name, name)


def spelled_plain(kind: str, logical: Logical | None) -> str:
    """Return a type that holds no others; what it stands on is said where the logical type does not say it."""
    if logical is None:
        return kind
    name = spelled_logical(logical)
    return name if len(LOGICAL_TYPES[logical.name]) == 1 else f"{name} on {kind}"


def spelled_logical(logical: Logical) -> str:
    """Return a logical type by itself."""
    return f"decimal({logical.precision}, {logical.scale})" if logical.name == "decimal" else logical.name
