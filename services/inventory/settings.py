"""What the inventory processes read from the environment, each with its default and its reason."""

from pydantic import Field

from services.process.settings import ProcessSettings


class Settings(ProcessSettings):
    """Inventory's own settings beside those of every process."""

    database_url: str = Field(
        default="postgresql://inventory:inventory@127.0.0.1:5432/inventory",
        validation_alias="INVENTORY_DATABASE_URL",
        description="This service's database.",
    )
    product_batches_max: int = Field(
        default=4, ge=1, description="Product batches of one process at a time, 8 MiB each; one more waits its turn."
    )
