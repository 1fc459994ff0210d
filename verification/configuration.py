"""The page of all settings, made from the settings themselves: `python -m verification.configuration > docs/configuration.md`."""

import sys

from pydantic.fields import FieldInfo

from services.inventory.settings import Settings as InventorySettings
from services.messaging.settings import MessagingSettings
from services.orders.settings import Settings as OrdersSettings
from services.payments.settings import Settings as PaymentsSettings
from services.process.settings import ProcessSettings

PREFACE = """# Configuration

Every process is configured by its environment alone. A variable that is not set has the default below; a value that
cannot be right ends the process with a message that names it. Made by `python -m verification.configuration`.
"""

GROUPS: dict[str, tuple[type[ProcessSettings] | type[MessagingSettings], type[MessagingSettings] | None]] = {
    "Events, in every process": (MessagingSettings, None),
    "Every process": (ProcessSettings, MessagingSettings),
    "orders": (OrdersSettings, ProcessSettings),
    "payments": (PaymentsSettings, ProcessSettings),
    "inventory": (InventorySettings, ProcessSettings),
}
"""Heading to the settings shown under it, without those of the second class."""


def page() -> str:
    """The page as Markdown."""
    return PREFACE + "".join(_table(heading, *classes) for heading, classes in GROUPS.items())


def _table(heading: str, settings: type[MessagingSettings], without: type[MessagingSettings] | None) -> str:
    known = without.model_fields if without else {}
    rows = [_row(name, field) for name, field in settings.model_fields.items() if name not in known]
    return f"\n## {heading}\n\n| variable | default | meaning |\n| --- | --- | --- |\n" + "".join(rows)


def _row(name: str, field: FieldInfo) -> str:
    variable = str(field.validation_alias or name).upper()
    return f"| `{variable}` | `{field.default}` | {field.description} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
