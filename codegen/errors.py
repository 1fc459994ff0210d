"""Everything that can go wrong in the contract toolkit, under one base; a docstring is the default message."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codegen.avro.json_text import Pointer, Position


class ContractsError(Exception):
    """The contract toolkit cannot go on."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class SchemaError(ContractsError):
    """The schema is not valid Avro; `pointer` leads to the fault in its JSON, the field `path` within `type_name` as well."""

    def __init__(
        self,
        reason: str,
        *,
        type_name: str = "",
        path: str = "",
        pointer: "Pointer" = (),
        position: "Position | None" = None,
        source: str = "",
        rule: str = "INVALID_SCHEMA",
    ) -> None:
        where = ".".join(part for part in (type_name, path) if part).replace(".[", "[").replace(".{", "{")
        super().__init__(f"{where}: {reason}" if where else reason)
        self.reason = reason
        self.path = path
        self.pointer = pointer
        self.position = position  # known already where the text is no JSON
        self.source = source  # which of several texts it is in, as the parser was told
        self.rule = rule  # the id under which it is a finding


class UnsupportedSchema(ContractsError):
    """The schema is valid Avro, but no Python class can be generated for it yet."""


class ContractsFileError(ContractsError):
    """contracts.toml cannot be understood."""


class EncodeError(ContractsError):
    """The value does not fit its schema; the message starts with the path of the field at fault."""


class DecodeError(ContractsError):
    """The bytes are not a datum of the schema; the message starts with the path of the field at fault."""


class WireFormatError(DecodeError):
    """The bytes are not framed in the Confluent wire format."""


class RegistryError(ContractsError):
    """The schema registry has refused a request."""


class RegistryUnreachable(RegistryError):
    """The schema registry does not answer."""


class SchemaNotFound(RegistryError):
    """The schema registry knows no such schema."""


class Incompatible(RegistryError):
    """The schema registry has refused an incompatible schema."""
