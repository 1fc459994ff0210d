"""The LINT rules that look at one schema object or one field; `linting` holds those that look at a whole folder."""

import difflib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil, log2
from typing import Any, Final, Literal, cast

from codegen.avro.defaults import why_not
from codegen.avro.logical_types import LOGICAL_TYPES, digits, why_ignored
from codegen.avro.parsing import SIMPLE_NAME
from codegen.avro.schema import NAMED, PRIMITIVES, Definition, Record, Union
from codegen.checks.faults import Fault
from codegen.checks.field_names import counts_seconds, is_money, is_personal, time_types, words
from codegen.checks.lint_walk import Leaf, Part, Spot, leaves

Types = Mapping[str, Definition]
Check = Callable[[Spot, Types], Iterator[Fault]]

_ATTRIBUTES_OF_DECIMALS: Final = ("precision", "scale")
_EXAMPLE_DECIMAL: Final = {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 2}
_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {  # how to write a logical type
    **{name: {"type": max(kinds), "logicalType": name} for name, kinds in LOGICAL_TYPES.items()},
    "decimal": _EXAMPLE_DECIMAL,
    "duration": {"type": "fixed", "name": "Duration", "size": 12, "logicalType": "duration"},
}
_CATCH_ALL_SYMBOLS: Final = frozenset({"UNKNOWN", "UNSPECIFIED", "UNDEFINED", "UNRECOGNIZED", "OTHER"})
_SHOWN_CHARACTERS: Final = 120  # a longer type is named and not repeated in a fix


def check(spot: Spot, types: Types) -> Iterator[Fault]:
    """Yield what is wrong with one object of a schema file; `types` are all named types of the folder."""
    for each in CHECKS[spot.part]:
        yield from each(spot, types)


def unknown_logical_type(spot: Spot, _types: Types) -> Iterator[Fault]:
    """A logical type that Avro does not know is ignored: the datum means its plain type."""
    name = spot.value.get("logicalType")
    if "logicalType" in spot.value and not (isinstance(name, str) and name in LOGICAL_TYPES):
        kind = spot.value["type"]
        message = f"logicalType {json.dumps(name)} is unknown and ignored: {spot.described} is a plain {kind}"
        near = _nearest(name, kind) if isinstance(name, str) else []
        known = " or ".join(f'"{each}"' for each in near)
        fix = f"Write {known}, or remove it." if near else "Remove it: no type of Avro is meant by that name."
        yield Fault("UNKNOWN_LOGICAL_TYPE", spot.path, message, spot.below("logicalType"), fix)


def misplaced_logical_type(spot: Spot, _types: Types) -> Iterator[Fault]:
    """A logical type on a type that it does not fit is ignored."""
    name, kind, size = spot.value.get("logicalType"), spot.value["type"], spot.value.get("size")
    reason = why_ignored(spot.value, kind, size if kind == "fixed" else None)
    if reason is not None and isinstance(name, str) and name in LOGICAL_TYPES:
        message = f"logicalType {name!r} is ignored, {spot.described} is a plain {kind}: {reason}"
        fix = _place_logical_type(name, spot.value)
        yield Fault("MISPLACED_LOGICAL_TYPE", spot.path, message, spot.below("logicalType"), fix)


def logical_type_of_field(field: Spot, _types: Types) -> Iterator[Fault]:
    """A logical type beside a field's type, instead of in it, is ignored."""
    if "logicalType" in field.value:
        message = f"logicalType {json.dumps(field.value['logicalType'])} is ignored: it stands on {field.described}"
        message += ", and belongs in the field's type"
        moved = _with_logical_type(field.value)
        fix = f'Write "type": {json.dumps(moved)}' if moved else "Write it into the object that is the field's type"
        fix += ' and remove "logicalType" from the field.'
        yield Fault("MISPLACED_LOGICAL_TYPE", field.path, message, field.below("logicalType"), fix)


def missing_doc(spot: Spot, _types: Types) -> Iterator[Fault]:
    """A record, an enum or a field that does not say what it means."""
    has_one = (
        spot.defines and spot.value["type"] != "fixed"
    ) or spot.part is Part.FIELD  # a fixed has no doc (Avro 1.12)
    if has_one and not str(spot.value.get("doc") or "").strip():
        says = "what a value means, with its unit" if spot.part is Part.FIELD else "what it stands for"
        message = f"{spot.described} has no doc"
        yield Fault("MISSING_DOC", spot.path, message, spot.place, f'Add "doc": one sentence that says {says}.')


def enum_without_default(spot: Spot, _types: Types) -> Iterator[Fault]:
    """An enum that can never have another symbol."""
    if spot.value["type"] == "enum" and "default" not in spot.value:
        symbols = [symbol for symbol in spot.value["symbols"] if symbol.rpartition("_")[2] in _CATCH_ALL_SYMBOLS]
        message = f"{spot.described} has no default: a reader fails at the first symbol that it does not know"
        fix = f'Add "default": "{symbols[0]}".' if symbols else 'Add the symbol "UNKNOWN" and "default": "UNKNOWN".'
        yield Fault("ENUM_WITHOUT_DEFAULT", spot.path, message, spot.place, fix)


