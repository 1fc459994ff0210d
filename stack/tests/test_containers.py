"""The compose file says the same as the settings, the contracts and the artifacts; containers cannot be run here."""

import tomllib
from pathlib import Path
from typing import Any

import yaml

from services.inventory.settings import Settings as InventorySettings
from services.orders.settings import Settings as OrdersSettings
from services.payments.settings import Settings as PaymentsSettings
from services.process.settings import ProcessSettings
from stack.kafka import SETTINGS as BROKER
from stack.services import SERVICES

PROJECT = Path(__file__).parents[2]
SETTINGS: dict[str, type[ProcessSettings]] = {
    "orders": OrdersSettings,
    "payments": PaymentsSettings,
    "inventory": InventorySettings,
}


def containers() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]
    return services


def variables(settings: type[ProcessSettings]) -> set[str]:
    return {str(field.validation_alias or name).upper() for name, field in settings.model_fields.items()}


def test_every_service_has_its_containers() -> None:
    wanted = {f"{service.name}-{role}" for service in SERVICES for role in ("api", "worker", "migrate")}

    assert wanted <= containers().keys()


def test_every_variable_is_a_setting_of_its_service() -> None:
    for name, container in containers().items():
        service, _, role = name.partition("-")
        if service in SETTINGS and role:
            assert container["command"] == ["python", "-m", f"services.{service}.main", role]
            assert container["environment"].keys() <= variables(SETTINGS[service])
            assert f"{service.upper()}_DATABASE_URL" in container["environment"]


def test_ports_are_the_usual_ones() -> None:
    for service in SERVICES:
        assert containers()[f"{service.name}-api"]["ports"] == [f"127.0.0.1:{service.port}:8000"]


def test_versions_are_those_that_run_here() -> None:
    artifacts = tomllib.loads((PROJECT / "stack" / "artifacts.toml").read_text())
    kafka = artifacts["kafka"]["resolve"][0].split(":")[2]
    registry = artifacts["registry"]["files"][0].split(":")[2]
    images = {name: container["image"] for name, container in containers().items()}

    assert images["kafka"] == f"apache/kafka:{kafka}"
    assert images["registry"] == f"apicurio/apicurio-registry:{registry}"
    assert images["postgres"] == "postgres:18"


def test_the_broker_never_makes_topics_by_itself() -> None:
    assert BROKER["auto.create.topics.enable"] == "false"
    assert containers()["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
