"""The LINT rules as data, in the order in which `contracts rules` lists them.

The first four say that the folder cannot be read as a whole; `schema_files` finds those.
"""

from typing import Final

from codegen.checks.findings import Category, Rule, Severity


def _rule(rule: str, *, purpose: str, why: str, fix: str, severity: Severity = Severity.ERROR) -> Rule:
    return Rule(rule, Category.LINT, severity, purpose, why, fix)


LINT_RULES: Final = (
    _rule(
        "INVALID_SCHEMA",
        purpose="A file is one record, enum or fixed that is valid by the letter of Avro 1.12.",
        why="Implementations differ in what they let pass: a schema that yours takes may stop a consumer in another "
        "language, or fail at the first datum that needs the faulty default.",
        fix="Mend what the message names, and lint again: it is the first fault of its file, and others may stand behind it.",
    ),
    _rule(
        "DUPLICATE_DEFINITION",
        purpose="A full name is defined once in the whole folder.",
        why="Of two definitions one reader takes the first and another the second, and nobody sees when they drift apart.",
        fix="Keep one definition in a file of its own and refer to it by its full name.",
    ),
    _rule(
        "UNRESOLVED_REFERENCE",
        purpose="Every name that is used is a primitive type or defined in the folder, in the same text before its use.",
        why="A schema with an unknown name cannot be parsed, registered or compiled.",
        fix="Correct the name (an unqualified one is looked for in the namespace around it), or add the file that "
        "defines it.",
    ),
    _rule(
        "FILE_WITHOUT_TYPE",
        severity=Severity.WARNING,
        purpose="A file defines a record, an enum or a fixed.",
        why="What has no name can be no subject and no class, and no other file can refer to it: it is valid, but nothing "
        "can be checked or made of it.",
        fix="Wrap it into a record, or take the file out of the folder.",
    ),
    _rule(
        "CYCLIC_REFERENCE",
        purpose="Files do not refer to each other in a circle.",
        why="A registry takes a schema only after those that it refers to: of a circle none can be the first. Types "
        "that need each other are one thing, and belong in one file.",
        fix="Define the types of the circle in one file, the inner ones nested where they are first used.",
    ),
    _rule(
        "PATH_NAMESPACE_MISMATCH",
        purpose="A file lies where its type's full name says, or all lie in one folder and are named after their types.",
        why="Who reads a full name in a message or a log finds its file without searching.",
        fix="Move the file to <namespace as folders>/<Name>.avsc. Do not rename the type instead: its name is on the wire.",
    ),
    _rule(
        "UNKNOWN_LOGICAL_TYPE",
        purpose="A logicalType is one that Avro 1.12 defines.",
        why="An unknown logical type is ignored without a word: with 'timestamp-milis' every consumer gets a bare long.",
        fix="Write the name as the specification does, or remove it.",
    ),
    _rule(
        "MISPLACED_LOGICAL_TYPE",
        purpose="A logicalType stands on a type that it fits, with the attributes it needs.",
        why="One that does not fit is ignored by every implementation: timestamp-millis on a string, a decimal without "
        "precision, or a logicalType beside a field's type instead of in it mean nothing.",
        fix="Write the type that the logical type stands on, or remove the logicalType.",
    ),
    _rule(
        "UNENDING_RECURSION",
        purpose="Every record can have a finite datum.",
        why="A record that always contains another of its kind can be registered, but no writer can ever finish one.",
        fix='Let the recursion end: a union with "null", an array or a map.',
    ),
    _rule(
        "ALIAS_UNUSABLE",
        purpose="An alias is a name, and leads to one field only.",
        why="An alias that is another field's name never applies, and one that stands on two fields is resolved "
        "differently by each implementation: old data then comes back in the wrong field.",
        fix="Remove the alias, or leave it on the one field that was renamed.",
    ),
    _rule(
        "DEFAULT_NOT_FIRST_BRANCH",
        severity=Severity.WARNING,
        purpose="A union's default is a value of its first branch.",
        why="Avro 1.12 allows a default of any branch, but earlier versions, and most implementations today, refuse "
        "the whole schema.",
        fix="Put the default's branch first. The order of branches may change: data is resolved by type.",
    ),
    _rule(
        "NULLABLE_WITHOUT_DEFAULT",
        purpose="A field that may be null has a default.",
        why="Without a default, no later schema can drop the field while old readers remain: nullable looks optional, "
        "but is not.",
        fix='Put "null" first in the union and write "default": null.',
    ),
    _rule(
        "ENUM_WITHOUT_DEFAULT",
        purpose="An enum has a default symbol.",
        why="A reader without one fails at the first symbol that was added after it was deployed, so the enum can "
        "never grow.",
        fix='Add a symbol that says "not known here", such as "UNKNOWN", and make it the default.',
    ),
    _rule(
        "MONEY_AS_FLOAT",
        purpose="Amounts of money are decimals or whole minor units.",
        why="Binary floating point cannot hold 0.10: sums drift, and two sides that add in another order disagree.",
        fix='Write a decimal on bytes, or a long that counts minor units, named so ("total_minor"). Where the field is '
        "released already, add the new one beside it.",
    ),
    _rule(
        "TIME_AS_LONG",
        purpose="Times have a logical type.",
        why="A plain long does not say whether it counts seconds, milliseconds or microseconds; read with the wrong "
        "unit, 2026 becomes 1970.",
        fix="Write the logical type that says what the number is. The bytes stay the same if the unit does.",
    ),
    _rule(
        "PII_UNTAGGED",
        purpose='A field that is named like personal data has an attribute "pii".',
        why="Personal data has to be found to be deleted, masked and kept out of logs. Nobody finds what is not marked.",
        fix='Add "pii": true, or a text such as "contact", to the field; "pii": false says that it was considered.',
    ),
    _rule(
        "MISSING_DOC",
        purpose="Every named type and every field has a doc.",
        why="A schema is read by people who cannot ask its author: unit, range and meaning stand here or nowhere.",
        fix='Add "doc" with one sentence: what a value means, its unit, and when it is null.',
    ),
    _rule(
        "EVENT_WITHOUT_HEADER",
        purpose='Every event of a topic begins with the header that contracts.toml names ([lint] event_header = "...").',
        why="Consumers find an event's identity, time and cause without knowing its type; being first, the header can "
        "be read without the rest.",
        fix='Make a field named "header" of that type the first field of the event.',
    ),
)