def nullable_without_default(field: Spot, _types: Types) -> Iterator[Fault]:
    """A field that may be null, but not be left out."""
    branches = field.value["type"]
    if isinstance(branches, list) and "default" not in field.value:
        nulls = [branch for branch in branches if _kind(branch) == "null"]
        if nulls:
            message = f"{field.described} may be null but has no default: a writer can never leave it out"
            others = [branch for branch in branches if _kind(branch) != "null"]
            first = "" if _kind(branches[0]) == "null" else f"{_reordered([*nulls, *others])} and "
            yield Fault("NULLABLE_WITHOUT_DEFAULT", field.path, message, field.place, f'Write {first}"default": null.')


def default_not_first_branch(field: Spot, types: Types) -> Iterator[Fault]:
    """A union's default of another branch than the first, which readers older than Avro 1.12 refuse."""
    record = types[field.type]
    declared = next(each for each in cast("Record", record).fields if each.name == field.value["name"])
    if "default" in field.value and isinstance(declared.type, Union):
        default, branches = field.value["default"], declared.type.branches
        fitting = [number for number, branch in enumerate(branches) if why_not(default, branch, types) is None]
        if fitting and fitting[0] > 0:
            texts = list(field.value["type"])
            branch = texts.pop(fitting[0])
            message = f"the default {json.dumps(default)} of {field.described} is of branch {_label(branch)}"
            message += f", not of the first, {_label(texts[0])}: readers older than Avro 1.12 refuse the schema"
            fix = f"Write {_reordered([branch, *texts])}, or a default of branch {_label(texts[0])}."
            yield Fault("DEFAULT_NOT_FIRST_BRANCH", field.path, message, field.below("default"), fix)


def money_as_float(field: Spot, _types: Types) -> Iterator[Fault]:
    """An amount of money in binary floating point."""
    name = field.value["name"]
    for leaf in leaves(field):
        if leaf.kind in {"float", "double"} and is_money(name):
            message = f"{field.described} is money as a {leaf.kind}, which rounds: it cannot hold 0.10"
            fix = f'Write {json.dumps(_EXAMPLE_DECIMAL)} in place of "{leaf.kind}", or count minor units: '
            fix += f'"{name}_minor" as a "long".'
            yield Fault("MONEY_AS_FLOAT", leaf.path, message, leaf.place, fix)


def time_as_long(field: Spot, _types: Types) -> Iterator[Fault]:
    """A time as a plain number, whose unit and zone nobody can know."""
    for leaf in leaves(field):
        if leaf.kind in {"int", "long"}:
            meant = time_types(field.value["name"], cast("Literal['int', 'long']", leaf.kind))
            if meant:
                yield _untyped_time(field, leaf, meant)


def personal_data_untagged(field: Spot, _types: Types) -> Iterator[Fault]:
    """A field named like personal data about which nobody has said whether it is."""
    tag = field.value.get("pii")
    kinds = {leaf.kind for leaf in leaves(field)} - {"null"}
    if is_personal(field.value["name"]) and kinds != {"boolean"} and not _is_tag(tag):
        wrong = f', and "pii" is {json.dumps(tag)}' if "pii" in field.value else ', but has no "pii"'
        message = f"{field.described} is named like personal data{wrong}"
        fix = 'Write "pii": true, or a text that says which kind it is, or "pii": false if it is no personal data.'
        place = field.below("pii") if "pii" in field.value else field.place
        yield Fault("PII_UNTAGGED", field.path, message, place, fix)


def unusable_alias_of_field(spot: Spot, _types: Types) -> Iterator[Fault]:
    """A field's alias that no writer's field can be found by, or that could mean two fields."""
    if spot.value["type"] in {"record", "error"}:
        fields = spot.value["fields"]
        names = {field["name"] for field in fields}
        uses = Counter(alias for field in fields for alias in set(field.get("aliases", ())))
        for number, field in enumerate(fields):
            path = f"{spot.path}.{field['name']}" if spot.path else field["name"]
            for position, alias in enumerate(field.get("aliases", ())):
                fault = _alias_fault(alias, field["name"], names, uses[alias])
                if fault:
                    message = f"alias {alias!r} of field {field['name']!r} of {spot.type} {fault[0]}"
                    place = spot.below("fields", number, "aliases", position)
                    yield Fault("ALIAS_UNUSABLE", path, message, place, fault[1])


def unusable_alias_of_type(spot: Spot, _types: Types) -> Iterator[Fault]:
    """A type's alias that is no name."""
    aliases: Sequence[str] = spot.value.get("aliases", ()) if spot.defines else ()
    for position, alias in enumerate(aliases):
        if not all(SIMPLE_NAME.match(part) for part in alias.split(".")):
            message = f"alias {alias!r} of {spot.described} is no name"
            fix = "Write the full name that the type had before, or remove the alias."
            yield Fault("ALIAS_UNUSABLE", spot.path, message, spot.below("aliases", position), fix)


