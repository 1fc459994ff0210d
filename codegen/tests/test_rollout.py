"""`contracts plan`: who deploys first, by every pair of versions that meet."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from codegen.checks.history import released
from codegen.checks.rollout import Deployed, Order, Rollout, plan
from codegen.contracts import Contracts
from codegen.tests.building import write_schemas
from codegen.tests.releasing import release
from codegen.tests.running import run

Fields = Sequence[Mapping[str, Any]]
ID = {"name": "id", "type": "string"}
OPTIONAL = {"name": "note", "type": ["null", "string"], "default": None}
NEEDED = {"name": "total", "type": "int"}
AS_TEXT = {"name": "total", "type": "string"}
CENTS = {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}}
MILLS = {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 3}}
SERVICES = """
[topics.orders]
writer = "shop"
key = "id"
events = [{placed}]
[topics.payments]
writer = "bank"
key = "id"
events = [{paid}]
[services.bank]
consumes = [{placed}]
[services.shop]
consumes = [{paid}]
"""
PLACED, PAID = "n.Placed", "n.Paid"


def record(name: str, fields: Fields) -> dict[str, Any]:
    return {"type": "record", "name": name.removeprefix("n."), "namespace": "n", "fields": list(fields)}


class Shop:
    """Two services that read each other's events: shop writes Placed, which bank reads; bank writes Paid, which shop reads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now: dict[str, Fields] = {}

    def released(self, event: str, *versions: Fields) -> None:
        topic = {PLACED: "orders", PAID: "payments"}[event]
        for number, fields in enumerate(versions, start=1):
            release(self.folder, f"{topic}-{event}", number, record(event, fields))
        self.now[event] = versions[-1]

    def load(self) -> Contracts:
        write_schemas(self.folder, *(record(event, fields) for event, fields in self.now.items()))
        names = {"placed": PLACED, "paid": PAID}
        carried = {word: f'"{event}"' if event in self.now else "" for word, event in names.items()}
        (self.folder / "contracts.toml").write_text(SERVICES.format(**carried))
        return Contracts.load(self.folder)

    def plan(self, deployed: Deployed | None = None) -> Rollout:
        return plan(self.load(), released(self.folder), deployed or {})


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "schemas")


@pytest.mark.parametrize(
    ("before", "after", "order", "steps"),
    [
        ([ID], [ID, OPTIONAL], Order.ANY, (("bank", "shop"),)),
        ([ID, OPTIONAL], [ID], Order.ANY, (("bank", "shop"),)),
        ([ID, NEEDED], [ID], Order.READER_FIRST, (("bank",), ("shop",))),
        ([ID], [ID, NEEDED], Order.WRITER_FIRST, (("shop",), ("bank",))),
        ([ID, NEEDED], [ID, AS_TEXT], Order.NONE, ()),
        ([ID, CENTS], [ID, MILLS], Order.NONE, ()),  # it could be read, and would mean something else
    ],
    ids=["added with default", "removed with default", "removed", "added", "another type", "another meaning"],
)
def test_the_order_follows_from_who_can_read_what(
    shop: Shop, before: Fields, after: Fields, order: Order, steps: tuple[tuple[str, ...], ...]
) -> None:
    shop.released(PLACED, before)
    shop.now[PLACED] = after

    rollout = shop.plan()

    assert [pair.order for change in rollout.changes for pair in change.pairs] == [order]
    assert rollout.steps == steps
    assert bool(rollout.obstacles) == (order is Order.NONE)


def test_nothing_is_planned_where_everybody_runs_what_is_here(shop: Shop) -> None:
    shop.released(PLACED, [ID], [ID, OPTIONAL])

    assert shop.plan() == Rollout((), ())


def test_a_service_that_runs_an_earlier_version_is_judged_by_that_one(shop: Shop) -> None:
    shop.released(PLACED, [ID, NEEDED], [ID, {**NEEDED, "default": 0}])
    shop.now[PLACED] = [ID]

    newest = shop.plan()
    behind = shop.plan({"bank": {PLACED: 1}})

    assert [pair.order for pair in newest.changes[0].pairs] == [Order.ANY]
    assert [pair.order for pair in behind.changes[0].pairs] == [Order.READER_FIRST]
    assert behind.steps == (("bank",), ("shop",))


def test_a_service_that_is_behind_has_to_be_deployed_though_nothing_is_new_here(shop: Shop) -> None:
    shop.released(PLACED, [ID, NEEDED], [ID])

    rollout = shop.plan({"shop": {PLACED: 1}, "bank": {PLACED: 1}})

    assert rollout.changes[0].is_released
    assert rollout.steps == (("bank",), ("shop",))


def test_a_service_that_runs_the_current_version_is_not_deployed(shop: Shop) -> None:
    shop.released(PLACED, [ID, NEEDED], [ID])

    assert shop.plan({"bank": {PLACED: 1}}).steps == (("bank",),)


def test_what_is_unsafe_today_is_told(shop: Shop) -> None:
    shop.released(PLACED, [ID, NEEDED], [ID])

    [pair] = shop.plan({"bank": {PLACED: 1}}).changes[0].pairs

    assert [fault.rule for fault in pair.today.faults] == ["FIELD_ADDED_WITHOUT_DEFAULT"]
    assert pair.reader_first.is_safe


def test_a_new_event_is_read_before_it_is_written(shop: Shop) -> None:
    shop.released(PLACED, [ID])
    shop.now[PAID] = [ID]

    rollout = shop.plan()

    assert [(change.event, change.current) for change in rollout.changes] == [(PAID, 1)]
    assert rollout.steps == (("shop",), ("bank",))


