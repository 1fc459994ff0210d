"""Decimals: fixed-point numbers that Avro stores as the whole number of their last digits (Avro 1.12, "Decimal").

19.99 with scale 2 is 1999. Nothing is ever rounded: a number with more digits than its schema has room for is refused,
written or read. Trailing zeros are no digits more: 19.990 is written as 19.99 is.
"""

from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, DecimalException, Inexact, InvalidOperation, Rounded
from functools import lru_cache
from typing import Final, TypeGuard

from codegen.runtime.readers import read_bytes, read_int, read_size
from codegen.runtime.writers import SIZES, write_bytes, write_int

BIG_DECIMAL_BYTES_MAX: Final = 4096
"""Bytes of a big decimal's digits: 9,800 digits. To turn bytes into digits takes a time that grows with their square."""


class DecimalType:
    """The decimals of one precision and scale, on Avro's `bytes`."""

    __slots__ = ("_bytes_max", "_multiply", "_quantum", "_scale", "_shift", "_writing", "precision", "scale")

    def __init__(self, precision: int, scale: int) -> None:
        self.precision = precision
        self.scale = scale
        self._quantum = Decimal((0, (1,), -scale))
        self._scale = Decimal(scale)
        self._writing = _context(precision, InvalidOperation, Inexact)
        self._shift = self._writing.scaleb
        self._multiply = _context(precision, InvalidOperation, Rounded).multiply
        self._bytes_max = precision * 4 // 9 + 1  # more than its digits need: each takes log2(10) / 8 bytes

    def write(self, value: Decimal) -> bytes:
        """Return a decimal's bytes after their number."""
        number = int(self._shift(value.quantize(self._quantum, None, self._writing), self._scale))
        size = number.bit_length() + 8 >> 3
        return SIZES[size] + number.to_bytes(size, "big", signed=True)

    def read(self, data: bytes, at: int) -> tuple[Decimal, int]:
        """Read a decimal."""
        size = data[at]
        at += 1
        if size & 129:  # more than one byte, or negative
            size, at = read_size(data, at - 1)
        else:
            size >>= 1
        end = at + size
        if size > self._bytes_max:
            return self.from_bytes(data[at:end]), end
        return self._multiply(int.from_bytes(data[at:end], signed=True), self._quantum), end

    def from_bytes(self, raw: bytes) -> Decimal:
        """Return the decimal that these bytes stand for, with all digits of its scale."""
        number = int.from_bytes(raw, signed=True)
        try:
            if number.bit_length() <= self._bytes_max * 8:  # else it takes long to turn it into digits
                return self._multiply(number, self._quantum)
        except (InvalidOperation, Rounded):
            pass
        raise OverflowError("more digits than the precision")

    def fits(self, value: object) -> TypeGuard[Decimal]:
        """Say whether a value can be written without being rounded."""
        try:
            int(value.quantize(self._quantum, None, self._writing))  # type: ignore[attr-defined]
        except (ArithmeticError, ValueError, AttributeError):
            return False
        return True


class FixedDecimalType(DecimalType):
    """The decimals of one precision and scale, on a `fixed` of `size` bytes."""

    __slots__ = ("_size",)

    def __init__(self, precision: int, scale: int, size: int) -> None:
        super().__init__(precision, scale)
        self._size = size

    def write(self, value: Decimal) -> bytes:
        """Return a decimal's bytes, as many as the type has."""
        number = int(self._shift(value.quantize(self._quantum, None, self._writing), self._scale))
        return number.to_bytes(self._size, "big", signed=True)

    def read(self, data: bytes, at: int) -> tuple[Decimal, int]:
        """Read a decimal."""
        end = at + self._size
        if self._size > self._bytes_max:
            return self.from_bytes(data[at:end]), end
        return self._multiply(int.from_bytes(data[at:end], signed=True), self._quantum), end


@lru_cache(maxsize=1024)
def decimal_type(precision: int, scale: int, size: int | None = None) -> DecimalType:
    """Return the decimals of this precision and scale, on bytes or (with their number `size`) on a fixed."""
    return DecimalType(precision, scale) if size is None else FixedDecimalType(precision, scale, size)


def write_big_decimal(value: Decimal) -> bytes:
    """Return a decimal that carries its own scale, at most 32 bits of it (Avro 1.12, "Decimal, alternative")."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError("neither infinity nor NaN has digits")  # noqa: TRY004 - the type is right
    number = int(_EXACT.scaleb(value, -exponent))
    if number.bit_length() >= BIG_DECIMAL_BYTES_MAX * 8:
        raise OverflowError(f"more digits than {BIG_DECIMAL_BYTES_MAX} bytes hold")
    raw = number.to_bytes((number.bit_length() + 8) >> 3, "big", signed=True)
    return write_bytes(write_bytes(raw) + write_int(-exponent))


def read_big_decimal(data: bytes, at: int) -> tuple[Decimal, int]:
    """Read a decimal that carries its own scale."""
    raw, at = read_bytes(data, at)
    return big_decimal_from_bytes(raw), at


def big_decimal_from_bytes(raw: bytes) -> Decimal:
    """Return the decimal that these bytes stand for: the number of its digits, then its scale."""
    digits, at = read_bytes(raw, 0)
    scale, at = read_int(raw, at)
    if at != len(raw):
        raise ValueError("bytes are left after the scale")
    if len(digits) > BIG_DECIMAL_BYTES_MAX:
        raise OverflowError(f"more digits than {BIG_DECIMAL_BYTES_MAX} bytes hold")
    return _EXACT.scaleb(Decimal(int.from_bytes(digits, signed=True)), -scale)


def _context(precision: int, *traps: type[DecimalException]) -> Context:
    return Context(prec=min(precision, MAX_PREC), Emin=MIN_EMIN, Emax=MAX_EMAX, traps=list(traps))


_EXACT = _context(MAX_PREC, InvalidOperation, Rounded)
