"""`contracts docs`: what the page and the AsyncAPI document say, and that ours are as the schemas say."""

import io
import json
from pathlib import Path
from typing import Any, Final

import fastavro
import jsonschema_rs
import pytest

from codegen.avro.parsing import parse
from codegen.contracts import Contracts
from codegen.documentation import examples
from codegen.documentation.commands import DOCUMENT, PAGE, written
from codegen.documentation.markdown import anchors, block, code, text
from codegen.errors import ContractsError
from codegen.samples.data import encode
from codegen.tests.building import logical, record, write_schemas
from codegen.tests.golden_packages import CASES, GOLDEN
from codegen.tests.running import run

PROJECT: Final = Path(__file__).parents[2]
SPECIFICATION: Final = jsonschema_rs.validator_for((Path(__file__).parent / "asyncapi/3.0.0.json").read_text())
LINE: Final = record("shop.Line", sku="string", quantity="int")
PLACED: Final = {
    **record(
        "shop.Placed", {"note": None}, id="string", lines={"type": "array", "items": "Line"}, note=["null", "string"]
    ),
    "doc": "An order | was <placed>.\nAnd more.",
}
CONTRACTS: Final = """
[topics.orders]
writer = "till"
key = "id"
partitions = 3
events = ["shop.Placed"]
[topics."orders.dead"]
writer = "till"
dead_letter = true
[services.kitchen]
description = "Cooks."
consumes = ["shop.Placed"]
"""


def folder(path: Path, text: str = CONTRACTS, *schemas: dict[str, Any]) -> Path:
    write_schemas(path, *(schemas or (LINE, PLACED)))
    (path / "contracts.toml").write_text(text)
    return path


def page(path: Path) -> str:
    return written(Contracts.load(path), {})[PAGE]


def document(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(written(Contracts.load(path), {})[DOCUMENT])
    return loaded


def faults(found: dict[str, Any]) -> list[str]:
    return [f"{error.instance_path}: {error.message}" for error in SPECIFICATION.iter_errors(found)]


def test_our_own_documentation_is_as_the_schemas_say() -> None:
    result = run("docs", "--check", cwd=PROJECT)

    assert (result.returncode, result.stdout) == (0, "docs/events.md and docs/asyncapi.json are as the schemas say.\n")


@pytest.mark.parametrize("case", [PROJECT / "schemas", *(GOLDEN / case / "schemas" for case in CASES)], ids=str)
def test_every_document_is_valid_asyncapi(case: Path) -> None:
    assert faults(document(case)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("channels", "orders", "bindings", "kafka", "partitions"), 0),
        (("operations", "till.send.orders", "action"), "publish"),
        (("components", "messages", "shop.Placed", "payload", "schema", "type"), "recor"),
        (("components", "messages", "shop.Placed", "bindings", "kafka", "schemaIdLocation"), "elsewhere"),
    ],
)
def test_a_document_that_says_something_else_is_not_valid(tmp_path: Path, path: tuple[str, ...], value: object) -> None:
    found = document(folder(tmp_path))
    inner = found
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value

    assert faults(found) != []


def test_a_topic_is_a_channel_and_who_writes_or_consumes_has_an_operation(tmp_path: Path) -> None:
    found = document(folder(tmp_path))

    messages = [{"$ref": "#/channels/orders/messages/Placed"}]
    channel = {"$ref": "#/channels/orders"}
    assert found["operations"] == {
        "till.send.orders": {"action": "send", "channel": channel, "messages": messages},
        "till.send.orders.dead": {"action": "send", "channel": {"$ref": "#/channels/orders.dead"}, "messages": []},
        "kitchen.receive.orders": {"action": "receive", "channel": channel, "messages": messages},
    }
    assert found["channels"]["orders"]["messages"] == {"Placed": {"$ref": "#/components/messages/shop.Placed"}}
    assert found["channels"]["orders"]["bindings"]["kafka"] == {
        "topic": "orders",
        "partitions": 3,
        "topicConfiguration": {"retention.ms": 604_800_000, "max.message.bytes": 1_048_576},
        "bindingVersion": "0.5.0",
    }


def test_a_message_has_its_schema_its_key_and_an_example(tmp_path: Path) -> None:
    message = document(folder(tmp_path))["components"]["messages"]["shop.Placed"]

    assert message["payload"]["schemaFormat"] == "application/vnd.apache.avro+json;version=1.9.0"
    assert message["payload"]["schema"]["fields"][1]["type"]["items"]["name"] == "Line"
    assert message["bindings"]["kafka"]["key"]["type"] == "string"
    assert message["correlationId"]["location"] == "$message.payload#/id"
    assert message["examples"][0]["payload"] == {
        "id": "<id>",
        "lines": [{"sku": "<sku>", "quantity": 1}],
        "note": {"string": "<note>"},
    }