CHECKS: Final[Mapping[Part, Sequence[Check]]] = {
    Part.SCHEMA: (
        unknown_logical_type,
        misplaced_logical_type,
        missing_doc,
        enum_without_default,
        unusable_alias_of_field,
        unusable_alias_of_type,
    ),
    Part.FIELD: (
        logical_type_of_field,
        missing_doc,
        nullable_without_default,
        default_not_first_branch,
        money_as_float,
        time_as_long,
        personal_data_untagged,
    ),
}


def _nearest(name: str, kind: str) -> list[str]:
    """Return the logical types that may be meant: one where the name is nearly its, up to three where it is like them."""
    spelled = "-".join(words(name))
    fitting = [known for known, kinds in LOGICAL_TYPES.items() if kind in kinds]
    near = difflib.get_close_matches(spelled, fitting) or difflib.get_close_matches(spelled, LOGICAL_TYPES)
    sure = difflib.get_close_matches(spelled, near, n=1, cutoff=0.85)
    return sure or near


def _place_logical_type(name: str, value: Mapping[str, Any]) -> str:
    kind = value["type"]
    plain = f'or remove "logicalType" if a plain {kind} is meant.'
    if kind not in LOGICAL_TYPES[name]:
        return f"Write {json.dumps(_EXAMPLES[name])}, {plain}"
    if name != "decimal":
        return f'Write "size": {16 if name == "uuid" else 12}, {plain}'
    precision, scale, size = value.get("precision"), value.get("scale", 0), value.get("size")
    if type(precision) is not int or precision < 1:
        return f'Write "precision": {digits(size) if size is not None else 18}, {plain}'
    if type(scale) is not int or not 0 <= scale <= precision:
        larger = f' or "precision": {scale}' if type(scale) is int and scale > precision else ""
        return f'Write a "scale" from 0 to {precision}{larger}, {plain}'
    assert isinstance(size, int)  # the one reason that remains: it does not fit its fixed
    enough = ceil((precision * log2(10) + 1) / 8)
    fewer = f'"precision": {digits(size)} or ' if digits(size) else ""
    return f'Write {fewer}"size": {enough}, {plain}'


def _with_logical_type(field: Mapping[str, Any]) -> Any:
    """Return a field's type with the logical type that stands on the field, None where that is not plain to see."""
    attributes = {key: field[key] for key in ("logicalType", *_ATTRIBUTES_OF_DECIMALS) if key in field}
    declared = field["type"]
    if isinstance(declared, str):
        return {"type": declared, **attributes} if declared in PRIMITIVES else None
    if isinstance(declared, list) and all(branch in PRIMITIVES for branch in declared if isinstance(branch, str)):
        others = [branch for branch in declared if branch != "null"]
        if len(others) == 1 and isinstance(others[0], str):
            return [branch if branch == "null" else {"type": branch, **attributes} for branch in declared]
    return None


def _untyped_time(field: Spot, leaf: Leaf, meant: Sequence[str]) -> Fault:
    name = field.value["name"]
    message = f"{field.described} is named like a time, but is a plain {leaf.kind}"
    fix = f"Write {' or '.join(json.dumps(_EXAMPLES[each]) for each in meant)}"
    fix += ", whichever it is," if len(meant) > 1 else ""
    fix += f' in place of "{leaf.kind}"'
    instants_in_int = leaf.kind == "int" and meant == ("timestamp-millis",)  # too small for milliseconds since 1970
    if counts_seconds(name) or instants_in_int:
        fix += " and count milliseconds, in a field of another name: no logical type counts seconds"
    return Fault("TIME_AS_LONG", leaf.path, message, leaf.place, f"{fix}.")


def _is_tag(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and bool(value.strip()))


def _alias_fault(alias: str, field: str, names: set[str], uses: int) -> tuple[str, str] | None:
    """Return why an alias of a field is of no use and what to do, None where it is of use."""
    if not SIMPLE_NAME.match(alias):
        plain = alias.rpartition(".")[2]
        fix = f'Write the field\'s old name alone, "{plain}".' if SIMPLE_NAME.match(plain) else "Remove it."
        return "is no name of a field", fix
    if alias in names and alias != field:
        return "is the name of another field: that one is read, never this", "Remove it."
    if uses > 1:
        return "stands on two fields: which one is read is left to chance", "Leave it on one of the two."
    return None


def _kind(branch: Any) -> Any:
    return branch["type"] if isinstance(branch, Mapping) else branch


def _label(branch: Any) -> str:
    named = isinstance(branch, Mapping) and branch["type"] in NAMED
    return repr(branch["name"] if named else _kind(branch))


def _reordered(branches: Sequence[Any]) -> str:
    text = json.dumps(branches)
    if len(text) <= _SHOWN_CHARACTERS:
        return f'"type": {text}'
    return f"the union in this order: {', '.join(_label(branch) for branch in branches)}"
