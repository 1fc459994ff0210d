"""Single edits of this repository's own events: the verdict on each, with place, path, versions and remedy.

The schemas are copied with two released versions (or a commit) of what they are now, and one of them is edited.
"""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from codegen.checks import breaking, difference, history
from codegen.checks.findings import Finding
from codegen.checks.rules import RULES
from codegen.contracts import Contracts
from codegen.tests.releasing import commit, init, release_all

SCHEMAS = Path(__file__).parents[2] / "schemas"
EVENT = "shop/orders/OrderPlaced.avsc"
HEADER = "shop/common/EventHeader.avsc"
LINE = "shop/common/OrderLine.avsc"
REASON = "shop/inventory/RejectionReason.avsc"
COUPON = {"name": "coupon", "type": "string", "doc": "A code from the leaflet."}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
USES = {  # the subjects that a file is in, and the path that leads there
    EVENT: {"shop.orders-shop.orders.OrderPlaced": ""},
    HEADER: {"shop.common.EventHeader": ""}
    | {f"{topic}-{event}": "header." for topic, event in (
        *(("shop.orders", f"shop.orders.{name}") for name in ("OrderPlaced", "OrderCompleted", "OrderFailed")),
        *(("shop.payments", f"shop.payments.Payment{name}") for name in ("Captured", "Declined", "Refunded")),
        *(("shop.inventory", f"shop.inventory.Stock{name}") for name in ("Deducted", "Rejected", "Adjusted")),
        ("shop.inventory", "shop.inventory.ProductListed"),
    )},
    LINE: {
        "shop.common.OrderLine": "",
        "shop.orders-shop.orders.OrderPlaced": "lines[].",
        "shop.payments-shop.payments.PaymentCaptured": "lines[].",
    },
    REASON: {
        "shop.inventory.RejectionReason": "",
        "shop.inventory-shop.inventory.StockRejected": "reason",
        "shop.payments-shop.payments.PaymentRefunded": "reason",
    },
}  # fmt: skip

Edit = Callable[[dict[str, Any]], object]


def field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in schema["fields"] if each["name"] == name)


def remove(name: str) -> Edit:
    return lambda schema: schema["fields"].remove(field(schema, name))


def add(new: dict[str, Any]) -> Edit:
    return lambda schema: schema["fields"].append(new)


def change(name: str, /, **more: Any) -> Edit:
    return lambda schema: field(schema, name).update(more)


def remove_symbol(schema: dict[str, Any]) -> None:
    schema["symbols"].remove("OUT_OF_STOCK")


def remove_symbol_and_default(schema: dict[str, Any]) -> None:
    remove_symbol(schema)
    del schema["default"]


def keep_both_names(schema: dict[str, Any]) -> None:
    new = field(schema, "amount_minor")
    schema["fields"].append({**new, "name": "total_minor"})
    new["default"] = 0


def write_alias(schema: dict[str, Any]) -> None:
    field(schema, "amount_minor")["aliases"] = ["total_minor"]


# Each verdict is a rule, the path within the file's type, and the JSON that stands at the place: a field by its name,
# anything else after the last name that stands before it.
EDITS: Mapping[str, tuple[str, Edit, list[tuple[str, str, str]]]] = {
    "remove a field": (
        *(EVENT, remove("currency")),
        [("FIELD_REMOVED_WITHOUT_DEFAULT", "currency", '"OrderPlaced"')],
    ),
    "remove a field with default": (EVENT, remove("idempotency_key"), []),
    "add a field without default": (
        *(EVENT, add(COUPON)),
        [("FIELD_ADDED_WITHOUT_DEFAULT", "coupon", "coupon")],
    ),
    "add a field with default": (EVENT, add({**COUPON, "default": ""}), []),
    "rename a field": (
        *(EVENT, change("total_minor", name="amount_minor")),
        [
            ("FIELD_ADDED_WITHOUT_DEFAULT", "amount_minor", "amount_minor"),
            ("FIELD_REMOVED_WITHOUT_DEFAULT", "total_minor", '"OrderPlaced"'),
        ],
    ),
    "rename a field with alias": (
        *(EVENT, change("total_minor", name="amount_minor", aliases=["total_minor"])),
        [("FIELD_REMOVED_WITHOUT_DEFAULT", "total_minor", '"OrderPlaced"')],  # deployed readers know no alias
    ),
    "rename a field with default": (
        *(EVENT, change("idempotency_key", name="request_key")),
        [("FIELD_RENAMED", "request_key", "request_key")],
    ),
    "int to string": (
        *(LINE, change("quantity", type="string")),
        [("TYPE_CHANGED", "quantity", 'quantity "string"')],
    ),
    "long to int": (EVENT, change("total_minor", type="int"), [("TYPE_CHANGED", "total_minor", 'total_minor "int"')]),
    "remove a symbol": (REASON, remove_symbol, []),  # readers have a default
    "remove a symbol and the default": (
        *(REASON, remove_symbol_and_default),
        [("ENUM_SYMBOL_REMOVED", "", 'RejectionReason ["UNKNOWN", "UNKNOWN_PRODUCT"]')],
    ),
    "another unit of time": (
        *(HEADER, change("occurred_at", type=MILLIS)),
        [("TIME_UNIT_CHANGED", "occurred_at", f"occurred_at {json.dumps(MILLIS)}")],
    ),
    "another doc": (EVENT, lambda schema: schema.update(doc="Other words."), []),
    "another doc of a field": (EVENT, change("currency", doc="Other words."), []),
}
# With readers first (BACKWARD) and with writers first (FORWARD) some of them are allowed.
ALLOWED = {
    "BACKWARD_TRANSITIVE": {"FIELD_REMOVED_WITHOUT_DEFAULT"},
    "FORWARD_TRANSITIVE": {"FIELD_ADDED_WITHOUT_DEFAULT", "ENUM_SYMBOL_REMOVED"},
}


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    folder = init(tmp_path / "repository") / "schemas"
    shutil.copytree(SCHEMAS, folder, ignore=shutil.ignore_patterns("history", "contracts.lock"))
    return folder


