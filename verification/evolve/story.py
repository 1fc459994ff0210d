"""The rehearsal, step by step: whatever does not come out as told ends it.

Version 1 is the project's own code. Version 2 adds a field to OrderPlaced, version 3 an event type to the topic. Orders writes
the topic, payments reads it. Processes are replaced a replica at a time, so each service always has one that answers.
"""

import shutil
from collections.abc import Sequence
from typing import Any

import httpx

from services.events.shop.orders import OrderPlaced
from verification.evolve import edits, versions
from verification.evolve.edits import LARGE_PIECES
from verification.evolve.stage import REQUEST_SECONDS_MAX, NotAsTold, Stage
from verification.evolve.topic import NEW_TYPE, ORDER_PLACED, TOPIC, Standing, counted, turns
from verification.reconcile.run import Report

SUBJECT, NEW_SUBJECT = f"{TOPIC}-{ORDER_PLACED}", f"{TOPIC}-{NEW_TYPE}"
WRITER, READER = "orders", "payments"
OLD, NEW, NOTED = "OrderPlaced v1", "OrderPlaced v2", "LargeOrderNoted"
LABELS = (OLD, NEW, NOTED)
RELEASING = ("diff", "breaking", "plan", "generate", "release")
"""What a team runs in its folder, in this order."""
TO_DO = 100
"""Exit code of `contracts` where something was found, or is to be done."""
SAMPLE = 200
"""Records of each schema that both versions' classes decode."""


def play(stage: Stage) -> None:
    """Tell and do everything up to the end of the traffic. Raises NotAsTold, and what the parts raise."""
    begin(stage)
    refuse_a_mistake(stage)
    change_the_contract(stage)
    register(stage)
    readers_first(stage)
    then_writers(stage)
    side_by_side(stage)
    roll_back(stage)
    new_type(stage)
    roll_back_the_new_type(stage)


def begin(stage: Stage) -> None:
    """Orders come in, written and read by version 1."""
    tell = stage.teller
    tell.step("Orders come in")
    tell.say(
        f"orders, payments and inventory run. {stage.traffic.rate:g} orders a second come in from now "
        f"on, and go on coming until the end. orders writes OrderPlaced into {TOPIC}; payments reads it and charges."
    )
    stage.learn(OLD, SUBJECT, OrderPlaced.SCHEMA)
    stage.enter("v1")
    stage.wait_for_orders()
    stage.expect_written(OLD)


def refuse_a_mistake(stage: Stage) -> None:
    """An edit that running consumers could not read is refused offline."""
    tell, before = stage.teller, stage.registered_versions(SUBJECT)
    tell.step("A careless edit is refused")
    tell.say(
        "Marketing wants to know where orders are placed. A developer takes a copy of the project, and changes the type of a "
        "field while at it. Every command says no, and nothing is registered:"
    )
    versions.copy_code(stage.folders["v2"])
    edits.apply(stage.folders["v2"], edits.MISTAKE)
    stage.contracts("v2", "breaking", code=TO_DO)
    stage.contracts("v2", "plan", code=TO_DO)
    stage.contracts("v2", "release", code=TO_DO)
    edits.undo(stage.folders["v2"], edits.MISTAKE)
    stage.expect(stage.registered_versions(SUBJECT) == before, "the refused edit has changed the registry")


def change_the_contract(stage: Stage) -> None:
    """Version 2: a field with a default, and the code that fills and reads it."""
    tell = stage.teller
    tell.step("The same wish as a new field with a default")
    tell.say(
        "OrderPlaced gets [bold]channel[/bold], null by default. orders fills it, payments counts by it. The edit is checked "
        "against every released version, every pair of services that meet in a rollout is judged, the classes are generated "
        "anew, and the schema is frozen as the next release:"
    )
    edits.apply(stage.folders["v2"], edits.CHANNEL)
    for command in RELEASING:
        stage.contracts("v2", command)


def register(stage: Stage) -> None:
    """The registry learns the schema before anybody writes it."""
    tell, before = stage.teller, stage.registered_versions(SUBJECT)
    tell.step("The registry learns it first")
    _push(stage, "v2")
    stage.expect(len(stage.registered_versions(SUBJECT)) == len(before) + 1, "the registry has no new version")
    stage.learn(NEW, SUBJECT, versions.newest_release(stage.folders["v2"], SUBJECT))
    tell.say("Nobody uses it yet. A service that starts looks its schemas up, and refuses to run without them.")
    stage.wait_for_orders()
    stage.expect_written(OLD)