def test_the_page_says_who_writes_and_who_consumes(tmp_path: Path) -> None:
    lines = page(folder(tmp_path)).splitlines()

    assert "| [orders](#orders) | [Placed](#placed) | till | `id` | 3 | 7 days | 1,048,576 bytes |" in lines
    assert "| orders.dead | what its writer could not process | till |  | 1 | 7 days | 1,048,576 bytes |" in lines
    assert "| kitchen | Cooks. |  | [Placed](#placed) |" in lines
    assert '    s0 -->|"Placed"| s1' in lines
    assert "An order \\| was &lt;placed>. And more." in lines
    assert "- consumed by: kitchen" in lines
    assert "- version: not released" in lines
    assert "| `lines` | array&lt;[Line](#line)&gt; |  |  |" in lines
    assert "| `note` | null \\| string | `null` |  |" in lines


def test_the_page_tells_the_versions(tmp_path: Path) -> None:
    schemas = folder(tmp_path / "schemas")
    run("release", cwd=tmp_path)
    more = record(
        "shop.Placed", {"note": None, "tip": 0}, **{f["name"]: f["type"] for f in PLACED["fields"]}, tip="int"
    )
    folder(schemas, CONTRACTS, LINE, {**more, "doc": "Placed."})
    before = page(schemas).splitlines()
    run("release", cwd=tmp_path)
    after = page(schemas).splitlines()

    assert "- version: not released; the last one is 1" in before
    assert "| `tip` | int | `0` | not released |  |" in before
    assert "- version: 2" in after
    assert "| `tip` | int | `0` | 2 |  |" in after
    assert "| `id` | string |  | 1 |  |" in after
    assert after[after.index("Changed in version 2:") :][2:8] == [
        "**shop.Placed**",
        "",
        "```diff",
        '! doc "An order | was <placed>.\\nAnd more." -> "Placed."',
        "+ field tip: int = 0",
        "```",
    ]


def test_the_page_tells_which_version_each_service_runs(tmp_path: Path) -> None:
    schemas = folder(tmp_path / "schemas")
    run("release", cwd=tmp_path)
    folder(schemas, CONTRACTS, LINE, {**PLACED, "doc": "Placed."})
    run("release", cwd=tmp_path)
    (tmp_path / "deployed.toml").write_text('[kitchen]\n"shop.Placed" = 1\n')

    docs = run("docs", "--deployed", "deployed.toml", "--out", "docs", cwd=tmp_path)
    refused = run("docs", "--deployed", "schemas/contracts.toml", "--out", "docs", cwd=tmp_path)

    lines = (tmp_path / "docs" / PAGE).read_text().splitlines()
    assert docs.returncode == 0
    assert [line for line in lines if line.startswith(("- written by", "- consumed by"))][:2] == [
        "- written by: till (version 2)",
        "- consumed by: kitchen (version 1)",
    ]
    assert refused.returncode == 1


def test_the_version_of_the_whole_counts_what_was_released(tmp_path: Path) -> None:
    schemas = folder(tmp_path / "schemas")
    before = document(schemas)["info"]["version"]
    run("release", cwd=tmp_path)

    assert (before, document(schemas)["info"]["version"]) == ("1.0.0+unreleased", "1.2.0")


def test_types_of_one_simple_name_are_told_apart(tmp_path: Path) -> None:
    text = page(folder(tmp_path, "", {**record("a.Line", x="int"), "name": "a.Line"}, {**LINE, "name": "shop.Line"}))

    assert "### a.Line" in text
    assert "### shop.Line" in text


def test_check_writes_nothing_and_says_what_differs(tmp_path: Path) -> None:
    folder(tmp_path / "schemas", f'{CONTRACTS}[docs]\nout = "../pages"\n')
    missing = run("docs", "--check", cwd=tmp_path)
    first = run("docs", cwd=tmp_path)
    (tmp_path / "pages/events.md").write_text("edited")
    edited = run("docs", "--check", cwd=tmp_path)
    second = run("docs", cwd=tmp_path)
    again = run("docs", "--check", cwd=tmp_path)

    both = ("pages/events.md", "pages/asyncapi.json")
    assert missing.returncode == 100
    assert missing.stdout == "".join(f"{each}: is not as the schemas say\n" for each in both)
    assert missing.stderr == "The documentation differs from the schemas; run `contracts docs`.\n"
    assert (first.returncode, first.stdout) == (0, "".join(f"{each}: written\n" for each in both))
    assert (edited.returncode, edited.stdout) == (100, "pages/events.md: is not as the schemas say\n")
    assert second.stdout == "pages/events.md: written\n"
    assert (again.returncode, again.stdout) == (0, f"{' and '.join(both)} are as the schemas say.\n")


