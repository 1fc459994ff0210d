"""`contracts who-reads`: what its answer says, and what it does not claim."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from codegen.contracts import Contracts
from codegen.errors import ContractsError
from codegen.tests.building import record, write_schemas
from codegen.tests.running import run
from codegen.tests.test_uses_of_fields import CLOSED, CONTRACTS, LINE, PLACED
from codegen.usage import field_places

PROJECT: Final = Path(__file__).parents[2]
READER: Final = """
from events.shop import Line, Placed

def cook(event: Placed, lines: list[Line]) -> list[str]:
    return [event.note, *(line.sku for line in lines)]
"""
TEST: Final = """
from events.shop import Placed

def test_note(event: Placed) -> None:
    assert event.note == ""
"""
WRITER: Final = """
from events.shop import Closed, Placed

def place() -> Placed:
    return Placed(id="1", lines=[], note="x", class_="x")
def close() -> Closed:
    return Closed(id="1", note="", by=None)
"""
MORE_SERVICES: Final = """
[services.bar]
consumes = ["shop.Closed"]
[services.cellar]
code = "../src/nowhere"
consumes = ["shop.Closed"]
[services.office]
code = "../src/office"
consumes = ["shop.Closed"]
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose kitchen reads the note of Placed and the sku of Line; nobody knows who reads Closed."""
    root = tmp_path_factory.mktemp("shop")
    write_schemas(root / "schemas", LINE, PLACED, CLOSED)
    (root / "schemas/contracts.toml").write_text(CONTRACTS + MORE_SERVICES)
    files = {
        "kitchen/cooking": READER,
        "kitchen/test_cooking": TEST,
        "till/placing": WRITER,
        "office/filing": "FILES = 1",
    }
    for path, text in files.items():
        (root / "src" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "src" / path).parent.joinpath("__init__.py").touch()
        (root / f"src/{path}.py").write_text(f"{text}\n")
    assert run("generate", cwd=root).returncode == 0
    assert run("release", cwd=root).returncode == 0
    return root


def answer(shop: Path, field: str) -> tuple[int, dict[str, Any]]:
    result = run("who-reads", field, "--format", "json", cwd=shop)
    return result.returncode, json.loads(result.stdout)


def test_who_reads_it_is_told_line_by_line(shop: Path) -> None:
    code, told = answer(shop, "shop.orders.Placed.note")

    assert (code, told["verdict"], told["tests"]) == (100, "read", 1)
    assert (told["writer"], told["consumers"], told["versions"]) == ("till", ["kitchen"], [1])
    assert told["uses"] == [
        {
            "service": "kitchen",
            "file": "src/kitchen/cooking.py",
            "line": 5,
            "kind": "read",
            "certain": True,
            "why": "",
            "source": "return [event.note, *(line.sku for line in lines)]",
        },
        {
            "service": "till",
            "file": "src/till/placing.py",
            "line": 5,
            "kind": "write",
            "certain": True,
            "why": "",
            "source": 'return Placed(id="1", lines=[], note="x", class_="x")',
        },
    ]


def test_people_read_the_same(shop: Path) -> None:
    result = run("who-reads", "shop.orders.Placed.note", cwd=shop)

    assert result.returncode == 100
    assert (
        result.stdout
        == """\
shop.orders.Placed.note: string, default ""
  in released version 1
  written by till, consumed by kitchen

read by:
  kitchen  src/kitchen/cooking.py:5: return [event.note, *(line.sku for line in lines)]

written by:
  till  src/till/placing.py:5: return Placed(id="1", lines=[], note="x", class_="x")

1 line of tests, too.

