"""Edits of a random schema, one function each: what people do to schemas, the harmless and the harmful.

Each returns whether there was something of its kind to edit.
"""

import copy
from collections.abc import Callable

from random_model import FIELDS, NAMES, NAMESPACES, SYMBOLS, Author, Json, join, kind_of, slots, unions_repaired

from codegen.avro.schema import simple_name

PROMOTED: dict[str, tuple[str, ...]] = {
    "int": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
    "string": ("bytes",),
    "bytes": ("string",),
}


def add_field(author: Author) -> bool:
    record = author.pick("record")
    names = [name for name in FIELDS if record and name not in {field["name"] for field in record["fields"]}]
    if not record or not names:
        return False
    field: dict[str, Json] = {"name": author.random.choice(names), "type": author.node(2, ends=False)}
    if author.random.random() < 0.7:
        field["default"] = None
        author.renew_default(field)
    record["fields"].insert(author.random.randint(0, len(record["fields"])), field)
    return True


def remove_field(author: Author) -> bool:
    record = author.pick("record")
    if not record or not record["fields"]:
        return False
    record["fields"].remove(author.random.choice(record["fields"]))
    return True


def rename_field(author: Author) -> bool:
    record = author.pick("record")
    if not record or not record["fields"]:
        return False
    taken = {field["name"] for field in record["fields"]}
    free = [name for name in (*FIELDS, "g", "h", "i", "j") if name not in taken]
    field = author.random.choice(record["fields"])
    old, field["name"] = field["name"], author.random.choice(free[:3])
    if author.random.random() < 0.6:
        field["aliases"] = [*field.get("aliases", ()), old]
    return True


def alias_field(author: Author) -> bool:
    record = author.pick("record")
    if not record or not record["fields"]:
        return False
    given = {alias for field in record["fields"] for alias in field.get("aliases", ())}
    free = [name for name in FIELDS if name not in given]
    if free:
        field = author.random.choice(record["fields"])
        field["aliases"] = [*field.get("aliases", ()), author.random.choice(free)]
    return bool(free)


def reorder_fields(author: Author) -> bool:
    record = author.pick("record")
    if record:
        author.random.shuffle(record["fields"])
    return record is not None


def toggle_default(author: Author) -> bool:
    record = author.pick("record")
    if not record or not record["fields"]:
        return False
    field = author.random.choice(record["fields"])
    if "default" in field and author.random.random() < 0.4:
        del field["default"]
    else:
        field["default"] = None
        author.renew_default(field)
    return True


def promote(author: Author) -> bool:
    slot = author.slot(*PROMOTED)
    if slot:
        slot[0][slot[1]] = author.random.choice(PROMOTED[kind_of(slot[0][slot[1]])])
    return slot is not None


def demote(author: Author) -> bool:
    slot = author.slot("long", "float", "double")
    if slot:
        slot[0][slot[1]] = {"long": "int", "float": "long", "double": "float"}[kind_of(slot[0][slot[1]])]
    return slot is not None


def replace_type(author: Author) -> bool:
    holder, key = author.random.choice(list(slots(author.model)))
    holder[key] = author.node(2, ends=False)
    return True


def change_logical(author: Author) -> bool:
    slot = author.slot("int", "long", "bytes", "string")
    if not slot:
        return False
    holder, key = slot
    kind, plain = kind_of(holder[key]), isinstance(holder[key], str)
    holder[key] = kind if not plain and author.random.random() < 0.25 else author.logical(kind)
    return True


def change_decimal(author: Author) -> bool:
    found = [holder[key] for holder, key in slots(author.model) if isinstance(holder[key], dict)]
    found = [each for each in (*found, *author.model.types.values()) if each.get("logicalType") == "decimal"]
    if not found:
        return False
    part = author.random.choice(("precision", "scale"))
    author.random.choice(found)[part] = author.random.randint(1, 10)
    return True


def change_logical_of_fixed(author: Author) -> bool:
    fixed = author.pick("fixed")
    if not fixed:
        return False
    for key in ("logicalType", "precision", "scale"):
        fixed.pop(key, None)
    if author.random.random() < 0.7:
        fixed.update(author.logical("fixed") | {"type": "fixed"})
    return True


def add_branch(author: Author) -> bool:
    holder, key = author.random.choice(list(slots(author.model)))
    node = holder[key]
    if isinstance(holder, list):
        return False
    branch = "null" if author.random.random() < 0.4 else author.node(2, ends=False)
    branches = [*(node if isinstance(node, list) else [node])]
    branches.insert(author.random.randint(0, len(branches)), branch)
    holder[key] = unions_repaired(branches)
    return True


