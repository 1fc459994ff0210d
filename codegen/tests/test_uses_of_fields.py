"""What counts as a use of a field, in the code of services: a line of code for each way to read or write it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from codegen.tests.building import record, write_schemas
from codegen.tests.running import run
from codegen.usage import typed_code, uses
from codegen.usage.attribute import Attribute, members
from codegen.usage.typed_code import TypedCode

LINE: Final = record("shop.Line", sku="string", quantity="int")
PLACED: Final = record(
    "shop.Placed",
    {"note": "", "class": ""},
    id="string",
    lines={"type": "array", "items": "Line"},
    note="string",
    **{"class": "string"},
)
CLOSED: Final = record("shop.Closed", id="string", note="string", by=["null", record("shop.Clerk", name="string")])
CONTRACTS: Final = """
[generate]
out = "../src"
package = "events"
[topics."shop.orders"]
writer = "till"
key = "id"
events = ["shop.Placed", "shop.Closed"]
[services.till]
code = "../src/till"
[services.kitchen]
code = "../src/kitchen"
consumes = ["shop.Placed"]
"""
IMPORTS: Final = """
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from operator import attrgetter
from typing import Any, Protocol, TypeVar

from events.shop import Closed, Line, Placed
from outside import anything, anything_inside, exactly
"""
OUTSIDE: Final = """
from typing import Any, Protocol

class Numbered(Protocol):
    @property
    def id(self) -> str: ...

