"""How Avro names become Python names: modules, classes, attributes, enum members, private functions.

A name stays as it is unless Python or the generated code has another use for it; then it gets trailing underscores, as
many as make it free. Names that need none are never changed for the sake of one that does.
"""

import keyword
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final

from codegen.avro.schema import Definition, Fixed, namespace_of, simple_name

METHODS: Final = frozenset({"encode", "decode", "SCHEMA", "FINGERPRINT", "NAME"})
_MEMBERS: Final = frozenset(dir(str)) | {"mro", "name", "value"}  # what a StrEnum's members would hide
_VARIABLES: Final = frozenset(  # of generated functions, in which a class of the same name could not be seen
    {"_", "at", "cls", "data", "end", "fault", "read", "self", "size", "text", "value", "writer"}
)
_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@lru_cache(maxsize=4096)
def attribute_names(field_names: tuple[str, ...]) -> Mapping[str, str]:
    """Return the attribute of each of a record's fields."""
    of_constructor = {"_HAS_DEFAULT_FACTORY", *(f"_dflt_{name}" for name in field_names)}  # Python 3.11's and 3.12's
    return _safe(field_names, lambda name: _is_pythons(name) or name in METHODS | of_constructor)


@lru_cache(maxsize=4096)
def member_names(enum_name: str, symbols: tuple[str, ...]) -> Mapping[str, str]:
    """Return the member of each of an enum's symbols."""
    private = f"_{simple_name(enum_name)}__"

    def is_taken(name: str) -> bool:
        is_sunder = name[0] == name[-1] == "_" and name[1:2] != "_" and name[-2:-1] != "_"
        is_private = name.startswith(private) and not name.endswith("__")
        return _is_pythons(name) or name in _MEMBERS or is_sunder or is_private

    return _safe(symbols, is_taken)


def snake_case(full_name: str) -> str:
    """Return the simple name in lower case with underscores between words."""
    return _WORD.sub("_", simple_name(full_name)).lower()


class PackageNames:
    """The modules of a generated package and the classes in them, by the namespaces and full names of the schemas."""

    def __init__(self, package: str, definitions: Iterable[Definition]) -> None:
        self._package = package
        self._parts: dict[str, str] = {}  # namespace -> the name of its module within the parent's package
        self._classes: dict[str, str] = {}
        self._stems: dict[str, str] = {}
        with_class = [each.name for each in definitions if not isinstance(each, Fixed)]
        self.namespaces: Final = sorted({namespace_of(name) for name in with_class})
        for parent, children in _tree(self.namespaces).items():
            for child, part in _safe(children, lambda name: _is_pythons(name) or name == "AVRO_TYPES").items():
                self._parts[f"{parent}.{child}".lstrip(".")] = part
            self._name_classes(parent, [name for name in with_class if namespace_of(name) == parent])

    def _name_classes(self, namespace: str, full_names: list[str]) -> None:
        modules = self.modules(namespace)
        others = modules | _VARIABLES | {"AVRO_TYPES"}
        names = _safe(map(simple_name, full_names), lambda name: _is_pythons(name) or name in others)
        taken = modules | set(names.values())
        for full_name in full_names:
            stem = snake_case(full_name)
            while {f"write_{stem}", f"read_{stem}"} & taken:
                stem += "_"
            taken |= {f"write_{stem}", f"read_{stem}"}
            self._classes[full_name] = names[simple_name(full_name)]
            self._stems[full_name] = stem

    def modules(self, namespace: str) -> set[str]:
        """Return the names of the modules within a namespace's own."""
        return {part for child, part in self._parts.items() if child and namespace_of(child) == namespace}

    def path(self, namespace: str) -> tuple[str, ...]:
        """Return the parts of a namespace's module below the package."""
        parts = namespace.split(".") if namespace else []
        return tuple(self._parts[".".join(parts[: depth + 1])] for depth in range(len(parts)))

    def module(self, namespace: str) -> str:
        """Return the module of a namespace."""
        return ".".join((self._package, *self.path(namespace)))

    def class_name(self, full_name: str) -> str:
        """Return the name of the class of a record or enum within its module."""
        return self._classes[full_name]

    def stem(self, full_name: str) -> str:
        """Return what is after `write_` and `read_` in the names of a type's functions."""
        return self._stems[full_name]


def _tree(namespaces: Iterable[str]) -> Mapping[str, list[str]]:
    """Return the last parts of the namespaces below each namespace; parents come before their children."""
    children: dict[str, dict[str, None]] = {"": {}}
    for namespace in namespaces:
        parts = namespace.split(".") if namespace else []
        for depth, part in enumerate(parts):
            children[".".join(parts[:depth])][part] = None
            children.setdefault(".".join(parts[: depth + 1]), {})
    return {parent: list(parts) for parent, parts in children.items()}


def _safe(names: Iterable[str], is_taken: Callable[[str], bool]) -> dict[str, str]:
    """Return a name for each that is not taken; those that are not keep theirs."""
    result = {name: name for name in names}
    for name in result:
        safe = name
        while is_taken(safe) or (safe != name and safe in result.values()):
            safe += "_"
        result[name] = safe
    return result


def _is_pythons(name: str) -> bool:
    """Say whether a name is a keyword, would be mangled in a class, or is of the form that Python keeps to itself."""
    return keyword.iskeyword(name) or (name.startswith("__") and not name.endswith("___"))