def edit(schemas: Path, file: str, by: Edit) -> None:
    schema = json.loads((schemas / file).read_text())
    by(schema)
    (schemas / file).write_text(json.dumps(schema, indent=2))


def found(schemas: Path, against: str = "history") -> tuple[Finding, ...]:
    contracts = Contracts.load(schemas)
    return breaking.find(contracts, history.read(against, contracts))


def place(finding: Finding) -> str:
    """Return the JSON that stands where a finding points to: a field by its name, else after the last name before it."""
    assert finding.file is not None
    assert finding.line is not None
    assert finding.column is not None
    text = Path(finding.file).read_text()
    offset = sum(len(line) for line in text.splitlines(keepends=True)[: finding.line - 1]) + finding.column - 1
    node, _ = json.JSONDecoder().raw_decode(text, offset)
    if isinstance(node, dict) and "name" in node:
        return str(node["name"])
    names = re.findall(r'"name": "(\w+)"', text[:offset])
    return " ".join([*names[-1:], json.dumps(node)])


def expected(file: str, verdicts: list[tuple[str, str, str]]) -> list[tuple[str, str, str, str]]:
    return sorted(
        (subject, rule, prefix + path, place)
        for subject, prefix in USES[file].items()
        for rule, path, place in verdicts
    )


def told(findings: tuple[Finding, ...]) -> list[tuple[str, str, str, str]]:
    return sorted((each.subject or "", each.rule, each.path, place(each)) for each in findings)


@pytest.mark.parametrize("name", EDITS)
def test_the_verdict_against_released_versions(schemas: Path, name: str) -> None:
    file, by, verdicts = EDITS[name]
    release_all(schemas, 1)
    release_all(schemas, 2)
    edit(schemas, file, by)

    findings = found(schemas)

    assert told(findings) == expected(file, verdicts)
    for finding in findings:
        assert finding.file == f"{schemas}/{file}"
        assert finding.versions == (1, 2)
        assert (finding.category, finding.severity) == (RULES[finding.rule].category, RULES[finding.rule].severity)
        assert finding.message
        assert finding.fix.endswith(".")


@pytest.mark.parametrize("name", EDITS)
def test_the_verdict_against_a_commit_is_the_same(schemas: Path, name: str) -> None:
    file, by, verdicts = EDITS[name]
    commit(schemas, "v1")
    edit(schemas, file, by)

    findings = found(schemas, "git:v1")

    assert told(findings) == expected(file, verdicts)
    assert {finding.versions for finding in findings} <= {("v1",)}


@pytest.mark.parametrize("level", ALLOWED)
@pytest.mark.parametrize("name", EDITS)
def test_a_level_of_one_direction_allows_what_harms_the_other(schemas: Path, name: str, level: str) -> None:
    file, by, verdicts = EDITS[name]
    release_all(schemas, 1)
    contracts = schemas / "contracts.toml"
    contracts.write_text(contracts.read_text().replace("FULL_TRANSITIVE", level))
    edit(schemas, file, by)

    left = [verdict for verdict in verdicts if verdict[0] not in ALLOWED[level]]
    if (name, level) == ("long to int", "FORWARD_TRANSITIVE"):
        left = []  # readers of earlier versions take an int for a long
    if level == "FORWARD_TRANSITIVE":  # Python code is left to tell where data are not
        added = [verdict for verdict in verdicts if verdict[0] == "FIELD_ADDED_WITHOUT_DEFAULT"]
        left = [("ARGUMENT_REQUIRED", path, place) for _, path, place in added] + left
    assert told(found(schemas)) == expected(file, left)


@pytest.mark.parametrize("name", EDITS)
def test_a_diff_tells_every_edit(schemas: Path, name: str) -> None:
    file, by, _ = EDITS[name]
    release_all(schemas, 1)
    unchanged = Contracts.load(schemas)
    assert difference.between(history.released(schemas), unchanged) == ()

    edit(schemas, file, by)
    changes = difference.between(history.released(schemas), Contracts.load(schemas))

    assert {change.type for change in changes} == {file.removesuffix(".avsc").replace("/", ".")}


def test_unedited_schemas_break_nothing(schemas: Path) -> None:
    release_all(schemas, 1)
    commit(schemas, "v1")

    assert found(schemas) == ()
    assert found(schemas, "git:v1") == ()


@pytest.mark.parametrize(
    ("level", "said", "mend"),
    [
        ("FULL_TRANSITIVE", "keep 'total_minor' as well and fill both", keep_both_names),
        ("BACKWARD_TRANSITIVE", 'at a level without FORWARD, write "aliases": ["total_minor"]', write_alias),
    ],
)
def test_a_rename_is_mended_by_what_the_finding_says(schemas: Path, level: str, said: str, mend: Edit) -> None:
    release_all(schemas, 1)
    contracts = schemas / "contracts.toml"
    contracts.write_text(contracts.read_text().replace("FULL_TRANSITIVE", level))
    edit(schemas, EVENT, change("total_minor", name="amount_minor"))
    (added,) = [finding for finding in found(schemas) if finding.rule == "FIELD_ADDED_WITHOUT_DEFAULT"]

    edit(schemas, EVENT, mend)

    assert said in added.fix
    assert found(schemas) == ()