note = "x"
def anything(value: Any) -> None: ...
def exactly(value: Numbered) -> None: ...
def anything_inside(values: dict[str, list[Any]]) -> None: ...
"""
READ, WRITE = "read", "write"
PERHAPS, PERHAPS_WRITE = "read?", "write?"


@dataclass(frozen=True)
class Case:
    """Code, and what it does with the field `note` of Placed."""

    name: str
    code: str
    found: tuple[str, ...]


CASES: Final = [
    Case("attribute", "def f(event: Placed) -> str:\n    return event.note", (READ,)),
    Case("alias", "import events.shop as e\ndef f(event: e.Placed) -> str:\n    return event.note", (READ,)),
    Case(
        "renamed_import", "from events.shop import Placed as P\ndef f(event: P) -> str:\n    return event.note", (READ,)
    ),
    Case(
        "inferred", "def f(events: Sequence[Placed]) -> set[str]:\n    return {each.note for each in events}", (READ,)
    ),
    Case("union", "def f(event: Placed | Closed) -> str:\n    return event.note", (READ,)),
    Case(
        "narrowed_away",
        "def f(event: Placed | Closed) -> str:\n    return event.note if isinstance(event, Closed) else ''",
        (),
    ),
    Case("another_class", "def f(event: Closed) -> str:\n    return event.note", ()),
    Case("another_field", "def f(event: Placed) -> str:\n    return event.id", ()),
    Case("lambda", "def f(events: list[Placed]) -> None:\n    events.sort(key=lambda each: each.note)", (READ,)),
    Case(
        "match",
        "def f(event: object) -> str:\n    match event:\n        case Placed(note=note):\n            return note\n    return ''",
        (READ,),
    ),
    Case(
        "match_another",
        "def f(event: object) -> str:\n    match event:\n        case Closed(note=note):\n            return note\n    return ''",
        (),
    ),
    Case("type_variable", "T = TypeVar('T', bound=Placed)\ndef f(event: T) -> str:\n    return event.note", (READ,)),
    Case(
        "protocol",
        "class Noted(Protocol):\n    @property\n    def note(self) -> str: ...\ndef f(event: Noted) -> str:\n    return event.note",
        (READ,),
    ),
    Case(
        "another_protocol",
        "class Priced(Protocol):\n    note: str\n    price: int\ndef f(event: Priced) -> str:\n    return event.note",
        (),
    ),
    Case("in_a_text", "def f(event: Placed) -> str:\n    return f'{event.note}!'", (READ,)),
    Case("the_class", "def f() -> object:\n    return Placed.note", (READ,)),
    Case("constant_name", "def f(event: Placed) -> object:\n    return getattr(event, 'note')", (READ,)),
    Case("another_constant_name", "def f(event: Placed) -> object:\n    return getattr(event, 'id')", ()),
    Case("unknown_name", "def f(event: Placed, name: str) -> object:\n    return getattr(event, name)", (PERHAPS,)),
    Case("unknown_name_of_another", "def f(event: Closed, name: str) -> object:\n    return getattr(event, name)", ()),
    Case("getter", "GET = attrgetter('note')", (PERHAPS,)),
    Case("getter_of_another", "GET = attrgetter('id')", ()),
    Case("whole", "def f(event: Placed) -> Mapping[str, object]:\n    return asdict(event)", (READ,)),
    Case("whole_of_another", "def f(event: Closed) -> Mapping[str, object]:\n    return dataclasses.asdict(event)", ()),
    Case("any", "def f(event: Any) -> object:\n    return event.note", (PERHAPS,)),
    Case("without_annotations", "def f(event):\n    return event.note", (PERHAPS,)),
    Case("module", "import outside as event\nNOTE = event.note", ()),
    Case("given_away", "def f(event: Placed) -> None:\n    anything(event)", (PERHAPS,)),
    Case("given_away_by_name", "def f(event: Placed) -> None:\n    anything(value=[event])", (PERHAPS,)),
    Case(
        "given_away_within_a_dict",
        "def f(events: list[Placed]) -> None:\n    anything({'events': [each for each in events]})",
        (PERHAPS,),
    ),
    Case("given_where_it_is_known", "def f(event: Placed) -> None:\n    exactly(event)", ()),
    Case(
        "given_to_a_method", "def f(log: Any, event: Placed) -> None:\n    log.info('placed', event=event)", (PERHAPS,)
    ),
    Case("given_to_own_code", "def g(event: object) -> None: ...\ndef f(event: Placed) -> None:\n    g(event)", ()),
    Case("another_given_away", "def f(event: Closed) -> None:\n    anything(event)", ()),
    Case("written", "EVENT = Placed(id='1', lines=[], note='x')", (WRITE,)),
    Case("written_by_default", "EVENT = Placed(id='1', lines=[])", ()),
    Case("written_through_an_alias", "P = Placed\nEVENT = P(id='1', lines=[], note='x')", (WRITE,)),
    Case(
        "written_from_a_mapping",
        "def f(values: Mapping[str, Any]) -> Placed:\n    return Placed(**values)",
        (PERHAPS_WRITE,),
    ),
    Case("replaced", "def f(event: Placed) -> Placed:\n    return replace(event, note='x')", (WRITE,)),
    Case("another_replaced", "def f(event: Closed) -> Closed:\n    return replace(event, note='x')", ()),
    Case(
        "unreachable",
        "def f(event: None) -> object:\n    if event is not None:\n        return event.note\n    return 1",
        (PERHAPS,),
    ),
    # an argument by its name, or unpacked
    Case("whole_by_keyword", "def f(event: Placed) -> object:\n    return asdict(obj=event)", (READ,)),
    Case("whole_of_another_by_keyword", "def f(event: Closed) -> object:\n    return asdict(obj=event)", ()),
    Case("whole_unpacked", "def f(events: list[Placed]) -> object:\n    return asdict(*events)", (PERHAPS,)),
    Case("whole_from_a_mapping", "def f(values: Any) -> object:\n    return asdict(**values)", (PERHAPS,)),
    Case("name_unpacked", "def f(pair: Any) -> object:\n    return getattr(*pair)", (PERHAPS,)),
    # an object of any type
    Case("object_by_name", "def f(event: object) -> object:\n    return getattr(event, 'note', '')", (PERHAPS,)),
    Case("object_by_another_name", "def f(event: object) -> object:\n    return getattr(event, 'id', '')", ()),
    Case(
        "object_that_has_it",
        "def f(event: object) -> object:\n    if hasattr(event, 'id'):\n        return event.note  # type: ignore\n    return 0",
        (PERHAPS,),
    ),
    Case("ignored", "def f(event: object) -> object:\n    return event.note  # type: ignore[attr-defined]", (PERHAPS,)),
    Case("ignored_of_another", "def f(event: Line) -> object:\n    return event.note  # type: ignore", (PERHAPS,)),
    Case(
        "type_variable_of_any",
        "T = TypeVar('T')\ndef f(event: T) -> object:\n    return getattr(event, 'note')",
        (PERHAPS,),
    ),
    Case("derived", "class Mine(Placed):\n    def f(self) -> str:\n        return self.note", (READ,)),
    # what reads fields, not called but handed on
    Case("mapped", "def f(events: list[Placed]) -> object:\n    return list(map(asdict, events))", (PERHAPS,)),
    Case("assigned", "GET = getattr\nWHOLE = dataclasses.asdict", (PERHAPS, PERHAPS)),
    Case("in_a_table", "READERS = {'whole': asdict}", (PERHAPS,)),
    Case(
        "partly",
        "from functools import partial\ndef f(event: Placed) -> object:\n    return partial(getattr, event)",
        (PERHAPS,),
    ),
    Case("replaced_later", "from functools import partial\nNOTED = partial(replace, note='x')", (PERHAPS_WRITE,)),
    # an event within what is given away
    Case("formatted", "def f(event: Placed) -> str:\n    return '{0.note}'.format(event)", (PERHAPS,)),
    Case(
        "formatted_from_a_map",
        "def f(event: Placed) -> str:\n    return '{e.note}'.format_map({'e': event})",
        (PERHAPS,),
    ),
    Case(
        "formatted_by_a_formatter",
        "import string\ndef f(event: Placed) -> str:\n    return string.Formatter().vformat('', (), {'e': event})",
        (PERHAPS,),
    ),
    Case("given_deep_inside", "def f(event: Placed) -> None:\n    anything_inside({'events': [event]})", (PERHAPS,)),
    Case(
        "given_through_map",
        "def f(events: list[Placed]) -> object:\n    return list(map(anything, events))",
        (PERHAPS,),
    ),
    Case(
        "given_through_a_lambda",
        "def f(events: list[Placed]) -> object:\n    return list(map(lambda e: e.id, events))",
        (),
    ),
    Case(
        "given_through_map_exactly", "def f(events: list[Placed]) -> object:\n    return list(map(exactly, events))", ()
    ),
    Case(
        "given_to_a_thread",
        "from threading import Thread\ndef f(event: Placed) -> object:\n    return Thread(target=anything, args=(event,))",
        (PERHAPS,),
    ),
    Case(
        "own_code_in_a_thread",
        "from threading import Thread\ndef g(event: Placed) -> None: ...\n"
        "def f(event: Placed) -> object:\n    return Thread(target=g, args=(event,))",
        (),
    ),
    Case(
        "given_to_what_a_variable_has",
        "READER = anything\ndef f(event: Placed) -> None:\n    READER(event)",
        (PERHAPS,),
    ),
    # code that is not for this machine
    Case(
        "another_machine",
        "import sys\ndef f(event: Placed) -> object:\n    if sys.platform == 'nowhere':\n        return asdict(event)\n    return 0",
        (PERHAPS,),
    ),
    Case(
        "another_python",
        "import sys\ndef f(event: Placed) -> object:\n    if sys.version_info < (3, 1):\n"
        "        from builtins import getattr as get\n        return get(event, 'note')\n    return 0",
        (PERHAPS,),
    ),
    Case(
        "given_away_on_another_machine",
        "import sys\ndef f(event: Placed) -> None:\n    if sys.platform == 'nowhere':\n        anything(event)",
        (PERHAPS,),
    ),
    Case(
        "harmless_on_another_machine",
        "import sys\ndef g() -> None: ...\ndef f(event: Placed) -> None:\n    if sys.platform == 'nowhere':\n        print(len('x'))\n        g()",
        (),
    ),
    # methods that every object has
    Case("get_method", "def f(event: Placed) -> object:\n    return event.__getattribute__('note')", (READ,)),
    Case(
        "get_method_of_object",
        "def f(event: Placed) -> object:\n    return object.__getattribute__(event, 'note')",
        (READ,),
    ),
    Case("get_method_of_another", "def f(event: Closed) -> object:\n    return event.__getattribute__('note')", ()),
    Case("state", "def f(event: Placed) -> object:\n    return event.__reduce__()", (READ,)),
    Case("slots", "def f(event: Placed) -> object:\n    return event.__match_args__", (PERHAPS,)),
    Case(
        "method_caller", "from operator import methodcaller\nGET = methodcaller('__getattribute__', 'note')", (PERHAPS,)
    ),
    Case(
        "method_caller_of_another",
        "from operator import methodcaller\nGET = methodcaller('__getattribute__', 'id')",
        (),
    ),
    Case("method_caller_of_a_method", "from operator import methodcaller\nGET = methodcaller('encode')", ()),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with generated classes, two services, and code that is not theirs."""
    root = tmp_path_factory.mktemp("project")
    write_schemas(root / "schemas", LINE, PLACED, CLOSED)
    (root / "schemas/contracts.toml").write_text(CONTRACTS)
    for service in ("till", "kitchen"):
        (root / f"src/{service}").mkdir(parents=True)
        (root / f"src/{service}/__init__.py").touch()
    library = root / "lib/site-packages"
    library.mkdir(parents=True)
    (library / "outside.py").write_text(OUTSIDE)
    (root / "mypy.ini").write_text(f"[mypy]\nmypy_path = {library}\n")
    for case in CASES:
        (root / f"src/kitchen/{case.name}.py").write_text(f"{IMPORTS}\n{case.code}\n")
    assert run("generate", cwd=root).returncode == 0
    return root


@pytest.fixture(scope="module")
def code(project: Path) -> TypedCode:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        return typed_code.read([project / "src/till", project / "src/kitchen"], project / "src/events")


def found(code: TypedCode, name: str, class_name: str = "Placed") -> dict[str, list[str]]:
    attribute = Attribute(f"events.shop.{class_name}", name, members(code.known["events.shop"], class_name))
    result: dict[str, list[str]] = {}
    for use in uses.find(code, attribute):
        result.setdefault(use.path.stem, []).append(f"{use.kind}{'' if use.certain else '?'}")
    return result


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_counts_as_a_use(code: TypedCode, case: Case) -> None:
    assert tuple(found(code, "note").get(case.name, ())) == case.found
