"""Which modules a generated module needs, and which of them can only be imported when its own classes are there."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from codegen.avro.schema import Definition, Fixed, names_used, namespace_of
from codegen.avro.schema_files import SchemaFolder


def late_imports(folder: SchemaFolder, namespaces: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """Return for each namespace those whose modules can only be imported when its own classes are there.

    To import a module is to run it, the packages that it is in, and all that these import. One of them that imports
    the first module back must find its classes.
    """
    needed = {namespace: _needed(folder, namespace) for namespace in namespaces}
    run_by: dict[str, set[str]] = {namespace: set() for namespace in namespaces}
    needed_by: dict[str, set[str]] = {namespace: set() for namespace in namespaces}
    for namespace, others in needed.items():
        for other in others:
            needed_by[other].add(namespace)
        for other in (*others, *_packages(namespace)):
            run_by.setdefault(other, set()).add(namespace)
    return {
        namespace: _that_lead_to(needed_by[namespace], run_by, needed[namespace], {namespace, *_packages(namespace)})
        for namespace in namespaces
    }


def mentioned(folder: SchemaFolder, definitions: Iterable[Definition]) -> list[str]:
    """Return the full names of all records and enums that definitions use, themselves included."""
    names: dict[str, None] = {}
    pending = list(definitions)
    while pending:
        definition = pending.pop()
        if definition.name not in names and not isinstance(definition, Fixed):
            names[definition.name] = None
            pending += [folder.types[name] for name in names_used(definition)]
    return sorted(names)


def _that_lead_to(
    goals: AbstractSet[str],
    run_by: Mapping[str, AbstractSet[str]],
    candidates: AbstractSet[str],
    running: AbstractSet[str],
) -> frozenset[str]:
    """Return the candidates whose import runs one of the goals, not counting modules that are running already."""
    unseen = run_by.keys() - running - goals
    pending = list(goals - running)
    found = set(pending)
    while pending and not candidates <= found:
        new = run_by[pending.pop()] & unseen
        unseen -= new
        found |= new
        pending += new
    return frozenset(candidates & found)


def _packages(namespace: str) -> list[str]:
    """Return the namespaces that a namespace is in, from the outermost."""
    parts = namespace.split(".") if namespace else []
    return [".".join(parts[:depth]) for depth in range(len(parts))]


def _needed(folder: SchemaFolder, namespace: str) -> set[str]:
    """Return the other namespaces whose classes a namespace's module mentions."""
    own = [each for each in folder.types.values() if namespace_of(each.name) == namespace]
    return {namespace_of(name) for name in mentioned(folder, own)} - {namespace}
