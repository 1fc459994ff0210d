"""From the contracts and the services' code to the answer who uses a field.

Every folder of code that contracts.toml names is looked at, whether or not its service is said to consume the event.
Where a consumer's code could not be looked at, the answer says so: nobody is taken for no reader unseen.
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from codegen.avro.schema import Field, Record, namespace_of
from codegen.contracts import FILE_NAME, Contracts
from codegen.documentation.catalogue import Catalogue
from codegen.errors import ContractsError
from codegen.python import generated_files
from codegen.python.names import PackageNames, attribute_names
from codegen.usage import service_code
from codegen.usage.answer import ELSEWHERE, Answer, ServiceUse
from codegen.usage.field_places import FieldPlace
from codegen.usage.service_code import ServiceCode
from codegen.usage.typed_code import Module, TypedCode, is_test
from codegen.usage.use import Use

ERRORS_MAX = 3
"""How many of mypy's errors are told: one is enough to doubt, and each hides the types behind it."""


def answer(catalogue: Catalogue, place: FieldPlace) -> Answer:
    """Look into the services' code; raise ContractsError where that cannot be done at all."""
    contracts = catalogue.contracts
    if contracts.out is None or contracts.package is None:
        raise ContractsError(f"code is known by its generated classes: {FILE_NAME} needs [generate] out and package")
    folders = {name: each.code for name, each in contracts.services.items() if each.code and each.code.is_dir()}
    code = service_code.read(folders, generated_files.package_folder(contracts.out, contracts.package))
    names = PackageNames(contracts.package, contracts.schemas.types.values())
    module = names.module(namespace_of(place.record))
    class_name = f"{module}.{names.class_name(place.record)}"
    uses = sorted({use for part in code.parts for use in _uses(catalogue, place, part, class_name)})
    errors = list(dict.fromkeys(error for part in code.parts for error in part.errors))
    consumers = contracts.consumers_of(place.event)
    others = [] if place.record == place.event else catalogue.events_with(place.record)
    events = frozenset({place.event, *others})
    return Answer(
        place=place,
        writer=place.topic.writer,
        consumers=[each.name for each in consumers],
        others=[catalogue.label(each) for each in others if each != place.event],
        versions=list(_versions(catalogue, place)),
        uses=[ServiceUse(_service(folders, use.path), use) for use in uses if not is_test(use.path)],
        tests=len({(use.path, use.line) for use in uses if is_test(use.path)}),
        unknown=[
            *_unconsumed(contracts, events),
            *_unseen(contracts, events, code, module),
            *code.unread,
            *(f"mypy: {error}" for error in errors[:ERRORS_MAX]),
        ],
    )


def _uses(catalogue: Catalogue, place: FieldPlace, code: TypedCode, class_name: str) -> Sequence[Use]:
    from codegen.usage import attribute, uses  # they need mypy, and that it is there is known by now

    record = catalogue.definition(place.record)
    assert isinstance(record, Record)
    name = attribute_names(tuple(field.name for field in record.fields))[place.field.name]
    module, _, simple = class_name.rpartition(".")
    if module not in code.known:
        return []  # nobody imports it, which `_unseen` tells of those who should
    members = attribute.members(code.known[module], simple)
    if name not in members:
        raise ContractsError(
            f"{class_name} has no {name}: the classes are not as the schemas say; `contracts generate`"
        )
    return uses.find(code, attribute.Attribute(class_name, name, members))


def _versions(catalogue: Catalogue, place: FieldPlace) -> Iterator[tuple[int | str, Field]]:
    for version in catalogue.versions(place.record):
        record = version.schema.types.get(place.record)
        for field in record.fields if isinstance(record, Record) else ():
            if field.name == place.field.name:
                yield version.label, field


def _service(folders: "dict[str, Path]", path: Path) -> str:
    """Return the service in whose folder a file lies, the innermost where folders lie within each other."""
    whole = path.resolve()
    found = [name for name, folder in folders.items() if whole.is_relative_to(folder.resolve())]
    return max(found, key=lambda name: len(folders[name].resolve().parts)) if found else ELSEWHERE


def _unconsumed(contracts: Contracts, events: Collection[str]) -> Iterator[str]:
    """Yield which events with the field nobody consumes: whoever does in truth is nobody that could be looked at."""
    for event in sorted(events):
        if not contracts.consumers_of(event):
            yield f"No service consumes {event}, as far as {FILE_NAME} says: who reads it is not known."


def _unseen(contracts: Contracts, events: frozenset[str], code: ServiceCode, generated: str) -> Iterator[str]:
    """Yield why a consumer's reads may not have been seen."""
    for service in contracts.services.values():
        if events.isdisjoint(service.consumes):
            continue
        if service.code is None:
            yield f"{service.name} consumes it, and {FILE_NAME} does not say where its code is."
        elif not service.code.is_dir():
            yield f"{service.name} consumes it, and its code is not there: {service.code} is no folder."
        elif not any(generated in each.imports for each in _modules(code, service.code)):
            yield f"{service.name} consumes it, and its code does not import {generated}: it reads events some other way."


def _modules(code: ServiceCode, folder: Path) -> Iterator[Module]:
    for module in code.modules:
        if module.path.resolve().is_relative_to(folder.resolve()) and not is_test(module.path):
            yield module
