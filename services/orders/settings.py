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
        default=0.025, gt=0, description="How often what clients wait for is looked up, for all of them at once."
    )
    event_listeners_max: int = Field(
        default=500,
        ge=0,
        description="Open event streams per process; one more gets 503. Each is a connection and a look.",
    )
    event_offset_wait_seconds: float = Field(
        default=1.0, ge=0, description="How long an event is kept back until its offset in Kafka is known."
    )
    event_keepalive_seconds: float = Field(
        default=15.0,
        gt=0,
        description="A comment is sent so often, for whatever stands between to see a live connection.",
    )
    event_send_seconds: float = Field(
        default=30.0, gt=0, description="A listener that takes nothing for so long is left."
    )
    orders_open_max: int = Field(
        default=5_000,
        ge=1,
        description="Orders placed in the last ten minutes and not final; with as many, a new one gets 503 rather than "
        "a place in a queue of more than a few seconds.",
    )
    orders_open_refresh_seconds: float = Field(
        default=0.2, gt=0, description="How often they are counted; what arrives in between is taken."
    )
    order_batches_max: int = Field(
        default=1,
        ge=1,
        description="Batches of orders with the writer at a time: a single order waits for one of them at most, half as "
        "long as with two, and batches are as quick.",
    )