def test_docs_asks_where_to(tmp_path: Path) -> None:
    folder(tmp_path / "schemas")
    result = run("docs", cwd=tmp_path)

    assert (result.returncode, result.stderr) == (
        1,
        "contracts: where to? Give --out, or [docs] out in contracts.toml\n",
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("colour", "'red'", "docs.examples.colour: no record has a field of this name"),
        ("quantity", "'two'", "docs.examples.quantity: 'two' fits no field of this name"),
        ("lines", "1", "docs.examples.lines: 1 fits no field of this name"),
    ],
)
def test_a_value_for_examples_that_nothing_can_take_is_refused(
    tmp_path: Path, name: str, value: str, message: str
) -> None:
    with pytest.raises(ContractsError, match=message):
        page(folder(tmp_path, f"{CONTRACTS}[docs.examples]\n{name} = {value}\n"))


def test_values_stand_where_they_fit(tmp_path: Path) -> None:
    text = page(folder(tmp_path, f'{CONTRACTS}[docs.examples]\nquantity = 4\nnote = "No ice"\n'))

    assert '"quantity": 4' in text
    assert '"note": "No ice"' in text


TREE: Final = record(
    "Tree", left=["null", "Tree"], right={"type": "array", "items": "Tree"}, by={"type": "map", "values": "Tree"}
)
PING: Final = record("Ping", pong=["null", record("Pong", ping=["null", "Ping"])])


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (TREE, {"left": None, "right": [], "by": {}}),
        (PING, {"pong": {"ping": None}}),
        (record("R", x=logical("decimal", "bytes", precision=9, scale=2)), {"x": "19.99"}),
        (record("R", x=logical("decimal", "bytes", precision=1, scale=1)), {"x": "0.1"}),
        (record("R", x=logical("big-decimal", "bytes")), {"x": "19.99"}),
        (record("R", x=logical("time-millis", "int")), {"x": "12:30:15.250000"}),
        (record("R", x=logical("timestamp-nanos", "long")), {"x": "2026-01-31T12:30:15.250000Z"}),
        (record("R", x=logical("local-timestamp-millis", "long")), {"x": "2026-01-31T12:30:15.250000"}),
        (record("R", x={"type": "fixed", "name": "F", "size": 12, "logicalType": "duration"}), {"x": "P1M2DT3S"}),
        (record("R", x={"type": "fixed", "name": "F", "size": 3}), {"x": "010203"}),
        (record("R", x={"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "A"}), {"x": "B"}),
        (record("R", x={"type": "map", "values": ["string", "null"]}), {"x": {"key": "<x>"}}),
    ],
    ids=lambda each: json.dumps(each)[:60],
)
def test_an_example_is_small_and_reads_well(schema: dict[str, Any], expected: object) -> None:
    parsed = parse(json.dumps(schema))
    datum = examples.example(parsed, {})

    assert json.loads(examples.readable(parsed, datum)) == expected


@pytest.mark.parametrize("case", CASES)
def test_examples_are_data_of_their_schemas(case: str) -> None:
    schemas = Contracts.load(GOLDEN / case / "schemas").schemas
    for name in schemas.files:
        schema = schemas.schema(name)
        data = io.BytesIO(encode(schema, examples.example(schema, {})))
        fastavro.schemaless_reader(data, json.loads(schemas.self_contained_text(name)), None)

        assert data.read() == b""


def test_a_type_without_data_has_no_example(tmp_path: Path) -> None:
    endless = record("shop.Endless", id="string", again="Endless")

    assert "```json" not in page(folder(tmp_path, "", endless))


def test_headings_that_are_alike_get_anchors_of_their_own() -> None:
    assert anchors(["Topics", "shop.orders", "A b_c", "Topics", "topics"]) == [
        *("topics", "shoporders", "a-b_c", "topics-1", "topics-2"),
    ]


def test_what_would_end_a_cell_or_a_block_does_not() -> None:
    assert text("a | b\n<c> `d`") == "a \\| b &lt;c> `d`"
    assert code("a | `b`") == "`` a \\| `b` ``"
    assert block("json", '"```"') == '````json\n"```"\n````'
