"""Which processes the services are, how they are configured, and what they wait for."""

import contextlib
import socket
import sys
from pathlib import Path

import pytest

from stack import ports, services
from stack.artifacts import cache_folder
from stack.backend import Endpoints, Process, Step
from stack.errors import NotConfigured
from stack.ports import Listeners
from stack.preparation import Preparation
from stack.services import Service
from stack.state import StateFolder

ORDERS = Service("orders", 8001)
CONSOLE = Service("console", 8000, has_worker=False, has_database=False)
PARTS = ["kafka", "registry", "postgres"]


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    state = StateFolder(tmp_path / "state")
    state.create()
    return state


def preparation(
    state: StateFolder, postgres: str | None = "postgresql://admin:secret@127.0.0.1:5432/postgres"
) -> Preparation:
    return Preparation(state, Endpoints("127.0.0.1:9092", "http://127.0.0.1:8081", postgres), [ORDERS, CONSOLE])


def test_a_service_has_as_many_apis_and_workers_as_wanted() -> None:
    assert list(services.process_names([ORDERS, CONSOLE], 2)) == [
        "orders-api",
        "orders-api-2",
        "orders-worker-1",
        "orders-worker-2",
        "console-api",
        "console-api-2",
    ]
    assert list(services.process_names([ORDERS], 1)) == ["orders-api", "orders-worker-1"]
    assert not services.process_names([ORDERS], 0)


def test_the_usual_port_is_the_services_and_each_process_has_one_of_its_own() -> None:
    assert services.wanted_ports([ORDERS], 1) == {"orders": 8001, "orders-api": None, "orders-worker-1": None}
    assert services.wanted_ports([ORDERS], 0) == {}


def test_a_service_without_a_program_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "services" / "payments").mkdir(parents=True)
    (tmp_path / "services" / "payments" / "main.py").touch()

    assert [service.name for service in services.present(tmp_path)] == ["payments"]


def test_a_service_gets_its_own_database_only(state: StateFolder) -> None:
    environment = preparation(state).environment(ORDERS)

    assert environment["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:9092"
    assert environment["SCHEMA_REGISTRY_URL"] == "http://127.0.0.1:8081"
    assert environment["ORDERS_DATABASE_URL"] == f"postgresql://orders:{state.secret('orders')}@127.0.0.1:5432/orders"
    assert [name for name in environment if name.endswith("_DATABASE_URL")] == ["ORDERS_DATABASE_URL"]
    assert "secret@" not in str(environment)


def test_a_given_database_is_used_when_there_is_no_server_to_make_one_on(
    state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_DATABASE_URL", "postgresql://given/orders")
    assert preparation(state, postgres=None).environment(ORDERS)["ORDERS_DATABASE_URL"] == "postgresql://given/orders"

    monkeypatch.delenv("ORDERS_DATABASE_URL")
    with pytest.raises(NotConfigured, match="Neither POSTGRES_URL nor ORDERS_DATABASE_URL"):
        preparation(state, postgres=None).environment(ORDERS)


def test_a_proxy_is_not_asked_for_what_is_on_this_machine(state: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet,localhost")

    assert preparation(state).environment(ORDERS)["NO_PROXY"] == "intranet,localhost,127.0.0.1"


def test_services_are_compiled_once_where_bytecode_may_not_lie_beside_sources(
    state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    environment = preparation(state).environment(ORDERS)
    assert Path(environment["PYTHONPYCACHEPREFIX"]).is_relative_to(cache_folder())
    assert environment["PYTHONDONTWRITEBYTECODE"] == ""

    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert "PYTHONPYCACHEPREFIX" not in preparation(state).environment(ORDERS)


def test_a_service_starts_when_everything_it_takes_for_granted_is_there(state: StateFolder) -> None:
    it = preparation(state)
    environment = {service.name: it.environment(service) for service in it.services}
    needs = {service.name: it.needs(service, PARTS) for service in it.services}
    chosen = {"orders": 8001, "orders-api": 20_000, "orders-worker-1": 20_001, "console": 8000, "console-api": 20_002}

    known = {
        process.name: process
        for process in services.processes(it.services, 1, chosen, environment, needs, Listeners(), state)
    }

    assert set(known["orders-api"].needs) == {*PARTS, "topics", "warm-up", "contracts", "database-orders"}
    assert set(known["console-api"].needs) == {*PARTS, "topics", "warm-up", "contracts"}
    launch = known["orders-worker-1"].launch()
    assert launch.arguments[1:] == ("-m", "services.orders.main", "worker")
    assert (launch.environment["HTTP_HOST"], launch.environment["HTTP_PORT"]) == ("127.0.0.1", "20001")
    assert launch.environment["CONSUMER_INSTANCE"] == f"orders-worker-1-{state.id}"


def test_the_apis_of_a_service_inherit_one_open_port(state: StateFolder) -> None:
    it = preparation(state)
    names = {service.name: it.environment(service) for service in it.services}
    [port] = ports.choose({"orders": None}, {}).values()
    chosen = dict.fromkeys(services.process_names([ORDERS], 2), 20_000) | {"orders": port}
    with contextlib.closing(Listeners()) as listeners:
        known = {
            each.name: each for each in services.processes([ORDERS], 2, chosen, names, {"orders": ()}, listeners, state)
        }
        assert ports.is_free(port)

        first, second = known["orders-api"].launch(), known["orders-api-2"].launch()

        assert first.descriptors == second.descriptors == (int(first.environment["HTTP_SHARED_SOCKET"]),)
        assert "HTTP_SHARED_SOCKET" not in known["orders-worker-1"].launch().environment
        with socket.create_connection(("127.0.0.1", port), timeout=1):  # though nobody takes it yet
            assert not ports.is_free(port)
    assert ports.is_free(port)


def test_nothing_is_waited_for_that_somebody_else_runs(state: StateFolder) -> None:
    steps = list(preparation(state).steps(parts=[]))

    assert [step.needs for step in steps] == [()] * len(steps)
    assert {type(step) for step in steps} == {Step}
    assert not any(isinstance(step, Process) for step in steps)
