"""The edits of the rehearsal fit the code as it is; what it counts is what stands in the topic; a failure names its step."""

import asyncio
import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from stack.errors import StackError
from verification import load
from verification.addresses import Addresses
from verification.evolve import edits, run, traffic, versions
from verification.evolve.edits import CHANNEL, LARGE_ORDERS, MISTAKE, DoesNotFit, Edit
from verification.evolve.run import Result, Wanted
from verification.evolve.stage import waves
from verification.evolve.telling import Teller
from verification.evolve.topic import Period, Standing, counted, of_period, turns
from verification.evolve.traffic import Broken, Traffic
from verification.load import Enough, Outcome, Tell
from verification.oracle import allowed
from verification.shopping import Plan

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
NOWHERE = Addresses(*["http://127.0.0.1:9"] * 8)

ORDERED = """
from datetime import UTC, datetime
from uuid import UUID
from services.orders import domain, main
from services.orders.models import OrderRequest
from services.payments import main
order = {"customer_id": "c", "currency": "EUR", "payment_method": "tok", "lines": [{"sku": "cup", "quantity": %d}]}
wish = OrderRequest.model_validate(order).command(UUID(int=7), datetime.now(UTC), None, None)
placed = domain.place(wish, {"cup": domain.Product("cup", "Cup", 250, "EUR", 1)})
again = type(placed).decode(placed.encode())
noted = [event.pieces for event in domain.noted(placed)] if hasattr(domain, "noted") else None
print(again == placed, getattr(again, "channel", "none"), noted)
"""


