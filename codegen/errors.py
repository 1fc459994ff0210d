"""Everything that can go wrong in the contract toolkit, under one base; a docstring is the default message."""


class ContractsError(Exception):
    """The contract toolkit cannot go on."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class SchemaError(ContractsError):
    """The schema is not valid Avro."""


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
