"""Random schemas of every feature, random values: generated classes write fastavro's bytes and read the values again.

The schemas are `random_model`'s, and the same in every run. What they have is counted: a feature that never comes up
would be one that is not tested. Where Hypothesis itself is the source of chance they are poorer, but one that fails is
shrunk.
"""

import contextlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_model import LOGICAL, Author, Json, render

from codegen.avro.finite import heights
from codegen.avro.logical_types import LOGICAL_TYPES
from codegen.avro.parsing import parse_json
from codegen.avro.schema import (
    PRIMITIVES,
    Array,
    Definition,
    Enum,
    Field,
    Fixed,
    Map,
    Missing,
    Node,
    Primitive,
    Record,
    Reference,
    Schema,
    Union,
    names_used,
    namespace_of,
    simple_name,
)
from codegen.errors import UnsupportedSchema
from codegen.python.types import python_kind
from codegen.tests.building import build, write_package
from codegen.tests.importing import PROJECT
from codegen.tests.round_trips import TRIAL, round_trip, try_instances
from codegen.tests.values import instances

SEED = 20_261_123
SCHEMAS = 350
EXAMPLES = 60
PACKAGES = 100
ALLOWED = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture]
RARE: tuple[Json, ...] = (
    "float",
    "double",
    "boolean",
    {"type": "int", "logicalType": "time-millis"},
    {"type": "long", "logicalType": "time-micros"},
    {"type": "bytes", "logicalType": "big-decimal"},
)
FEATURES = {
    *PRIMITIVES,
    *(f"{logical} on {kind}" for logical, kinds in LOGICAL_TYPES.items() for kind in kinds),
    *("array", "map", "enum", "fixed", "fixed of no bytes", "record", "empty record", "record of many types"),
    *("nullable", "nullable, null last", "union of one branch", "union of several branches", "union of records"),
    *("union of one Python type", "union in an array", "union in a map", "array of arrays", "map of maps"),
    *("recursion", "mutual recursion", "recursion by a union", "recursion by an array", "recursion by a map"),
    *("namespaces that refer to each other", "a namespace and one below it", "one short name in two namespaces"),
    *(
        "no namespace",
        "default",
        "default of a record",
        "default of an enum",
        "default of bytes",
        "default of an array",
    ),
    *("default of a map", "default of a union", "default of a logical type", "enum with a default"),
}


def test_random_values_of_random_schemas_are_written_as_fastavro_writes_them(tmp_path: Path) -> None:
    met = Counter[str]()
    for number in range(SCHEMAS):
        author = grown(Random(f"{SEED} {number}"))
        text = render(author.model, author.random)
        schema = parse_json(text)
        if is_record_with_data(schema):
            with contextlib.suppress(UnsupportedSchema), told(f"seed {SEED}, schema {number}: {json.dumps(text)}"):
                try_instances(build(tmp_path, text), 3)
                met.update(set(features(schema)))

    sys.stdout.write(f"seed {SEED}: {dict(met.most_common())}\n")
    assert FEATURES - met.keys() == set()


@given(random=st.randoms(use_true_random=False), data=st.data())
@settings(TRIAL, max_examples=EXAMPLES, suppress_health_check=ALLOWED)
def test_random_schemas_that_fail_are_shrunk(tmp_path: Path, random: Random, data: st.DataObject) -> None:
    text = render(Author(random).model, random)
    assume(is_record_with_data(parse_json(text)))
    try:
        classes = build(tmp_path, text)
    except UnsupportedSchema:
        return
    for cls in classes.values():
        if is_dataclass(cls):
            round_trip(data.draw(instances(cls, classes)))


def test_random_packages_are_as_their_readers_tools_want_them(tmp_path: Path) -> None:
    for seed in range(PACKAGES):
        author = grown(Random(f"package {seed}"))
        schema = render(author.model, author.random)
        with contextlib.suppress(UnsupportedSchema):
            write_package(
                tmp_path,
                f"package_{seed}",
                {"type": "record", "name": "Root", "fields": [{"name": "x", "type": schema}]},
            )
    said = [
        said_by("ruff", "format", "--isolated", "--line-length", "120", "--diff", str(tmp_path)),
        said_by("ruff", "check", "--isolated", "--select", "E4,E7,E9,F", str(tmp_path)),
        said_by("mypy", "--strict", "--follow-imports=silent", "--cache-dir", str(tmp_path / "cache"), str(tmp_path)),
    ]

    assert said == ["", "", ""]


def said_by(*command: str) -> str:
    """Return what a tool complains of."""
    result = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return "" if result.returncode == 0 else result.stdout


def grown(random: Random) -> Author:
    """Return the author of a schema, with some fields more of types that are rare otherwise."""
    author = Author(random)
    for name in random.sample(("g", "h", "i", "j"), random.randint(0, 3)):
        add_field(author, name)
    author.repair()
    return author


def is_record_with_data(schema: Schema) -> bool:
    """Say whether a schema has a record at its root, and all its types have data."""
    is_record = isinstance(schema.root, Reference) and isinstance(schema.definition(schema.root), Record)
    return is_record and len(heights(schema.types)) == len(schema.types)


@contextlib.contextmanager
def told(note: str) -> Iterator[None]:
    """Add to an error what it is about."""
    try:
        yield
    except Exception as error:
        error.add_note(note)
        raise