def printed(folder: Path, program: str) -> str:
    ended = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project as it is; tests change it one after the other, as the rehearsal does."""
    folder = tmp_path_factory.mktemp("evolve") / "v2"
    versions.copy_code(folder)
    return folder


def exit_codes(folder: Path, *commands: str) -> list[int]:
    return [versions.contracts(folder, *command.split()).code for command in commands]


# Edits


def test_the_mistake_is_refused_and_taken_back_without_a_trace(copy: Path) -> None:
    before = (copy / edits.ORDER_PLACED).read_text(encoding="utf-8")

    edits.apply(copy, MISTAKE)

    assert exit_codes(copy, "breaking", "plan", "release") == [100, 100, 100]
    edits.undo(copy, MISTAKE)
    assert (copy / edits.ORDER_PLACED).read_text(encoding="utf-8") == before


def test_both_versions_fit_the_code_as_it_is_and_keep_the_house_rules(copy: Path) -> None:
    checks = ("fmt --check", "lint", "plan", "generate", "release")  # the last one asks what `breaking` asks
    assert printed(copy, ORDERED % 12) == "True none None"

    edits.apply(copy, CHANNEL)

    assert exit_codes(copy, *checks) == [0] * len(checks)
    assert printed(copy, ORDERED % 12) == "True web None"

    edits.apply(copy, LARGE_ORDERS)

    assert exit_codes(copy, *checks) == [0] * len(checks)
    assert printed(copy, ORDERED % 12) == "True web [12]"
    assert printed(copy, ORDERED % 11) == "True web []"
    tests = ["services/orders/tests/test_domain.py", "services/payments/tests/test_domain.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    ended = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize(("text", "count"), [("b = 1\n", 0), ("a = 1\na = 1\n", 2)])
def test_an_edit_of_code_that_has_moved_on_names_the_file_and_changes_nothing(
    tmp_path: Path, text: str, count: int
) -> None:
    (tmp_path / "code.py").write_text(text, encoding="utf-8")
    (tmp_path / "other.py").write_text("c = 1\n", encoding="utf-8")

    with pytest.raises(DoesNotFit, match=rf"code\.py has the text {count} times, not once: 'a = 1'"):
        edits.apply(tmp_path, [Edit("other.py", "c", "d"), Edit("code.py", "a = 1", "a = 2")])

    assert (tmp_path / "code.py").read_text(encoding="utf-8") == text
    assert (tmp_path / "other.py").read_text(encoding="utf-8") == "c = 1\n"


def test_a_new_file_does_not_take_the_place_of_one_that_is_there(tmp_path: Path) -> None:
    edits.apply(tmp_path, [Edit("new.avsc", "", "{}")])

    assert (tmp_path / "new.avsc").read_text(encoding="utf-8") == "{}"
    with pytest.raises(DoesNotFit, match=r"new\.avsc"):
        edits.apply(tmp_path, [Edit("new.avsc", "", "{}")])


# Counting


def standing(second: float, schema_id: int, partition: int = 0, offset: int = 0) -> Standing:
    return Standing(partition, offset, "name", schema_id, BEGAN + timedelta(seconds=second), "order", b"")


def test_a_record_belongs_to_the_period_in_which_its_event_occurred() -> None:
    periods = [
        Period("v1", BEGAN),
        Period("switch", BEGAN + timedelta(seconds=10)),
        Period("v2", BEGAN + timedelta(seconds=20)),
    ]
    records = [standing(second, 1) for second in (-1, 0, 9.9, 20, 10, 25)]

    assert [
        [(each.occurred_at - BEGAN).total_seconds() for each in of_period(records, periods, n)] for n in range(3)
    ] == [
        [0.0, 9.9],
        [10.0],
        [20.0, 25.0],
    ]


def test_only_schemas_with_a_name_are_counted() -> None:
    assert counted([standing(0, 1), standing(0, 2), standing(0, 1), standing(0, 9)], {1: "old", 2: "new"}) == {
        "old": 2,
        "new": 1,
    }


def test_turns_are_the_runs_of_each_partition_in_the_order_of_the_log() -> None:
    records = [
        standing(0, 1, 0, 5), standing(0, 2, 0, 7), standing(0, 1, 0, 1), standing(0, 9, 0, 6), standing(0, 1, 0, 9),
        standing(0, 2, 1, 3),
    ]  # fmt: skip

    assert turns(records, {1: "old", 2: "new"}) == {0: ["old", "new", "old"], 1: ["new"]}


def test_replicas_are_replaced_one_of_each_kind_at_a_time() -> None:
    names = ["orders-worker-2", "payments-api", "orders-api", "orders-worker-1", "orders-api-10", "orders-api-2"]

    assert list(waves(names, "orders")) == [
        ["orders-api", "orders-worker-1"],
        ["orders-api-2", "orders-worker-2"],
        ["orders-api-10"],
    ]


# Traffic


def test_scarce_products_run_out_early_in_a_plan_that_is_longer_than_any_run() -> None:
    plan = traffic.plan("r", 1, rate=20)
    first_minute = Plan(plan.run, plan.source, plan.products, plan.orders[: 20 * 60])

    assert len(plan.orders) == 20 * 900
    assert any(len(outcomes) > 1 for outcomes in allowed(first_minute))
    assert sum(len(outcomes) > 1 for outcomes in allowed(first_minute)) < len(first_minute.orders) / 2


def going_on(outcome: Outcome, error: Exception | None = None) -> object:
    """A load run that goes on until it is enough, or breaks off at once."""

    async def run_(plan: Plan, rate: float, addresses: Addresses, tell: Tell, enough: Enough) -> Outcome:
        if error is not None:
            raise error
        while not enough():
            tell(load.SENDING, 7, 0)
            await asyncio.sleep(0)
        return outcome

    return run_


def test_traffic_goes_on_until_it_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = traffic.plan("r", 1, 1)
    outcome = Outcome(plan, [], [], [], 0)
    monkeypatch.setattr(load, "run", going_on(outcome))

    with Traffic(plan, 1, NOWHERE) as orders:
        assert orders.end() is outcome

    assert orders.answered in (0, 7)


def test_traffic_that_is_left_ends_without_an_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = traffic.plan("r", 1, 1)
    monkeypatch.setattr(load, "run", going_on(Outcome(plan, [], [], [], 0)))

    with pytest.raises(KeyboardInterrupt), Traffic(plan, 1, NOWHERE) as orders:
        raise KeyboardInterrupt

    assert orders.failure is None


def test_traffic_that_breaks_off_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = traffic.plan("r", 1, 1)
    monkeypatch.setattr(load, "run", going_on(Outcome(plan, [], [], [], 0), StackError("nobody answers")))

    with Traffic(plan, 1, NOWHERE) as orders, pytest.raises(Broken, match="StackError: nobody answers"):
        orders.end()


# Findings


def test_what_goes_wrong_is_a_finding_that_names_its_step() -> None:
    console = Console(file=io.StringIO())
    result, teller = Result(Wanted(30, 1)), Teller(console, console.status(""))

    teller.step("Orders come in")
    teller.step("Then writers: orders")
    with run._named(result, teller):
        raise StackError("orders-api is not ready 120 s after")

    assert result.findings == ["step 2 (Then writers: orders): StackError: orders-api is not ready 120 s after"]
    assert not result.document()["clean"]


def test_a_defect_of_the_rehearsal_itself_is_no_finding() -> None:
    console = Console(file=io.StringIO())

    with pytest.raises(KeyError), run._named(Result(Wanted(30, 1)), Teller(console, console.status(""))):
        raise KeyError("period")