Not safe to drop: kitchen reads it.
- Stop reading it there, deploy that, and ask again.
Not seen: code that is not these services' Python, versions of them that are deployed and are not this code, and events \
that are compared, hashed or printed whole, or go on to other code from where they are of type Any or object.
"""
    )


def test_a_field_that_nobody_reads_may_go(shop: Path) -> None:
    code, told = answer(shop, "shop.orders.Placed.class")

    assert (code, told["verdict"]) == (0, "unread")
    assert [(use["service"], use["kind"]) for use in told["uses"]] == [("till", "write")]
    assert told["advice"] == [
        "Remove it from the schema and from the lines that write it; `contracts breaking` has the last word."
    ]


def test_readers_of_old_versions_need_a_field_that_has_no_default_there(shop: Path) -> None:
    code, told = answer(shop, "shop.orders.Placed.lines.quantity")

    assert (code, told["verdict"], told["versions_without_default"]) == (100, "needed", [1])
    assert (
        "Nobody reads it here, and yet it is not safe to drop."
        in run("who-reads", "shop.orders.Placed.lines.quantity", cwd=shop).stdout
    )


def test_a_field_of_a_record_within_an_event_is_looked_for_in_that_record(shop: Path) -> None:
    code, told = answer(shop, "shop.orders-shop.Placed.lines[].sku")

    assert (code, told["record"], told["field"]) == (100, "shop.Line", "shop.orders.Placed.lines.sku")
    assert [(use["service"], use["line"]) for use in told["uses"]] == [("kitchen", 5)]


def test_a_key_is_not_dropped(shop: Path) -> None:
    code, told = answer(shop, "shop.orders.Placed.id")

    assert (code, told["verdict"]) == (100, "key")


def test_a_consumer_that_cannot_be_looked_at_may_read(shop: Path) -> None:
    code, told = answer(shop, "shop.orders.Closed.note")

    assert (code, told["verdict"]) == (100, "unknown")
    assert told["unknown"] == [
        "bar consumes it, and contracts.toml does not say where its code is.",
        "cellar consumes it, and its code is not there: src/nowhere is no folder.",
        "office consumes it, and its code does not import events.shop: it reads events some other way.",
    ]


@pytest.mark.parametrize(
    "services", ["", "[services.till]\n", '[services.kitchen]\ncode = "../kitchen"\nconsumes = []\n']
)
def test_what_nobody_is_said_to_consume_is_not_safe_to_drop(tmp_path: Path, services: str) -> None:
    topic = '[topics.orders]\nwriter = "till"\nkey = "id"\nevents = ["shop.Closed"]\n'
    write_schemas(tmp_path / "schemas", CLOSED)
    (tmp_path / "schemas/contracts.toml").write_text(f'[generate]\nout = ".."\npackage = "events"\n{topic}{services}')
    (tmp_path / "kitchen").mkdir()
    (tmp_path / "kitchen/cooking.py").touch()
    assert run("generate", cwd=tmp_path).returncode == 0
    result = run("who-reads", "orders.Closed.note", cwd=tmp_path)

    assert result.returncode == 100
    assert "Unknown: nobody was seen to read it" in result.stdout
    assert "No service consumes shop.Closed, as far as contracts.toml says" in result.stdout
    assert "Nothing to do" not in result.stdout + result.stderr


def test_code_with_errors_may_read_what_is_not_seen(shop: Path) -> None:
    broken = shop / "src/kitchen/broken.py"
    broken.write_text("COUNT: int = 'one'\n")
    try:
        code, told = answer(shop, "shop.orders.Placed.class")
    finally:
        broken.unlink()

    assert (code, told["verdict"]) == (100, "unknown")
    assert [each.split(": ")[:3] for each in told["unknown"]] == [["mypy", "src/kitchen/broken.py:1", "error"]]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (
            {"src/kitchen/broken.py": "def"},
            "src/kitchen/broken.py cannot be read: invalid syntax (<unknown>, line 1)",
        ),
        (
            {"src/kitchen/cooking.pyi": "def cook() -> None: ..."},
            "Not all code of kitchen was read, for mypy does not look at src/kitchen/cooking.py.",
        ),
        (
            {"mypy.ini": "[mypy]\nexclude = oven", "src/kitchen/oven.py": "from events.shop import Placed"},
            "Not all code of kitchen was read, for mypy does not look at src/kitchen/oven.py.",
        ),
    ],
)
def test_code_that_is_not_read_may_read_it(shop: Path, files: dict[str, str], reason: str) -> None:
    for path, text in files.items():
        (shop / path).write_text(f"{text}\n")
    try:
        code, told = answer(shop, "shop.orders.Placed.class")
    finally:
        for path in files:
            (shop / path).unlink()

    assert (code, told["verdict"]) == (100, "unknown")
    assert reason in told["unknown"]
    assert [(use["service"], use["kind"]) for use in told["uses"]] == [("till", "write")]


def test_services_that_cannot_be_read_together_are_read_one_by_one(tmp_path: Path) -> None:
    write_schemas(tmp_path / "schemas", LINE, PLACED, CLOSED)
    (tmp_path / "schemas/contracts.toml").write_text(CONTRACTS)
    for service, text in (("kitchen", READER), ("till", WRITER)):
        (tmp_path / f"src/{service}").mkdir(parents=True)
        (tmp_path / f"src/{service}/app.py").write_text(text)
    assert run("generate", cwd=tmp_path).returncode == 0
    (tmp_path / "mypy.ini").write_text("[mypy]\nmypy_path = src\n")
    _, told = answer(tmp_path, "shop.orders.Placed.note")
    code, of_class = answer(tmp_path, "shop.orders.Placed.class")

    assert [(use["service"], use["kind"]) for use in told["uses"]] == [("kitchen", "read"), ("till", "write")]
    assert (told["unknown"], code, of_class["verdict"]) == ([], 0, "unread")


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("shop.orders.Placed.notes", "shop.orders.Placed has no field 'notes'; is it note or lines?"),
        ("shop.orders.Placed.x", "shop.orders.Placed has no field 'x'; there is class, id, lines, note"),
        ("shop.orders.Placed.lines.sk", "shop.orders.Placed.lines has no field 'sk'; is it sku?"),
        ("shop.orders.Placed.note.length", "shop.orders.Placed.note has no field 'length'"),
        ("shop.orders.Plced.note", "with a field; is it shop.orders.Placed or shop.orders.Closed?"),
        ("shop.orders.Placed", "with a field; say which field of it: shop.orders.Placed.FIELD"),
    ],
)
def test_what_is_no_field_is_told_with_what_comes_near(shop: Path, field: str, message: str) -> None:
    result = run("who-reads", field, cwd=shop)

    assert result.returncode == 1
    assert result.stderr.rstrip("\n").endswith(message)


def test_without_topics_nobody_is_known_to_read(tmp_path: Path) -> None:
    write_schemas(tmp_path / "schemas", LINE)

    assert "names no topics" in run("who-reads", "shop.Line.sku", cwd=tmp_path).stderr


def test_a_field_of_two_records_of_a_union_is_not_guessed(tmp_path: Path) -> None:
    either = [record("shop.Cash", amount="long"), record("shop.Card", amount="long")]
    write_schemas(tmp_path, record("shop.Paid", id="string", by=either))
    (tmp_path / "contracts.toml").write_text('[topics.paid]\nwriter = "till"\nkey = "id"\nevents = ["shop.Paid"]\n')

    with pytest.raises(ContractsError, match=r"paid\.Paid\.by\.amount may be a field of shop\.Cash or of shop\.Card"):
        field_places.find(Contracts.load(tmp_path), "paid.Paid.by.amount")


def test_our_inventory_reads_the_lines_of_a_captured_payment() -> None:
    code, told = answer(PROJECT, "shop.payments.PaymentCaptured.lines")
    files = {(use["service"], use["file"], use["kind"]) for use in told["uses"] if use["certain"]}

    assert (code, told["verdict"]) == (100, "read")
    assert ("inventory", "services/inventory/domain.py", "read") in files
    assert ("payments", "services/payments/domain.py", "write") in files


def test_our_messaging_kit_reads_the_id_of_every_event() -> None:
    _, told = answer(PROJECT, "shop.orders.OrderFailed.header.event_id")
    files = {(use["service"], use["file"]) for use in told["uses"] if use["kind"] == "read"}

    assert ("shared code", "services/messaging/wire.py") in files