def add_field(author: Author, name: str) -> None:
    """Give a record a field of a type that is rare otherwise."""
    records = [each for each, definition in author.model.types.items() if definition["type"] == "record"]
    if not records:
        return
    some = author.random.choice(records)
    nested = author.random.choice(("int", "string", ["null", some], *RARE))
    types: list[Json] = [
        ["null", some],
        [*author.random.sample(records, len(records)), "null"],
        {"type": "array", "items": some},
        {"type": "map", "values": some},
        {"type": "array", "items": {"type": "array", "items": nested}},
        {"type": "map", "values": {"type": "map", "values": nested}},
        author.random.sample(RARE, 3),
        {"type": "long", "logicalType": author.random.choice(LOGICAL["long"])},
        author.define({"type": "fixed", "size": author.random.randint(0, 1)}),
    ]
    author.model.types[author.random.choice(records)]["fields"].append(
        {"name": name, "type": author.random.choice(types)}
    )


# What a schema has


def features(schema: Schema) -> Iterator[str]:
    """Yield the features that a schema has, each at least once."""
    for definition in schema.types.values():
        yield from _of_definition(definition, schema)
    for node in nodes(schema):
        yield from _of_node(node, schema)
    yield from _of_names(schema)


def nodes(schema: Schema) -> Iterator[Node]:
    """Yield all nodes."""
    pending = [field.type for each in schema.types.values() if isinstance(each, Record) for field in each.fields]
    while pending:
        node = pending.pop()
        yield node
        pending += inner(node)


def inner(node: Node) -> list[Node]:
    """Return the nodes right within a node."""
    match node:
        case Array(items=child) | Map(values=child):
            return [child]
        case Union(branches=branches):
            return list(branches)
    return []


def _of_definition(definition: Definition, schema: Schema) -> Iterator[str]:
    match definition:
        case Enum(default=default):
            yield "enum" if default is None else "enum with a default"
        case Fixed(size=size, logical=logical):
            yield "fixed" if size else "fixed of no bytes"
            if logical:
                yield f"{logical.name} on fixed"
        case Record(fields=fields):
            yield "record" if fields else "empty record"
            if len({type(field.type) for field in fields}) > 3:
                yield "record of many types"
            for field in fields:
                yield from _of_default(field, schema)


def _of_default(field: Field, schema: Schema) -> Iterator[str]:
    if isinstance(field.default, Missing):
        return
    yield "default"
    match field.type:
        case Primitive(type=kind, logical=logical):
            yield "default of a logical type" if logical else f"default of {kind}"
        case Array() | Map() | Union():
            kind = type(field.type).__name__.lower()
            yield f"default of {'an' if kind == 'array' else 'a'} {kind}"
        case Reference():
            kind = type(schema.definition(field.type)).__name__.lower()
            yield f"default of {'an' if kind == 'enum' else 'a'} {kind}"


def _of_node(node: Node, schema: Schema) -> Iterator[str]:
    match node:
        case Primitive(type=kind, logical=logical):
            yield f"{logical.name} on {kind}" if logical else kind
        case Array(items=child) | Map(values=child):
            name = type(node).__name__.lower()
            yield name
            if type(child) is type(node):
                yield f"{name} of {name}s"
            if isinstance(child, Union):
                yield f"union in {'an' if name == 'array' else 'a'} {name}"
        case Union():
            yield from _of_union(node, schema)


def _of_union(union: Union, schema: Schema) -> Iterator[str]:
    null = Primitive("null")
    others = [branch for branch in union.branches if branch != null]
    if len(others) == 1:
        is_plain = union.branches[0] == null
        yield "union of one branch" if len(union.branches) == 1 else "nullable" if is_plain else "nullable, null last"
    if len(others) > 1:
        yield "union of several branches"
        kinds = [python_kind(branch, schema) for branch in others]
        if len(set(kinds)) < len(kinds):
            yield "union of one Python type"
        if sum(_is_record(branch, schema) for branch in others) > 1:
            yield "union of records"


def _is_record(node: Node, schema: Schema) -> bool:
    return isinstance(node, Reference) and isinstance(schema.definition(node), Record)


def _of_names(schema: Schema) -> Iterator[str]:
    uses = {name: set(names_used(each)) for name, each in schema.types.items()}
    spaces = {namespace_of(name) for name in uses}
    if "" in spaces:
        yield "no namespace"
    if len({simple_name(name) for name in uses}) < len(uses):
        yield "one short name in two namespaces"
    for name in uses:
        if name in uses[name]:
            yield from _of_recursion(schema.types[name])
        if any(name in reachable(other, uses) for other in uses[name] - {name}):
            yield "mutual recursion"
    links = {
        space: {namespace_of(used) for name in uses for used in uses[name] if namespace_of(name) == space} - {space}
        for space in spaces
    }
    for space, others in links.items():
        if any(other.startswith(f"{space}.") for other in others):
            yield "a namespace and one below it"
        if any(space in reachable(other, links) for other in others):
            yield "namespaces that refer to each other"


def _of_recursion(definition: Definition) -> Iterator[str]:
    assert isinstance(definition, Record)
    yield "recursion"
    for field in definition.fields:
        if definition.name in names_used(field.type) and not isinstance(field.type, Reference):
            kind = type(field.type).__name__.lower()
            yield f"recursion by {'an' if kind == 'array' else 'a'} {kind}"


def reachable(start: str, links: dict[str, set[str]]) -> set[str]:
    """Return what can be reached from a name, itself included."""
    found = {start}
    pending = [start]
    while pending:
        new = links[pending.pop()] - found
        found |= new
        pending += new
    return found
