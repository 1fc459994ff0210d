"""The rules about two versions as data: WIRE (it cannot be read), SEM (it means something else), API (code must change).

A rule's name says what the edit did. Where one edit harms readers and the opposite edit harms writers, they are two
rules: they have different remedies. A remedy must be one at every level, or name the level at which it is one.
"""

from collections.abc import Mapping
from typing import Final

from codegen.checks.findings import Category, Rule, Severity


def _wire(rule: str, purpose: str, why: str, fix: str) -> Rule:
    return Rule(rule, Category.WIRE, Severity.ERROR, purpose, why, fix)


def _sem(rule: str, purpose: str, why: str, fix: str) -> Rule:
    return Rule(rule, Category.SEM, Severity.ERROR, purpose, why, fix)


def _api(rule: str, purpose: str, why: str, fix: str) -> Rule:
    return Rule(rule, Category.API, Severity.WARNING, purpose, why, fix)


_BESIDE: Final = "beside it, with a default; fill both, and retire the old one when nobody reads it."
_TRANSITIVE: Final = (
    "Under a _TRANSITIVE level the versions without the default go on counting: when retention has deleted their data "
    "and no reader of them is left, say so in an [[ignore]]."
)
_KEEP_THE_NAME: Final = (
    'Deployed readers know no alias: keep the name; or, at a level without FORWARD, add the old full name to "aliases" '
    "and deploy readers first."
)
FIXES_OF_WRITERS: Final[Mapping[str, str]] = {
    "NAME_CHANGED": _KEEP_THE_NAME,
    "ALIAS_NAMESPACE": _KEEP_THE_NAME,
    "AMBIGUOUS_UNION": "Deployed readers have the union that they have: keep the type that was written, and add a field "
    "of the new type with a default beside it.",
}
"""What to do where readers that are deployed already are the ones harmed, by rules whose remedy is the reader's."""

FOR_READERS_FIRST: Final = frozenset({"ALIAS_NAMESPACE", "AMBIGUOUS_UNION", "LOSSY_PROMOTION", "NAME_CHANGED"})
"""Rules whose good example is one at a level without FORWARD alone."""