def readers_first(stage: Stage) -> None:
    """Payments of version 2 reads what orders of version 1 writes."""
    tell = stage.teller
    tell.step("Readers first: payments")
    tell.say("Any order is safe, says the plan; with readers first, what is new is used from its first order on.")
    stage.roll_out(READER, "v2")
    stage.enter("payments v2")
    stage.wait_for_orders()
    stage.expect_written(OLD)
    tell.say("The new payments read the old bytes; what they do not have is null, the default.")


def then_writers(stage: Stage) -> None:
    """Orders of version 2 writes the new field."""
    tell = stage.teller
    tell.step("Then writers: orders")
    stage.enter("orders being replaced")
    stage.roll_out(WRITER, "v2")
    stage.enter("v2")
    stage.wait_for_orders()
    stage.expect_written(NEW)
    stage.until(lambda: "web" in _channels(stage), lambda: "payments to count orders by channel")
    channels = _channels(stage)
    stage.expect(channels.get("unknown", 0) > 0, f"payments of version 2 read no old bytes: {channels}")
    stage.seen.consumed["by channel"] = channels
    told = ", ".join(f"{count} {name}" for name, count in sorted(channels.items()))
    tell.say(f"payments counts orders by channel: {told} (unknown: written by version 1).")


def side_by_side(stage: Stage) -> None:
    """Both kinds of bytes stand in the topic, and either version reads either."""
    tell, records = stage.teller, [record for record in stage.topic.records if record.schema_id in stage.labels]
    tell.step("Old and new bytes in one topic")
    rows = [
        {"partition": partition, **counted((each for each in records if each.partition == partition), stage.labels)}
        for partition in sorted({record.partition for record in records})
    ]
    tell.table(("partition", OLD, NEW), rows)
    stage.expect(all(row.get(OLD) and row.get(NEW) for row in rows), "not every partition has both")
    old, new = _sample(stage, OLD), _sample(stage, NEW)
    _expect_alike(stage, "v1", "v2", [*old, *new], {OLD: None, NEW: "web"})
    stage.seen.decoded = {OLD: len(old), NEW: len(new)}
    tell.say(
        f"{len(old)} old and {len(new)} new records were decoded by the classes of both versions: the same order each time; "
        "the old class leaves out what it does not know, the new one takes the default for what is not there."
    )


def roll_back(stage: Stage) -> None:
    """Version 1 comes back, and reads what version 2 has written."""
    tell = stage.teller
    tell.step("Back to version 1, writers first")
    stage.enter("orders being put back")
    stage.roll_out(WRITER, "v1")
    stage.enter("v1 again, payments v2")
    stage.wait_for_orders()
    stage.expect_written(OLD)
    stage.roll_out(READER, "v1")
    stage.enter("v1 again")
    stage.wait_for_orders()
    stage.expect_written(OLD)
    tell.say("The topic keeps the new bytes, the registry the version: neither hurts anybody.")
    entry = _placed(stage, _sample(stage, NEW)[-1].order_id)
    stage.expect("channel" not in entry["payload"], f"version 1 shows {entry['payload']}")
    tell.say(
        f"orders of version 1 still shows the timeline of an order that version 2 has taken: OrderPlaced, schema version "
        f"{entry['schema_version']}."
    )


def new_type(stage: Stage) -> None:
    """An event type that old consumers do not know is skipped by them, and counted."""
    tell = stage.teller
    tell.step("A new event type on the same topic")
    tell.say(
        f"Version 3 also tells of orders of {LARGE_PIECES} pieces or more, in an event of its own. Only orders is rolled out: "
        "payments stays at version 1, and has never heard of channel or of LargeOrderNoted."
    )
    shutil.copytree(stage.folders["v2"], stage.folders["v3"])
    edits.apply(stage.folders["v3"], edits.LARGE_ORDERS)
    for command in RELEASING:
        stage.contracts("v3", command)
    _push(stage, "v3")
    stage.learn(NOTED, NEW_SUBJECT, versions.newest_release(stage.folders["v3"], NEW_SUBJECT))
    stage.enter("orders being replaced again")
    stage.roll_out(WRITER, "v3")
    stage.enter("orders v3, payments v1")
    stage.wait_for_orders()
    stage.wait_for_orders(NEW_TYPE, 5)
    stage.expect_written(NEW, NOTED)
    read = versions.read(stage.folders["v1"], stage.addresses.registry, [each.value for each in _sample(stage, NOTED)])
    stage.expect(not any(read), f"payments of version 1 takes {NOTED} for something that it knows")
    stage.seen.decoded[f"{NOTED}, skipped"] = len(read)