def test_an_event_that_goes_is_told(shop: Shop) -> None:
    shop.released(PLACED, [ID])
    shop.released(PAID, [ID])
    del shop.now[PAID]

    [change] = shop.plan().changes

    assert (change.event, change.current) == (PAID, None)
    assert [(pair.writer, pair.reader, pair.order) for pair in change.pairs] == [
        ("bank", "its consumers", Order.WRITER_FIRST)
    ]


def test_services_that_would_each_have_to_be_first_have_no_order(shop: Shop) -> None:
    for event in (PLACED, PAID):
        shop.released(event, [ID, NEEDED])
        shop.now[event] = [ID]

    rollout = shop.plan()

    assert rollout.steps == ()
    [obstacle] = rollout.obstacles
    assert "n.Paid wants shop first; n.Placed wants bank first" in obstacle
    assert "Release one of the changes" in obstacle


def test_records_that_nobody_can_read_any_more_are_told(shop: Shop) -> None:
    shop.released(PLACED, [ID], [ID, {**NEEDED, "default": 0}])
    shop.now[PLACED] = [ID, NEEDED]

    [change] = shop.plan().changes

    assert [(meeting.written, meeting.read) for meeting in change.left_behind] == [(1, 3)]
    assert change.retention_days == 7


def test_a_severity_that_a_team_has_set_counts(shop: Shop) -> None:
    shop.released(PLACED, [ID, CENTS])
    shop.now[PLACED] = [ID, MILLS]
    contracts = shop.load()
    (shop.folder / "contracts.toml").write_text(
        f'{SERVICES.format(placed=f"{PLACED!r}", paid="")}[rules]\nDECIMAL_CHANGED = "off"\n'
    )

    rollout = plan(Contracts.load(contracts.folder), released(contracts.folder), {})

    assert rollout.steps == (("bank", "shop"),)


def test_without_services_the_consumers_are_one_party(tmp_path: Path) -> None:
    folder = write_schemas(tmp_path / "schemas", record(PLACED, [ID]))
    release(folder, PLACED, 1, record(PLACED, [ID, NEEDED]))

    rollout = plan(Contracts.load(folder), released(folder), {})

    assert rollout.steps == (("its consumers",), ("its producers",))


def test_a_service_that_reads_its_own_events_is_replaced_at_once(shop: Shop) -> None:
    shop.released(PLACED, [ID, NEEDED])
    shop.now[PLACED] = [ID]
    shop.load()
    configured = (
        (shop.folder / "contracts.toml")
        .read_text()
        .replace("[services.bank]", "[services.shop]")
        .rsplit("[services.shop]", 1)[0]
    )
    (shop.folder / "contracts.toml").write_text(configured)

    text = run("plan", cwd=shop.folder.parent).stdout

    assert "shop -> shop: deploy all its processes at once: none may run beside a newer one" in text
    assert "3. deploy shop\n" in text


@pytest.mark.parametrize(
    ("deployed", "message"),
    [
        ("bank = 1", r"deployed.toml: bank is a table of versions"),
        ('[bank]\n"n.Placed" = "1"', r"deployed.toml: bank is a table of versions"),
        ('[mint]\n"n.Placed" = 1', "mint is no service of contracts.toml; known are: shop, bank"),
        ('[bank]\n"n.Lost" = 1', "bank runs n.Lost, as is said, and no topic of contracts.toml carries it"),
        ('[bank]\n"n.Placed" = 9', "bank runs version 9 of n.Placed, as is said; known are: 1"),
        ("[", "deployed.toml: "),
    ],
)
def test_what_is_said_to_run_is_checked(shop: Shop, deployed: str, message: str) -> None:
    shop.released(PLACED, [ID])
    shop.load()
    (shop.folder.parent / "deployed.toml").write_text(deployed)

    result = run("plan", "--deployed", "deployed.toml", cwd=shop.folder.parent)

    assert result.returncode == 1
    assert message in result.stderr


def test_the_command_answers_in_text_markdown_and_json(shop: Shop) -> None:
    shop.released(PLACED, [ID, NEEDED])
    shop.now[PLACED] = [ID]
    shop.load()

    text, markdown, as_json = (
        run("plan", "--format", form, cwd=shop.folder.parent) for form in ("text", "markdown", "json")
    )

    unsafe = "FIELD_REMOVED_WITHOUT_DEFAULT total: readers need field 'total', for which they have no default"
    assert f"shop (version 2) -> bank (version 1)  shop first: UNSAFE: {unsafe}" in text.stdout
    assert "4. deploy shop\n" in text.stdout
    assert f"| shop (version 2) | bank (version 1) | shop first | UNSAFE: {unsafe} |" in markdown.stdout
    document = json.loads(as_json.stdout)
    assert (document["possible"], document["steps"]) == (False, [["bank"], ["shop"]])
    assert [meeting["safe"] for meeting in document["events"][0]["pairs"][0]["meetings"]] == [True, True, False]
    assert text.returncode == 100
    assert text.stdout.endswith(
        "It breaks what FULL_TRANSITIVE demands (`contracts breaking` says where): it is not released as it is.\n"
    )
    assert document["refusal"] in text.stdout


def test_no_order_is_exit_100(shop: Shop) -> None:
    shop.released(PLACED, [ID, NEEDED])
    shop.now[PLACED] = [ID, AS_TEXT]
    shop.load()

    result = run("plan", cwd=shop.folder.parent)

    assert result.returncode == 100
    assert "No order is safe:\n- n.Placed: neither bank nor shop can go first; make it two changes" in result.stdout


def test_the_plan_is_made_against_a_registry_too(tmp_path: Path) -> None:
    write_schemas(tmp_path / "schemas", record(PLACED, [ID]))

    result = run("plan", "--against", "registry", "--registry", "http://127.0.0.1:1", cwd=tmp_path)

    assert result.returncode == 69
