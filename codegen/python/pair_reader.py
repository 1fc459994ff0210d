"""Readers for what other versions wrote: the plan of the two schemas, compiled once per pair and kept.

The compiled code is of the same kind as the generated modules', so an old version is read as fast as the current one.
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, Final, TypeVar

from codegen import runtime
from codegen.avro.parsing import parse
from codegen.avro.resolution import Fail, ReadEnum, ReadRecord, RecordPair, Resolution, resolve
from codegen.avro.schema import Record
from codegen.errors import DecodeError, SchemaError
from codegen.python.conversions import Converted
from codegen.python.decoder import Decoder

T = TypeVar("T")

PAIRS_MAX: Final = 256
"""Pairs of class and writer's schema that are kept compiled: many times the versions that are ever in use at once."""


def reader_for(cls: type[T], writer: str) -> Callable[[bytes, int], tuple[T, int]]:
    """Return the function that reads instances of a generated class from what schema `writer` wrote.

    Raise DecodeError if `writer` is no schema, or none of its data can be read.
    """
    if not isinstance(writer, str):
        raise DecodeError(f"the writer's schema is JSON text, not {type(writer).__name__}")
    generated = next(each for each in cls.__mro__ if "SCHEMA" in vars(each))  # `cls` may be derived from it
    try:
        read: Callable[[bytes, int], tuple[T, int]] = _compiled(generated, writer)
    except (RecursionError, MemoryError) as error:  # of Python's compiler, which is as short of memory as of stack
        raise DecodeError("the writer's schema is nested too deeply, or has a union of too many branches") from error
    return read


@lru_cache(maxsize=PAIRS_MAX)
def resolution_for(cls: type, writer: str) -> Resolution:
    """Return the plan of a generated class for a writer's schema."""
    reader: str = cls.SCHEMA  # type: ignore[attr-defined]  # every generated class has it
    try:
        return resolve(parse(writer), parse(reader))
    except SchemaError as error:
        raise DecodeError(f"the writer's schema is not valid: {error}") from error


@lru_cache(maxsize=PAIRS_MAX)
def _compiled(cls: type, writer: str) -> Callable[[bytes, int], tuple[Any, int]]:
    resolution = resolution_for(cls, writer)
    root = resolution.root
    if isinstance(root, Fail):
        raise DecodeError(root.reason)
    if isinstance(root, ReadRecord) and resolution.records[root.pair].missing:
        raise DecodeError(resolution.records[root.pair].reason)
    module = sys.modules[cls.__module__]
    context = _PairContext(module.AVRO_TYPES)
    decoder = Decoder(resolution, context)
    lines = [line for pair in resolution.records for line in decoder.record(pair)]
    written = [each for each in resolution.writer.types.values() if isinstance(each, Record)]
    lines += [line for record in written for line in decoder.skipper(record)]
    lines += decoder.root(root, "read_root")
    exec("\n".join(lines), context.scope)  # noqa: S102 - generated from parsed schemas: names are checked, texts quoted
    read: Callable[[bytes, int], tuple[Any, int]] = context.scope["read_root"]
    return read


class _PairContext:
    """Names within compiled code: what is mentioned is put into its globals under a number."""

    def __init__(self, types: Mapping[str, type]) -> None:
        self._types = types
        self._names: dict[object, str] = {}
        self.scope: dict[str, Any] = {}

    def helper(self, name: str) -> str:
        return self._named(name, lambda: getattr(runtime, name))

    def imported(self, module: str, name: str) -> str:
        return self._named((module, name), lambda: getattr(importlib.import_module(module), name))

    def builtin(self, name: str) -> str:
        return name

    def conversion(self, of: Converted, function: str) -> str:
        return self._named((of, function), lambda: of.function(function))

    def type_name(self, name: str) -> str:
        return self._named(("class", name), lambda: self._types[name])

    def draft(self, name: str) -> str:
        return self._named(("draft", name), lambda: runtime.draft(self._types[name]))

    def finish(self, name: str) -> list[str]:
        return [f"value.__class__ = {self.type_name(name)}", "return value, at"]

    def symbols(self, plan: ReadEnum) -> str:
        cls: type[Enum] = self._types[plan.reader.name]
        members = {position << 1: cls(symbol) for position, symbol in enumerate(plan.symbols) if symbol is not None}
        return self._named(("symbols", plan.writer.name, plan.reader.name), lambda: members)

    def reader(self, pair: RecordPair) -> str:
        return self._names.setdefault(("read", pair), f"_{len(self._names)}")

    def read_function(self, pair: RecordPair) -> list[str]:
        return [f"def {self.reader(pair)}(data, at):"]

    @property
    def classes(self) -> frozenset[str]:
        return frozenset()

    def private(self, name: str) -> str:
        return self._names.setdefault((name, len(self._names)), f"_{len(self._names)}")

    def _named(self, key: object, make: Callable[[], object]) -> str:
        if key not in self._names:
            self._names[key] = f"_{len(self._names)}"
            self.scope[self._names[key]] = make()
        return self._names[key]