def roll_back_the_new_type(stage: Stage) -> None:
    """Version 1 of orders comes back once more, and shows orders whose timeline has an event that it does not know."""
    tell = stage.teller
    tell.step("And back once more")
    stage.enter("orders being put back again")
    stage.roll_out(WRITER, "v1")
    stage.enter("v1 at the end")
    stage.wait_for_orders()
    stage.expect_written(OLD)
    order_id = _sample(stage, NOTED)[-1].order_id
    _placed(stage, order_id)
    tell.say(f"orders of version 1 shows the timeline of {order_id}, too, which has a {NOTED} in it.")


def tell_what_was_skipped(stage: Stage) -> None:
    """What payments of version 1 has made of the topic since it came back; asked when all is read."""
    noted = sum(record.name == NEW_TYPE for record in stage.topic.records)
    outcomes = stage.figures(READER, "consumer_messages_total", "outcome", topic=TOPIC)
    stage.seen.consumed["outcomes at the end"] = outcomes
    stage.expect(outcomes.get("skipped", 0) >= noted > 0, f"{noted} {NOTED}, but skipped: {outcomes}")
    stage.teller.say(
        f"payments of version 1, since it came back: {outcomes.get('applied', 0)} messages of {TOPIC} applied, "
        f"{outcomes['skipped']} skipped, {noted} {NOTED} among them; none parked."
    )


def expect_nothing_parked(stage: Stage, report: Report | None) -> None:
    """Insist that no service has found a record that it could not read."""
    letters = {} if report is None else report.counts["dead_letters"]
    stage.expect(not letters, f"dead letters: {letters}")


def tell_periods(stage: Stage) -> None:
    """Which schemas were written when, and how often they change in the log."""
    stage.seen.periods = stage.count_periods()
    stage.seen.turns = turns(stage.topic.records, stage.labels)
    stage.teller.table(("period", *LABELS), stage.seen.periods)


def _push(stage: Stage, version: str) -> None:
    """Say what the registry lacks, bring it in step, and see that nothing is left to do."""
    address = ("--registry", stage.addresses.registry)
    stage.contracts(version, "push", "--plan", *address, code=TO_DO)
    stage.contracts(version, "push", "--apply", *address)
    stage.contracts(version, "push", "--plan", *address)


def _channels(stage: Stage) -> dict[str, int]:
    return stage.figures(READER, "payments_orders_total", "channel")


def _sample(stage: Stage, label: str) -> list[Standing]:
    """The last records of a schema."""
    return [record for record in stage.topic.records if stage.labels.get(record.schema_id) == label][-SAMPLE:]


def _expect_alike(
    stage: Stage, old: str, new: str, records: Sequence[Standing], channels: dict[str, str | None]
) -> None:
    """Insist that the older version's class reads what the newer one's does, but for the new field."""
    values = [record.value for record in records]
    by_old, by_new = (versions.read(stage.folders[each], stage.addresses.registry, values) for each in (old, new))
    for record, before, after in zip(records, by_old, by_new, strict=True):
        if before is None or after is None:
            raise NotAsTold(f"order {record.order_id} is skipped: {before}, {after}")
        wanted = {**before, "channel": channels[stage.labels[record.schema_id]]}
        stage.expect(after == wanted, f"order {record.order_id} is {before} to {old}, and {after} to {new}")


def _placed(stage: Stage, order_id: str) -> dict[str, Any]:
    """The first entry of an order's timeline, as the orders service shows it."""
    url = f"{stage.addresses.orders}/orders/{order_id}/timeline"
    try:
        answer = httpx.get(url, timeout=REQUEST_SECONDS_MAX, trust_env=False)
    except httpx.HTTPError as error:
        raise NotAsTold(f"{url} does not answer: {error!r}") from error
    stage.expect(answer.status_code == 200, f"GET {url}: {answer.status_code} {answer.text}")
    first: dict[str, Any] = answer.json()[0]
    stage.expect(first["event"] == "OrderPlaced", f"the timeline of {order_id} begins with {first['event']}")
    return first
