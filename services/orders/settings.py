"""What the orders processes read from the environment, each with its default and its reason."""

from pydantic import Field

from services.process.settings import ProcessSettings


class Settings(ProcessSettings):
    """Orders' own settings beside those of every process."""

    database_url: str = Field(
        default="postgresql://orders:orders@127.0.0.1:5432/orders",
        validation_alias="ORDERS_DATABASE_URL",
        description="This service's database.",
    )
    product_wait_seconds: float = Field(
        default=1.0, ge=0, description="How long an order waits for a product whose listing may be on its way."
    )
    product_poll_seconds: float = Field(
        default=0.05, gt=0, description="How often the product list is looked at meanwhile."
    )
    wait_poll_seconds: float = Field(
        default=0.025, gt=0, description="How often the orders that clients wait for are looked at, all at once."
    )
