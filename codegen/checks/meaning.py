"""What a value means: whether the reader's type says the same of the same bytes as the writer's (Avro 1.12, "Logical Types").

Schema resolution looks at the underlying types alone, so nothing here ever stops a reader: it reads something else.
"""

from dataclasses import dataclass
from typing import Final

from codegen.avro.schema import Logical
from codegen.avro.spelling import spelled_plain

LOSSY: Final = {
    ("int", "float"): "a float has 24 bits for the 32 of an int",
    ("long", "float"): "a float has 24 bits for the 64 of a long",
    ("long", "double"): "a double has 53 bits for the 64 of a long",
    ("bytes", "string"): "bytes need not be text",
}
_EXAMPLE_DIGITS_MAX: Final = 12
_UNITS: Final = ("millis", "micros", "nanos")


@dataclass(frozen=True, slots=True)
class ChangeOfMeaning:
    """A rule that is broken, and how."""

    rule: str
    message: str


def changes_of_meaning(
    writer_type: str, writer: Logical | None, reader_type: str, reader: Logical | None
) -> tuple[ChangeOfMeaning, ...]:
    """Return how a value of the one type means something else when it is read as the other."""
    changes = []
    if (writer_type, reader_type) in LOSSY:
        reason = f"{writer_type} is read as {reader_type}: {LOSSY[writer_type, reader_type]}"
        changes.append(ChangeOfMeaning("LOSSY_PROMOTION", reason))
    if writer != reader:
        written, wanted = spelled_plain(writer_type, writer), spelled_plain(reader_type, reader)
        changes += _of_logical_types(written, writer, wanted, reader)
    return tuple(changes)


def _of_logical_types(
    written: str, writer: Logical | None, wanted: str, reader: Logical | None
) -> list[ChangeOfMeaning]:
    message = f"{written} was written, {wanted} is read"
    if writer is None or reader is None:
        return [ChangeOfMeaning("LOGICAL_TYPE_CHANGED", message)]
    if writer.name == reader.name == "decimal":
        return [ChangeOfMeaning("DECIMAL_CHANGED", message + _shifted(writer, reader))]
    (writer_kind, writer_unit), (reader_kind, reader_unit) = _time(writer.name), _time(reader.name)
    if {writer_kind, reader_kind} == {"timestamp", "local-timestamp"}:
        changes = [ChangeOfMeaning("LOCAL_TIME_CHANGED", message)]
    elif writer_kind != reader_kind or not writer_unit:
        return [ChangeOfMeaning("LOGICAL_TYPE_CHANGED", message)]
    else:
        changes = []
    if writer_unit != reader_unit:
        factor = 1000 ** (_UNITS.index(reader_unit) - _UNITS.index(writer_unit))
        scale = f"{factor} times too small" if factor > 1 else f"{round(1 / factor)} times too large"
        changes.append(ChangeOfMeaning("TIME_UNIT_CHANGED", f"{message}: the time comes out {scale}"))
    return changes


def _shifted(writer: Logical, reader: Logical) -> str:
    if writer.scale == reader.scale or max(writer.scale, reader.scale) > _EXAMPLE_DIGITS_MAX:
        return ""
    return f": {_decimal(1999, writer.scale)} comes out as {_decimal(1999, reader.scale)}"


def _decimal(unscaled: int, scale: int) -> str:
    digits = str(unscaled).rjust(scale + 1, "0")
    return f"{digits[: len(digits) - scale]}.{digits[len(digits) - scale :]}" if scale else digits


def _time(name: str) -> tuple[str, str]:
    """Split the name of a time into kind and unit; others have no unit."""
    kind, _, unit = name.rpartition("-")
    return (kind, unit) if unit in _UNITS else (name, "")
