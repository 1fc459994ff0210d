"""The Confluent wire format: magic byte 0, the writer's schema id in four bytes (big endian), the Avro bytes.

Every Avro tool that knows a schema registry reads and writes it.
"""

import struct
from typing import Final

from codegen.errors import EncodeError, WireFormatError

MAGIC: Final = 0
HEADER_BYTES: Final = 5
_HEADER = struct.Struct(">bI")


def frame(schema_id: int, body: bytes) -> bytes:
    """Return Avro bytes with the id of their schema in front."""
    try:
        return _HEADER.pack(MAGIC, schema_id) + body
    except struct.error as error:
        raise EncodeError(f"{schema_id!r} is no schema id: 32 bits, not negative") from error


def unframe(value: bytes) -> tuple[int, bytes]:
    """Return the schema's id and the Avro bytes; raise WireFormatError for anything else."""
    if len(value) < HEADER_BYTES:
        raise WireFormatError(f"{len(value)} bytes are no framed record: {HEADER_BYTES} come before the Avro bytes")
    magic, schema_id = _HEADER.unpack_from(value)
    if magic != MAGIC:
        raise WireFormatError(f"the first byte is {value[0]}, not {MAGIC}: not the Confluent wire format")
    return schema_id, value[HEADER_BYTES:]