def add_rival(author: Author) -> bool:
    """Add a like type to a named one as a branch of a union: by its alias, or its simple name, it is meant as well."""
    named = [(holder, key) for holder, key in slots(author.model) if str(holder[key]) in author.model.types]
    if not named:
        return False
    holder, key = author.random.choice(named)
    old = holder[key]
    spaces = [join(space, simple_name(old)) for space in author.model.namespaces]
    name = author.random.choice([each for each in (*spaces, author.name()) if each not in author.model.types])
    rival = {**copy.deepcopy(author.model.types[old]), "name": name}
    author.model.types[name] = rival
    _alias(author, rival, old)
    branches = holder if isinstance(holder, list) else [old]
    branches.insert(author.random.randint(0, len(branches)), name)
    if branches is not holder:
        holder[key] = branches
    if author.random.random() < 0.5:
        author.renamed(old, author.name())
        _alias(author, author.model.types[name], old, chance=0.2)
    return True


def remove_branch(author: Author) -> bool:
    slot = author.slot("union")
    if not slot:
        return False
    branches = slot[0][slot[1]]
    rest = [each for each in branches if each is not author.random.choice(branches)] or branches[:1]
    slot[0][slot[1]] = rest[0] if len(rest) == 1 and author.random.random() < 0.7 else rest
    return True


def reorder_branches(author: Author) -> bool:
    slot = author.slot("union")
    if slot:
        author.random.shuffle(slot[0][slot[1]])
    return slot is not None


def wrap_in_array(author: Author) -> bool:
    holder, key = author.random.choice(list(slots(author.model)))
    node = holder[key]
    holder[key] = node["items"] if kind_of(node) == "array" else {"type": "array", "items": node}
    return True


def change_symbols(author: Author) -> bool:
    enum = author.pick("enum")
    if not enum:
        return False
    free = [symbol for symbol in (*SYMBOLS, "PINK") if symbol not in enum["symbols"]]
    change = author.random.choice(("add", "remove", "reorder"))
    if change == "add" and free:
        enum["symbols"].insert(author.random.randint(0, len(enum["symbols"])), author.random.choice(free))
    elif change == "remove" and len(enum["symbols"]) > 1:
        enum["symbols"].remove(author.random.choice(enum["symbols"]))
    else:
        author.random.shuffle(enum["symbols"])
    if enum.get("default") not in enum["symbols"]:
        enum.pop("default", None)
    return True


def toggle_default_of_enum(author: Author) -> bool:
    enum = author.pick("enum")
    if not enum:
        return False
    if "default" in enum:
        del enum["default"]
    else:
        enum["default"] = author.random.choice(enum["symbols"])
    return True


def change_size(author: Author) -> bool:
    fixed = author.pick("fixed")
    if fixed:
        fixed["size"] = author.random.choice((0, 1, 2, 12, 16))
    return fixed is not None


def rename_type(author: Author) -> bool:
    definition = author.pick("record", "enum", "fixed")
    if not definition:
        return False
    old = definition["name"]
    author.renamed(old, author.name())
    _alias(author, definition, old)
    return True


def move_type(author: Author) -> bool:
    """Change the namespace: of all types where there is none, for a type in none cannot be named from another."""
    if author.model.namespaces == ("",):
        for name in list(author.model.types):
            author.renamed(name, join("n", name))
        author.model.namespaces = NAMESPACES
        return True
    definition = author.pick("record", "enum", "fixed")
    if not definition:
        return False
    old = definition["name"]
    free = [join(space, simple_name(old)) for space in NAMESPACES]
    free = [name for name in free if name not in author.model.types]
    if free:
        author.renamed(old, author.random.choice(free))
        _alias(author, definition, old)
    return bool(free)


def alias_type(author: Author) -> bool:
    definition = author.pick("record", "enum", "fixed")
    if definition:
        space = author.random.choice(author.model.namespaces)
        _alias(author, definition, join(space, author.random.choice(NAMES)), chance=1)
    return definition is not None


def _alias(author: Author, definition: dict[str, Json], old: str, chance: float = 0.5) -> None:
    if author.random.random() < chance:
        definition["aliases"] = [*definition.get("aliases", ()), old]


def swap_reference(author: Author) -> bool:
    named = [(holder, key) for holder, key in slots(author.model) if str(holder[key]) in author.model.types]
    if not named:
        return False
    holder, key = author.random.choice(named)
    kind = author.model.types[holder[key]]["type"]
    holder[key] = author.random.choice([name for name, each in author.model.types.items() if each["type"] == kind])
    return True


EDITS: tuple[Callable[[Author], bool], ...] = (
    *(add_field, remove_field, rename_field, rename_field, alias_field, reorder_fields, toggle_default),
    *(promote, promote, demote, replace_type, change_logical, change_decimal, change_logical_of_fixed),
    *(add_branch, add_branch, add_rival, remove_branch, reorder_branches, wrap_in_array),
    *(change_symbols, change_symbols, toggle_default_of_enum, change_size),
    *(rename_type, move_type, alias_type, swap_reference),
)