COMPATIBILITY_RULES: Final = (
    _wire(
        "FIELD_ADDED_WITHOUT_DEFAULT",
        "A new field has a default.",
        "What earlier versions wrote does not have the field; without a default nobody can say what to read there.",
        'Give the field a default: the value that data without it mean. Often that is null: ["null", ...], "default": null.',
    ),
    _wire(
        "FIELD_REMOVED_WITHOUT_DEFAULT",
        "A field goes only if earlier versions have a default for it.",
        "Consumers that are not deployed yet read new data with the old schema, which demands the field.",
        "Keep the field. To retire it, release a version in which it has a default, deploy every reader, then remove it. "
        f"{_TRANSITIVE}",
    ),
    _wire(
        "TYPE_CHANGED",
        "A field keeps its type, or takes one that every value can be promoted to.",
        "Avro promotes int to long, float and double, long to float and double, float to double, and string to bytes and "
        "back. Any other pair of types stops the reader at the first datum; and a promotion works in one direction only.",
        f"Keep the type and add a field of the new one {_BESIDE}",
    ),
    _wire(
        "NULL_REMOVED",
        "A type that could be null stays so.",
        "Data with null are in the topic; a reader without null stops at the first of them.",
        'Keep "null" in the union, and treat null in code; or add a field without null, with a default, beside it.',
    ),
    _wire(
        "NULL_ADDED",
        "A type that could not be null does not become so.",
        "Consumers that are not deployed yet stop at the first null that a new writer sends.",
        'Keep the type and add a nullable field with "default": null beside it; or use a level without FORWARD and deploy '
        "readers first.",
    ),
    _wire(
        "UNION_BRANCH_REMOVED",
        "A union keeps its branches.",
        "Data of the removed branch are in the topic, and the reader's union has no place for them.",
        "Keep the branch, and stop writing it. When retention has deleted its last datum, remove it, and say so in an "
        "[[ignore]].",
    ),
    _wire(
        "UNION_BRANCH_ADDED",
        "A union does not get new branches.",
        "Consumers that are not deployed yet stop at the first datum of the new branch.",
        "Keep the union and add a field of the new type with a default beside it; or use a level without FORWARD and "
        "deploy readers first.",
    ),
    _wire(
        "ENUM_SYMBOL_REMOVED",
        "An enum keeps its symbols, or has a default for the lost ones.",
        "Data with the symbol are in the topic; without a default a reader stops there.",
        "Keep the symbol (stop writing it), or give the enum a default.",
    ),
    _wire(
        "ENUM_SYMBOL_ADDED",
        "An enum gets a new symbol only if earlier versions have a default.",
        "Consumers that are not deployed yet do not know the symbol; without a default they stop at it.",
        "First release the enum with a default and deploy every reader, then add the symbol; or use a level without "
        f"FORWARD and deploy readers first. {_TRANSITIVE}",
    ),
    _wire(
        "FIXED_SIZE_CHANGED",
        "A fixed keeps its size.",
        "The size is not in the data: a reader with another one cannot read them.",
        "Keep the size; define a fixed of the new size under another name, for a new field with a default beside the old "
        "one, and fill both.",
    ),
    _wire(
        "NAME_CHANGED",
        "A named type keeps its name, or names the old one as an alias.",
        "Records, enums and fixed of different names do not match, whatever they contain.",
        _KEEP_THE_NAME,
    ),
    _wire(
        "ALIAS_NAMESPACE",
        "An alias is the full name of the type that was renamed.",
        "An alias without a dot is looked for in the namespace of the type that it stands on, not in the one that the "
        "type came from.",
        "Write the alias as a full name, with the old namespace; or keep the name.",
    ),
    _wire(
        "SUBJECT_REMOVED",
        "A type that was released stays, as long as data of it are kept.",
        "Consumers still meet its data, and no schema says any longer how they are to be read, nor guards what becomes "
        "of them.",
        "Keep the file until the topic's retention has deleted the last datum and no reader is left, then remove it and "
        "say so in an [[ignore]]. A type under a new name: keep the old one beside it; or, at a level without FORWARD, "
        'add the old full name to the new one\'s "aliases" and deploy readers first.',
    ),
    _sem(
        "DECIMAL_CHANGED",
        "A decimal keeps its scale and precision.",
        "The scale is not in the data: 1999 written as 19.99 is read as 0.1999 with scale 4, and nothing fails. Two "
        "decimals match only if both numbers are the same (Avro 1.12, Decimal); no registry checks it.",
        f"Keep the decimal and add a field with the new one {_BESIDE}",
    ),
    _sem(
        "TIME_UNIT_CHANGED",
        "A time keeps its unit.",
        "The unit is not in the data: milliseconds of 2026 read as microseconds are in January 1970, and nothing fails.",
        f"Keep the unit and add a field with the new one {_BESIDE}",
    ),
    _sem(
        "LOCAL_TIME_CHANGED",
        "An instant stays an instant, and a local time a local time.",
        "A local time has no zone: reading it as an instant moves it by the zone's offset, and nothing fails.",
        f"Keep the field and add one of the new kind {_BESIDE}",
    ),
    _sem(
        "LOGICAL_TYPE_CHANGED",
        "A type keeps its logical type.",
        "The logical type says what the bytes mean. Without it, or with another one, the same bytes are read as "
        "something else: a date as a number, any text as a UUID.",
        f"Keep the logical type and add a field with the new one {_BESIDE}",
    ),
    _sem(
        "LOSSY_PROMOTION",
        "A promotion keeps every value.",
        "float has 24 bits for an int's 32, double 53 for a long's 64, and bytes need not be text: values come out "
        "altered, and nothing fails.",
        f"Keep the type and add a field of the new one {_BESIDE} Or, at a level without FORWARD, take a type that holds "
        "every value, such as double for int, and deploy readers first.",
    ),
    _sem(
        "FIELD_RENAMED",
        "A renamed field has its old name as an alias, and readers that do not know it have no default to fall back to.",
        "The reader looks for its own name, does not find it, and takes the default: the value that was written is lost, "
        "and nothing fails.",
        "Keep the old field, give the new one a default and no alias, and fill both; or, at a level without FORWARD, add "
        'the old name to the new field\'s "aliases" and deploy readers first.',
    ),
    _sem(
        "DEFAULT_CHANGED",
        "A default stays.",
        "Data that lack the field are read with the reader's default: after the change, the same bytes say something "
        "else, and one version of a service another thing than the next.",
        "Keep the default; write the new value where you mean it.",
    ),
    _sem(
        "AMBIGUOUS_UNION",
        "The reader's union has one branch that a value can go to, or the same value comes of each.",
        "The specification takes the first branch that matches, a promotion included; most implementations prefer the "
        "same type. A long read with [double, long] is a double here and a long there.",
        "Put the branch of the written type before those that it can be promoted to.",
    ),
    _sem(
        "NAMESPACE_CHANGED",
        "A named type stays in its namespace.",
        "The specification compares unqualified names, so it can be read; but some implementations compare full names, "
        "and two types that share a name are taken for one another.",
        "Keep the namespace, or add the old full name as an alias.",
    ),
    _api(
        "CLASS_MOVED",
        "A type's generated class keeps its module and name.",
        "Code imports the class by them.",
        "Change the imports with it, in one commit with the generated code.",
    ),
    _api(
        "ATTRIBUTE_TYPE_CHANGED",
        "An attribute keeps its Python type.",
        "Code that reads or sets it is type-checked against the new one and may no longer fit.",
        "Run the type checker over the code that uses it; or keep it, and add a field of the new type beside it.",
    ),
    _api(
        "ARGUMENT_REQUIRED",
        "A constructor that was called without an argument still can be.",
        "Code that makes instances does not give it.",
        "Give the field a default, or the argument everywhere.",
    ),
)
